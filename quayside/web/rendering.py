"""HTML from the Jinja2 templates in `templates/`, with every value escaped.

A template that uses a value which it was not given fails, instead of showing nothing.
"""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    keep_trailing_newline=True,
)

# All templates are read and compiled while the application is imported: no request waits for it on the loop.
_templates = {name: _environment.get_template(name) for name in _environment.list_templates()}


def render(template: str, values: Mapping[str, object]) -> str:
    """The page of a template, named as its file is."""
    return _templates[template].render(values)

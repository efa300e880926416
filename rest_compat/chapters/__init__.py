"""The chapters of the REST reference, each a table of routes and a file of documents."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from rest_compat.chapter import Chapter, read_documents

CHAPTERS: tuple[Chapter, ...] = tuple(
    import_module(f"{__name__}.{name}").CHAPTER
    for name in sorted(module.name for module in iter_modules(__path__))
)
"""All chapters, in alphabetical order. Shared fragments are in `_fragments.graphql`."""


def fragments() -> str:
    """The text of the shared fragments."""
    return read_documents("_fragments")

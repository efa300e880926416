"""The chapters of the REST reference: one table of rows and one file of documents each."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from rest_compat.chapter import Chapter, read_documents

CHAPTERS: tuple[Chapter, ...] = tuple(
    import_module(f"{__name__}.{name}").CHAPTER
    for name in sorted(module.name for module in iter_modules(__path__))
)
"""All chapters, in alphabetical order. Fragments that several documents use stand in `_fragments.graphql`."""


def fragments() -> str:
    """The text of the fragments that several documents use."""
    return read_documents("_fragments")

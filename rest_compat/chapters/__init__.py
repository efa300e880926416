"""The chapters of the REST reference: one table of rows and one file of documents each."""

from __future__ import annotations

from rest_compat.chapter import Chapter
from rest_compat.chapters import discovery, error

CHAPTERS: tuple[Chapter, ...] = (
    discovery.CHAPTER,
    error.CHAPTER,
)
"""All chapters, in alphabetical order. Fragments that several documents use stand in `_fragments.graphql`."""

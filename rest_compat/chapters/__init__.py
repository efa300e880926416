"""The chapters of the REST reference: one table of rows and one file of documents each."""

from __future__ import annotations

from rest_compat.chapter import Chapter, read_documents
from rest_compat.chapters import (
    appspecifictokens,
    discovery,
    error,
    globalmessages,
    logs,
    manifest,
    organization,
    permission,
    prototype,
    referrers,
    repository,
    robot,
    search,
    tag,
    team,
    user,
)

CHAPTERS: tuple[Chapter, ...] = (
    appspecifictokens.CHAPTER,
    discovery.CHAPTER,
    error.CHAPTER,
    globalmessages.CHAPTER,
    logs.CHAPTER,
    manifest.CHAPTER,
    organization.CHAPTER,
    permission.CHAPTER,
    prototype.CHAPTER,
    referrers.CHAPTER,
    repository.CHAPTER,
    robot.CHAPTER,
    search.CHAPTER,
    tag.CHAPTER,
    team.CHAPTER,
    user.CHAPTER,
)
"""All chapters, in alphabetical order. Fragments that several documents use stand in `_fragments.graphql`."""


def fragments() -> str:
    """The text of the fragments that several documents use."""
    return read_documents("_fragments")

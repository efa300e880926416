"""A chapter: the rows and documents of one tag of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from rest_compat.route import Route


@dataclass(frozen=True)
class Chapter:
    """`documents` is GraphQL text; `description` is what discovery says of the tag."""

    name: str
    description: str
    routes: tuple[Route, ...]
    documents: str


def read_documents(name: str) -> str:
    """The text of `chapters/<name>.graphql`."""
    return files("rest_compat.chapters").joinpath(f"{name}.graphql").read_text("utf-8")


def chapter(name: str, description: str, *routes: Route) -> Chapter:
    """A chapter from its rows, with the documents of the file of the same name."""
    return Chapter(name, description, routes, read_documents(name))

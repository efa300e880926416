"""A chapter: the rows and documents of one tag of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from rest_compat.owners import Owned, Owner, documents_of
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


def chapter(name: str, description: str, *rows: Route | Owned) -> Chapter:
    """A chapter from its rows, with the documents of the file of the same name.

    The documents of rows that several kinds of owners have stand in `<name>.owned.graphql`.
    """
    routes: list[Route] = []
    owners: dict[Owner, None] = {}
    for row in rows:
        if isinstance(row, Owned):
            routes.extend(row.routes())
            owners |= dict.fromkeys(row.owners)
        else:
            routes.append(row)
    documents = read_documents(name)
    if owners:
        documents += "\n" + documents_of(owners, read_documents(f"{name}.owned"))
    return Chapter(name, description, tuple(routes), documents)

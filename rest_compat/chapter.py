"""A chapter: the routes and documents of one tag of the API reference."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from rest_compat.owners import Owned, Owner, documents_of
from rest_compat.route import Route


@dataclass(frozen=True)
class Chapter:
    """`documents` is GraphQL text; `description` describes the tag in discovery."""

    name: str
    description: str
    routes: tuple[Route, ...]
    documents: str


def read_documents(name: str) -> str:
    """The text of `chapters/<name>.graphql`."""
    return files("rest_compat.chapters").joinpath(f"{name}.graphql").read_text("utf-8")


def chapter(name: str, description: str, *rows: Route | Owned) -> Chapter:
    """A chapter of these rows, with the documents of `chapters/<name>.graphql`.

    The documents of `Owned` rows are in `<name>.owned.graphql`.
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

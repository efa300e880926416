"""Automatic persisted queries: documents that clients name by their SHA-256 instead of sending them.

    {extensions: {persistedQuery: {version: 1, sha256Hash}}}           runs it, or PersistedQueryNotFound
    {query, extensions: {persistedQuery: {version: 1, sha256Hash}}}    runs it, and keeps it

A client that is told PersistedQueryNotFound sends both, so that each process may keep its own, and forget.
Only valid documents are kept, within bounds for signed-in and for anonymous clients. Who keeps most in a
bound loses what they used longest ago, so that nobody can push out what others use.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from graphql import GraphQLError

from quayside.graphql.requests import RequestRefused
from resolvers.record.shares import Holder

NOT_FOUND: Final = GraphQLError("PersistedQueryNotFound", extensions={"code": "PERSISTED_QUERY_NOT_FOUND"})
"""Message and code that clients know."""

Keeper = int | str | None
"""Who keeps documents: an account by its id, or an anonymous address."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Bounds of the store of one process, for signed-in clients and as much again for anonymous ones.

    `text` is the most characters of one document; longer ones run, and are not kept.
    """

    documents: int = 1_000
    characters: int = 4 * 1024 * 1024
    text: int = 64 * 1024


@dataclass(slots=True)
class _Shelf:
    """The documents that one keeps, the one used longest ago first."""

    texts: OrderedDict[str, str] = field(default_factory=OrderedDict)
    characters: int = 0


class _Shelves:
    """The documents of all keepers within one bound."""

    def __init__(self, limits: StoreLimits) -> None:
        self._limits = limits
        self._shelves: dict[Keeper, _Shelf] = {}
        self._keepers: dict[str, Keeper] = {}
        self.characters = 0

    def __len__(self) -> int:
        return len(self._keepers)

    def get(self, name: str) -> str | None:
        """The document with this hash, which was now used."""
        if name not in self._keepers:
            return None
        texts = self._shelves[self._keepers[name]].texts
        texts.move_to_end(name)
        return texts[name]

    def keep(self, name: str, text: str, keeper: Keeper) -> None:
        """Keep a document for somebody."""
        shelf = self._shelves.setdefault(keeper, _Shelf())
        shelf.texts[name] = text
        self._keepers[name] = keeper
        shelf.characters += len(text)
        self.characters += len(text)
        while len(self) > self._limits.documents:
            self.drop(next(iter(max(self._shelves.values(), key=lambda one: len(one.texts)).texts)))
        while self.characters > self._limits.characters:
            self.drop(next(iter(max(self._shelves.values(), key=lambda one: one.characters).texts)))

    def drop(self, name: str) -> None:
        """Forget a document, if it is kept."""
        if name not in self._keepers:
            return
        keeper = self._keepers.pop(name)
        shelf = self._shelves[keeper]
        size = len(shelf.texts.pop(name))
        shelf.characters -= size
        self.characters -= size
        if not shelf.texts:
            del self._shelves[keeper]


class PersistedQueries:
    """The documents that clients of this process can name by their hash."""

    def __init__(self, limits: StoreLimits | None = None) -> None:
        self.limits = limits or StoreLimits()
        self.signed_in = _Shelves(self.limits)
        self.anonymous = _Shelves(self.limits)

    def text(self, name: str, query: str | None) -> str:
        """The document of a request that gives a hash, and perhaps the document.

        Raises RequestRefused: 200 with PersistedQueryNotFound, as clients expect it, or 422 for a hash of
        something else.
        """
        if query:
            if hashlib.sha256(query.encode(errors="surrogatepass")).hexdigest() != name:
                message = "extensions.persistedQuery.sha256Hash: must be the SHA-256 of query."
                raise RequestRefused(422, [GraphQLError(message)], {})
            return query
        found = self.signed_in.get(name) or self.anonymous.get(name)
        if found is None:
            raise RequestRefused(200, [NOT_FOUND], {})
        return found

    def used(self, name: str, text: str, holder: Holder) -> None:
        """Keep a valid document that somebody used. No anonymous client displaces what signed-in ones use."""
        if len(text) > self.limits.text or self.signed_in.get(name) is not None:
            return
        if holder.account_id is not None:
            self.anonymous.drop(name)
            self.signed_in.keep(name, text, holder.account_id)
        elif self.anonymous.get(name) is None:
            self.anonymous.keep(name, text, holder.address)

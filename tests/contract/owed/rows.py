"""Rows: one write, who may not make it, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

Json = Any

AGENT = "a client of the registry"
"""What callers say that they are."""


class Door(Enum):
    """Where requests go."""

    GRAPHQL = "GraphQL"
    REST = "REST"
    REGISTRY = "/v2"


class Entry(NamedTuple):
    """One audit entry, or a day's count of them. `namespace` and `repository` are names; None for none.

    `<word>` in a value of the metadata stands for a fact of the place, as in a request. `performer` is None
    for the one who makes the request, empty for nobody.
    """

    kind: str
    metadata: Mapping[str, Json]
    namespace: str | None
    repository: str | None = None
    performer: str | None = None


def at_app(kind: str, /, **metadata: Json) -> Entry:
    """An entry of the repository acme/app, which names it in its metadata."""
    return Entry(kind, {"repo": "app", "namespace": "acme"} | metadata, "acme", "acme/app")


def at_acme(kind: str, /, **metadata: Json) -> Entry:
    """An entry of the organization acme."""
    return Entry(kind, metadata, "acme")


def at_own(kind: str, /, **metadata: Json) -> Entry:
    """An entry of the user `owner`."""
    return Entry(kind, metadata, "owner")


@dataclass(frozen=True)
class Request:
    """A request to one of the doors: GraphQL where `method` is empty, else `/api/v1` or `/v2`.

    In texts, `<word>` stands for a fact of the place. `keep` has new facts: their names, and where the answer
    has them, such as `token.uuid`; a header of the answer is `Location:`.
    """

    text: str
    """The one field of a mutation with its arguments, or a path from the root."""
    method: str = ""
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    by: str = "owner"
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A write. `name` is the mutation, the operation or the address, with words behind a colon for a variant.

    `right` names who is refused, in `rights`. `bumped` are the names of accounts and paths of repositories
    whose `auth_epoch` grows; where there are any, `ended` are the callers whose registry tokens end, of those
    in `HOLDERS`, beside accounts in `bumped`. `changes` are the tables that change, beside those of the logs:
    `+` for new rows, `~` for other values, `-` for rows that are gone. `given` is done before.
    """

    name: str
    request: Request
    right: str
    changes: str
    entries: tuple[Entry, ...] = ()
    bumped: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    given: tuple[Request, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """What callers get where it is not what the door makes of the code that their right gives them."""
    outcome: str = ""
    """The error of a write that leaves something behind although it is refused."""

    @property
    def door(self) -> Door:
        """Where the request goes, by its path."""
        if not self.request.method:
            return Door.GRAPHQL
        return Door.REST if self.request.text.startswith("/api/") else Door.REGISTRY


def row(
    name: str,
    text: str,
    right: str,
    changes: str,
    *entries: Entry,
    by: str = "owner",
    bumped: str = "",
    ended: str = "",
    given: tuple[Request, ...] = (),
    outcome: str = "",
    **keep: str,
) -> Row:
    """A row of a mutation, whose name stands before the arguments of `text`, in brackets if there are any."""
    mutation = name.partition(":")[0]
    request = Request(f"{mutation}({text})" if text else mutation, by=by, keep=keep)
    return Row(
        name,
        request,
        right,
        changes,
        entries,
        bumped=frozenset(bumped.split()),
        ended=frozenset(ended.split()),
        given=given,
        outcome=outcome,
    )

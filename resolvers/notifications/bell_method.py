"""The method `quay_notification`: the bell of a user, a team, or the administrators of an organization.

A notification never opens a repository: whoever reads the notice must be able to read the repository then.
Users are judged at each event too, so that the delivery says why they were told nothing. Of teams and
organizations, only those of the namespace can be told.
"""

from dataclasses import dataclass
from typing import Final

from resolvers.access.permissions import ADMINISTERED, RepositoryRef, Subject, accesses
from resolvers.access.roles import RepositoryRole
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account, team
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.notifications.kinds import Facts
from resolvers.notifications.methods import FIELD, MethodRow, NotificationMethod, Outgoing, Unsent
from resolvers.repositories import repository
from resolvers.repositories.policies import Place
from storage.statements import fetch_one

_WORDS: Final = {"user": "user", "team": "team", "org": "organization"}
"""The kinds of targets, with their names for people."""


@dataclass(frozen=True, slots=True)
class _Named:
    """Who is to be told, as a configuration names them."""

    kind: str
    name: str


def _named(config: Facts) -> _Named | None:
    """The target of a configuration; None if it has none."""
    target = config.get("target")
    if not isinstance(target, dict):
        return None
    kind, name = target.get("kind"), target.get("name")
    if not (isinstance(kind, str) and kind in _WORDS and isinstance(name, str) and name):
        return None
    return _Named(kind, name)


async def _find(named: _Named, namespace_id: int) -> Target | None:
    """The target of this name in a namespace; None if there is none."""
    if named.kind == "team":
        found = await team.find(namespace_id, named.name)
        return Target(team_id=found.id) if found else None
    kind = AccountKind.USER if named.kind == "user" else AccountKind.ORGANIZATION
    record = await account.by_name(named.name, kind)
    return Target(account_id=record.id) if record else None


async def _check(context: Context, place: Place, config: Facts) -> None:
    named = _named(config)
    if named is None:
        raise Invalid("Missing target", field=FIELD)
    found = await _find(named, place.namespace_id)
    if found is None:
        raise Invalid(f"Unknown {_WORDS[named.kind]} {named.name[:255]}", field=FIELD)
    if named.kind == "org" and found.account_id != place.namespace_id:
        raise Invalid(
            f"config: only the organization that owns the {'repository' if place.repository else 'quota'}"
            f" can be told, which is not {named.name[:255]}.",
            field=FIELD,
        )


async def _write(context: Context, outgoing: Outgoing) -> None:
    """Ring the bell, in the open transaction. Raises `Unsent`."""
    named = _named(outgoing.config)
    found = await _find(named, outgoing.namespace_id) if named else None
    if named is None or found is None:
        raise Unsent("The target of the notification is no longer there.", is_final=True)
    if named.kind == "user" and not await _may_know(found.account_id or 0, outgoing):
        raise Unsent(f"{named.name} may not see what happens here, and was told nothing.", is_final=True)
    if named.kind == "org" and found.account_id != outgoing.namespace_id:
        raise Unsent(f"{named.name} no longer owns this, and was told nothing.", is_final=True)
    await notice.put(
        NoticeKind(outgoing.event.event.value),
        outgoing.payload,
        found,
        repository_id=outgoing.repository_id,
    )


async def _may_know(account_id: int, outgoing: Outgoing) -> bool:
    """Whether a user may read the repository, or administers the namespace, that an event is of."""
    if outgoing.repository_id is None:
        row = await fetch_one(
            f"SELECT 1 AS found WHERE CAST(? AS BIGINT) = CAST(? AS BIGINT)"
            f" OR CAST(? AS BIGINT) IN ({ADMINISTERED})",
            account_id,
            outgoing.namespace_id,
            outgoing.namespace_id,
            account_id,
        )
        return row is not None
    record = (await repository.by_ids([outgoing.repository_id])).get(outgoing.repository_id)
    if record is None:
        return False
    subject = Subject(account_id, RepositoryRole.ADMIN)
    place = RepositoryRef(record.id, record.namespace_id, record.ref.is_public)
    return (await accesses([subject], [place]))[account_id, record.id].role is not None


ROWS: Final = (
    MethodRow(
        method=NotificationMethod.QUAY_NOTIFICATION,
        sentence="The bell of a user, of a team, or of the administrators of the organization.",
        config="`target { kind name }`, `kind` being `user`, `team` or `org`",
        check=_check,
        write=_write,
    ),
)

"""Makes each write of a table: refused to all who must be, then done once, and compares what it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from resolvers.event_kinds import KINDS, TOLD_BY_PUSH
from storage.statements import Row as DatabaseRow
from storage.statements import decode_json
from tests.contract.owed.place import Place
from tests.contract.owed.requests import carry_out, filled, pull, registry_token, send
from tests.contract.owed.rights import ABSENT, FRESH, INVALID, RIGHTS, F, U
from tests.contract.owed.rows import Door, Entry, Row
from tests.state import FOLLOWING, dump, keep, restore

LOGS = ("audit_log", "event")
OUTCOMES: Mapping[Door, Mapping[str, str]] = {
    Door.GRAPHQL: {},
    Door.REST: {U: "403", F: "403", FRESH: "401", ABSENT: "404", INVALID: "400"},
    Door.REGISTRY: {U: "401", F: "401", ABSENT: "404"},
}
"""What each door makes of the codes of errors."""

HOLDERS: Mapping[str, str] = {
    "reader": "acme/app",
    "writer": "acme/app",
    "member": "acme/app",
    "robot": "acme/app",
    "guest": "acme/public",
}
"""Callers who hold registry tokens for a repository, by every kind of right."""

TOKEN = ("oauth_token_id", "oauth_token_application_id", "oauth_token_application")

State = Mapping[str, list[DatabaseRow]]


async def problems(place: Place, rows: Iterable[Row]) -> list[str]:
    """What each of the rows does that it should not, and does not do that it should."""
    await keep()
    found: list[str] = []
    first = await dump()
    for row in rows:
        place.facts.pop("code", None)
        found += [f"{row.name}: {problem}" for problem in await _problems(place, row)]
        last = await dump()
        await restore(*(name for name in first if "_search" not in name and first[name] != last[name]))
    return found


async def _problems(place: Place, row: Row) -> list[str]:
    for request in row.given:
        if problem := await carry_out(place, request):
            return [problem]
    before = await dump()
    if found := await _refusal_problems(place, row):
        return found
    if changes := _changes(before, await dump(), but=()):
        return [f"whoever is refused changes {changes}"]
    held = await _hold(place, row)
    if problem := await carry_out(place, row.request, outcome=row.outcome):
        return [problem]
    after = await dump()
    compared = (
        ("entries", [_due(place, row, entry) for entry in row.entries], _entries(before, after)),
        ("epochs", sorted(row.bumped), _bumped(before, after)),
        ("changes", row.changes, _changes(before, after)),
    )
    return [
        *(f"{what}: {done}, not {due}" for what, due, done in compared if due != done),
        *_credential_problems(place, row.request.by, before, after),
        *await _token_problems(place, row, held),
    ]


async def _refusal_problems(place: Place, row: Row) -> list[str]:
    found = []
    for caller, code in RIGHTS[row.right].items():
        credentials = place.callers[caller]
        if row.door is Door.REGISTRY and credentials.session:
            continue
        outcome = (await send(place, row.request, by=caller)).outcome
        due = row.outcomes.get(caller, OUTCOMES[row.door].get(code, code))
        if outcome != due:
            found.append(f"{caller} gets {outcome or 'what they ask for'}, not {due}")
    return found


async def _hold(place: Place, row: Row) -> list[tuple[str, str, str]]:
    """Registry tokens before the write: who holds it, for which repository, and the token."""
    if not row.bumped:
        return []
    found = []
    for holder, path in (HOLDERS | dict.fromkeys(_callers(place, row), "acme/public")).items():
        token = await registry_token(place, holder, path)
        assert await pull(place, path, token) == 200
        found.append((holder, path, token))
    return found


def _callers(place: Place, row: Row) -> list[str]:
    """The callers who can have registry tokens, one for each account, and whose account is bumped."""
    logins = {credentials.account: name for name, credentials in place.callers.items() if credentials.login}
    return sorted(name for account, name in logins.items() if account in row.bumped - {"blocked"})


async def _token_problems(place: Place, row: Row, held: list[tuple[str, str, str]]) -> list[str]:
    """Tokens that should have ended and work still, and those that should work still and ended."""
    ended = row.ended.union(_callers(place, row))
    found = []
    for holder, path, token in held:
        status, due = await pull(place, path, token), 401 if holder in ended else 200
        if status != due:
            found.append(f"a registry token of {holder} for {path} gets {status}, not {due}")
    return found


def _due(place: Place, row: Row, entry: Entry) -> Entry:
    performer = place.callers[row.request.by].account if entry.performer is None else entry.performer
    return entry._replace(metadata=filled(dict(entry.metadata), place.facts), performer=performer or None)


def _new(table: str, before: State, after: State) -> list[DatabaseRow]:
    known = {row["id"] for row in before[table]}
    return sorted((row for row in after[table] if row["id"] not in known), key=lambda row: int(row["id"]))


def _entries(before: State, after: State) -> list[Entry]:
    accounts = {row["id"]: row["name"] for state in (after, before) for row in state["account"]}
    paths = {row["id"]: row["path"] for state in (after, before) for row in state["repository"]}
    found = []
    for row in _new("audit_log", before, after):
        metadata = {key: value for key, value in _metadata(row).items() if key not in TOKEN}
        found.append(
            Entry(
                row["kind"],
                metadata,
                accounts.get(row["namespace_id"]),
                paths.get(row["repository_id"]),
                accounts.get(row["performer_id"]),
            )
        )
    return found


def _metadata(row: DatabaseRow) -> dict[str, Any]:
    return dict(decode_json(row["metadata"]))


def _credential_problems(place: Place, caller: str, before: State, after: State) -> list[str]:
    """Entries and events that do not tell by which credential, and events that are not as their entries."""
    credentials = place.callers[caller]
    token = credentials.token
    due = dict(zip(TOKEN, (token, *(credentials.application or (None, None))), strict=True)) if token else {}
    kind = "access_token" if token else "session" if credentials.session else None
    entries = _new("audit_log", before, after)
    told = _new("event", before, after)
    without_entry = TOLD_BY_PUSH if any(row["kind"] == "push_repo" for row in told) else frozenset()
    events = [row for row in told if KINDS[row["kind"]].is_audited and row["kind"] not in without_entry]
    found = []
    shared = ("kind", "namespace_id", "repository_id", "performer_id", "ip")
    if [[row[key] for key in shared] + [_metadata(row)] for row in entries] != [
        [row[key] for key in shared] + [_metadata(row)] for row in events
    ]:
        found.append("the event log tells otherwise than the audit log")
    for row in entries:
        if {key: value for key, value in _metadata(row).items() if key in TOKEN} != due:
            found.append(f"{row['kind']} does not tell of the token {token}: {_metadata(row)}")
        if row["ip"] != "127.0.0.1":
            found.append(f"{row['kind']} comes from {row['ip']}")
    for row in events:
        if (row["credential_kind"], row["credential_id"]) != (kind, token or credentials.session):
            found.append(f"{row['kind']} is by {row['credential_kind']} {row['credential_id']}")
        if not row["request_id"]:
            found.append(f"{row['kind']} names no request")
    return found


def _bumped(before: State, after: State) -> list[str]:
    """The names and paths of what has another epoch than before."""
    found = []
    for table, name in (("account", "name"), ("repository", "path")):
        epochs = {row["id"]: row["auth_epoch"] for row in after[table]}
        found += [
            row[name] for row in before[table] if epochs.get(row["id"], row["auth_epoch"]) > row["auth_epoch"]
        ]
    return sorted(found)


def _changes(before: State, after: State, but: tuple[str, ...] = LOGS) -> str:
    """The tables with new rows, other values, fewer rows: `+tag ~repository -star`."""
    found = []
    for table in sorted(set(before) - set(but)):
        if "_search" in table or table in FOLLOWING or before[table] == after[table]:
            continue
        old, new = ({_key(row): row for row in state[table]} for state in (before, after))
        if new.keys() - old.keys():
            found.append(f"+{table}")
        if any(old[key] != new[key] for key in old.keys() & new.keys()):
            found.append(f"~{table}")
        if old.keys() - new.keys():
            found.append(f"-{table}")
    return " ".join(found)


def _key(row: DatabaseRow) -> Any:
    """What tells a row from others of its table."""
    return next(row[name] for name in ("id", "manifest_id", "name", "key") if name in row)

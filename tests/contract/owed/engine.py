"""Makes each write of a table: refused to all who must be, then done once, and compares what it leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import httpx

from resolvers.event_kinds import KINDS
from storage.statements import Row as DatabaseRow
from storage.statements import decode_json, fetch
from tests.contract.owed.place import Credentials, Place
from tests.contract.owed.rights import ABSENT, FRESH, INVALID, RIGHTS, F, U
from tests.contract.owed.rows import Door, Entry, Request, Row
from tests.quayside.registry import kit
from tests.state import dump, keep, restore

LOGS = ("audit_log", "event")
OUTCOMES: Mapping[Door, Mapping[str, str]] = {
    Door.GRAPHQL: {},
    Door.REST: {U: "403", F: "403", FRESH: "401", ABSENT: "404", INVALID: "400"},
    Door.REGISTRY: {U: "401", F: "401", ABSENT: "404"},
}
"""What each door makes of the codes of errors."""

TOKEN = ("oauth_token_id", "oauth_token_application_id", "oauth_token_application")

State = Mapping[str, list[DatabaseRow]]


class Answer(NamedTuple):
    """What came back. `outcome` is a code of an error or a status, empty for a mutation that went well."""

    outcome: str
    body: Any
    headers: Mapping[str, str]

    @property
    def is_refusal(self) -> bool:
        """Whether nothing was done."""
        return self.outcome != "" and not self.outcome.startswith("2")


def filled(value: Any, facts: Mapping[str, Any]) -> Any:
    """A value with the facts in place of their names."""
    if isinstance(value, str):
        if (whole := re.fullmatch(r"<(\w+)>", value)) and whole[1] in facts:
            return facts[whole[1]]
        return re.sub(r"<(\w+)>", lambda found: str(facts[found[1]]), value)
    if isinstance(value, dict):
        return {key: filled(item, facts) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, facts) for item in value]
    return value


async def send(place: Place, request: Request, *, by: str | None = None) -> Answer:
    """Make a request as some caller."""
    credentials = place.callers[by or request.by]
    facts = place.facts
    if credentials.login:
        facts = facts | dict(zip(("login", "password"), credentials.login, strict=True))
    text = filled(request.text, facts)
    if not request.method:
        return await _mutate(place, text, request, credentials.headers)
    headers = dict(request.headers)
    body = filled(request.body, facts)
    auth: httpx.Auth | None = None
    if text.startswith("/v2/auth"):
        # Where tokens are issued; a request with a form has its login there.
        auth = None if isinstance(body, str) else _basic(credentials)
    elif text.startswith("/v2/"):
        auth = kit.TokenFlow(*credentials.login) if credentials.login else kit.TokenFlow()
    else:
        headers |= credentials.headers
    answer = await place.http.request(
        request.method,
        text,
        content=body if isinstance(body, bytes | str | None) else json.dumps(body),
        headers={"Content-Type": "application/json"} | headers,
        auth=auth,
    )
    is_json = answer.content and "json" in answer.headers.get("content-type", "")
    return Answer(str(answer.status_code), answer.json() if is_json else None, answer.headers)


def _basic(credentials: Credentials) -> httpx.Auth | None:
    return httpx.BasicAuth(*credentials.login) if credentials.login else None


async def _mutate(place: Place, text: str, request: Request, headers: Mapping[str, str]) -> Answer:
    selection = _selection(request.keep)
    answer = await place.http.post(
        "/graphql",
        json={"query": f"mutation {{ result: {text} {{ {selection} errors {{ code field message }} }} }}"},
        headers=dict(headers),
    )
    body = answer.json()
    if "errors" in body:
        (error,) = body["errors"]
        assert error["extensions"]["code"] not in ("INTERNAL", "BAD_REQUEST"), (text, error)
        return Answer(error["extensions"]["code"], body, answer.headers)
    result = body["data"]["result"]
    errors = result["errors"]
    return Answer(errors[0]["code"] if errors else "", errors or result, answer.headers)


def _selection(keep: Mapping[str, str]) -> str:
    """The fields of a payload that are to be kept."""
    return " ".join(path.replace(".", " { ") + " }" * path.count(".") for path in keep.values())


async def carry_out(place: Place, request: Request, *, outcome: str = "") -> str | None:
    """Make a request that must go well, and keep the facts of its answer; what is wrong, if anything."""
    answer = await send(place, request)
    if answer.outcome != outcome if outcome else answer.is_refusal:
        return f"{request.text} by {request.by}: {answer.outcome} {answer.body}"
    for name, path in request.keep.items():
        if path.endswith(":"):
            place.facts[name] = answer.headers[path[:-1]]
            continue
        found = answer.body
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        place.facts[name] = found
    for row in await fetch("SELECT body FROM mail ORDER BY id"):
        if code := re.search(r"\?code=(\w+)", row["body"]):
            place.facts["code"] = code[1]
    for row in await fetch("SELECT uuid FROM access_token ORDER BY id DESC LIMIT 1"):
        place.facts["newest_token"] = row["uuid"]
    return None


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
        *[
            f"a registry token of {holder} for {path} works still"
            for holder, path, token in held
            if await _pull(place, path, token) != 401
        ],
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
    """Registry tokens that what is bumped should end: who holds it, for which repository, and the token."""
    found = []
    for name in sorted(row.bumped):
        # The rights of `writer` are direct, so that only the epoch of the place can have ended the token.
        holder, path = ("writer", "acme/app") if name in ("acme", "acme/app") else (name, "acme/public")
        credentials = next(
            (one for one in place.callers.values() if one.account == holder and one.login), None
        )
        if credentials is None or holder == "blocked":
            continue
        scope = f"repository:{path}:pull"
        answer = await place.http.get("/v2/auth", params={"scope": scope}, auth=_basic(credentials))
        token = answer.json()["token"]
        assert await _pull(place, path, token) == 200
        found.append((holder, path, token))
    return found


async def _pull(place: Place, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await place.http.get(f"/v2/{path}/tags/list", headers=headers)).status_code


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
    events = [row for row in _new("event", before, after) if KINDS[row["kind"]].is_audited]
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
        if "_search" in table or before[table] == after[table]:
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

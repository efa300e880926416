"""Makes the requests of the tables, as any of the callers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from storage.statements import fetch
from tests.contract.owed.place import Credentials, Place
from tests.contract.owed.rows import Request
from tests.quayside.registry import kit


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


async def registry_token(place: Place, caller: str, path: str) -> str:
    """A token of a caller to pull from a repository."""
    scope = {"scope": f"repository:{path}:pull"}
    answer = await place.http.get("/v2/auth", params=scope, auth=_basic(place.callers[caller]))
    return str(answer.json()["token"])


async def pull(place: Place, path: str, token: str) -> int:
    """The status of reading from a repository with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return (await place.http.get(f"/v2/{path}/tags/list", headers=headers)).status_code

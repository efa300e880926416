"""What the audit log of a user tells of the tokens that applications get for them."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

from storage.statements import decode_json, fetch
from tests.browser import Browser, browsing
from tests.quayside.oauth.client import Client, agree, code_for, post, sent


async def entries() -> list[tuple[str, dict[str, Any], str | None, str | None]]:
    """Kind, metadata, namespace and performer of what was told of tokens, the newest last."""
    rows = await fetch(
        "SELECT l.kind, l.metadata, n.name AS namespace, p.name AS performer FROM audit_log l"
        " LEFT JOIN account n ON n.id = l.namespace_id LEFT JOIN account p ON p.id = l.performer_id"
        " WHERE l.kind LIKE '%oauth%' ORDER BY l.id"
    )
    return [(row["kind"], decode_json(row["metadata"]), row["namespace"], row["performer"]) for row in rows]


def about(client: Client, uuid: str, **more: str) -> dict[str, Any]:
    """What the entry of a token says."""
    particulars = {"token": uuid, "username": "ada", "application": "Helm <script>", "client_id": client.id}
    return particulars | more


async def test_a_token_that_is_given_at_once_is_told_of(ada: Browser, client: Client) -> None:
    sent(await agree(ada, client.asks()))

    (token,) = await fetch("SELECT uuid FROM access_token")
    told = about(client, token["uuid"], scopes="repo:read user:read")
    assert await entries() == [("create_oauth_api_token", told, "ada", "ada")]


async def test_a_code_is_told_of_when_it_becomes_a_token_and_when_it_is_used_again(
    app: Starlette, ada: Browser, client: Client
) -> None:
    code = await code_for(ada, client)
    assert await entries() == []

    async with browsing(app) as program:
        assert (await post(program, "/oauth/access_token", client.exchanges(code))).status_code == 200
        (token,) = await fetch("SELECT uuid FROM access_token")
        assert (await post(program, "/oauth/access_token", client.exchanges(code))).status_code == 400

    assert await fetch("SELECT uuid FROM access_token") == []
    assert await entries() == [
        (
            "create_oauth_api_token",
            about(client, token["uuid"], scopes="repo:read user:read"),
            "ada",
            None,
        ),
        ("oauth_token_revoked", about(client, token["uuid"]), "ada", None),
    ]

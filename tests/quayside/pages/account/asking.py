"""Helpers: mails to users, mutations from their browsers, access by registry tokens."""

import re
from typing import Any

import httpx

from storage.statements import fetch
from tests.browser import PASSWORD, Browser

OTHER_PASSWORD = "another-long-rope"
SIGN_UP = {"username": "eve", "password": PASSWORD, "email": "eve@example.com"}


async def mails() -> list[dict[str, Any]]:
    return await fetch("SELECT recipient, subject, body FROM mail ORDER BY id")


async def last_code() -> str:
    """The code in the last mail that has one."""
    found = [re.search(r"\?code=(\w+)", mail["body"]) for mail in await mails()]
    return [match[1] for match in found if match][-1]


async def payload(browser: Browser, mutation: str) -> dict[str, Any]:
    """The payload of a mutation, which is given as its one field."""
    (found,) = (await browser.graphql(f"mutation {{ {mutation} }}")).values()
    return dict(found)


async def codes_of(browser: Browser, query: str) -> list[str]:
    """The codes of the top-level errors."""
    answer = (await browser.post("/graphql", query=query)).json()
    return [error["extensions"]["code"] for error in answer["errors"]]


async def registry_token(http: httpx.AsyncClient, username: str, password: str) -> str:
    answer = await http.get(
        "/v2/auth", params={"scope": "repository:ada/app:pull"}, auth=(username, password)
    )
    return str(answer.json()["token"])


async def tags(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.get("/v2/ada/app/tags/list", headers={"Authorization": f"Bearer {token}"})

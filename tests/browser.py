"""An HTTP client that acts as a browser: it keeps the session cookie and sends its CSRF token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette

PASSWORD = "correct-horse-battery"


@dataclass
class Browser:
    """One browser. `token` is its current CSRF token."""

    http: httpx.AsyncClient
    token: str = ""

    async def arrive(self) -> None:
        """Fetch a cookie and its CSRF token."""
        self.token = (await self.http.get("/csrf_token")).json()["csrf_token"]

    async def post(self, path: str, **json: Any) -> httpx.Response:
        """Send a POST as a page of the server does."""
        return await self.call("POST", path, **json)

    async def call(self, method: str, path: str, **json: Any) -> httpx.Response:
        """Send any request as a page of the server does."""
        answer = await self.http.request(method, path, json=json, headers={"X-CSRF-Token": self.token})
        self.token = answer.headers.get("X-Next-CSRF-Token", self.token)
        return answer

    async def sign_in(self, username: str, password: str = PASSWORD) -> httpx.Response:
        """Arrive, and sign in."""
        await self.arrive()
        return await self.post("/api/v1/signin", username=username, password=password)

    async def graphql(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = (await self.post("/graphql", query=query, variables=variables)).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def viewer(self) -> str | None:
        """The name of the signed-in user, from GraphQL."""
        viewer = (await self.graphql("{ viewer { name } }"))["viewer"]
        return viewer and str(viewer["name"])


@asynccontextmanager
async def browsing(
    app: Starlette, *, base_url: str = "http://registry.test", ip: str = "198.51.100.7"
) -> AsyncIterator[Browser]:
    """A new browser without cookies, at this client address."""
    transport = httpx.ASGITransport(app=app, client=(ip, 54321))
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
        yield Browser(http)

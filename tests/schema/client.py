"""A client of the GraphQL endpoint, which checks invariants of every answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from quayside import web
from quayside.graphql.http import GraphQLApp
from quayside.http.context_factory import ContextFactory
from schema import schema
from schema.execute import run
from schema.limits import Limits
from schema.node_id import use_key
from tests.factories import Factory

Json = dict[str, Any]

NODE_KEY = bytes(16)
use_key(NODE_KEY)


@dataclass(frozen=True)
class GraphQL:
    """Queries `/graphql`, anonymously or with an access token."""

    http: httpx.AsyncClient
    token: str | None = None

    def with_token(self, token: str | None) -> "GraphQL":
        """The same client with another token."""
        return replace(self, token=token)

    async def answer(self, document: str, **variables: Any) -> Json:
        """The whole answer. Fails if it has an internal error."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = await self.http.post(
            "/graphql", json={"query": document, "variables": variables}, headers=headers
        )
        answer: Json = response.json()
        codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
        assert "INTERNAL" not in codes, answer
        return answer

    async def data(self, document: str, **variables: Any) -> Json:
        """The data of an answer without errors."""
        answer = await self.answer(document, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Json = answer["data"]
        return data

    async def refusal(self, document: str, **variables: Any) -> str:
        """The code of the one top-level error."""
        answer = await self.answer(document, **variables)
        assert len(answer.get("errors", [])) == 1, answer
        code: str = answer["errors"][0]["extensions"]["code"]
        return code

    async def payload(self, document: str, **variables: Any) -> Json:
        """The payload of a document with one mutation, which succeeded."""
        (payload,) = (await self.data(document, **variables)).values()
        assert payload["errors"] == [], payload
        return dict(payload)

    async def payload_error(self, document: str, **variables: Any) -> tuple[str, str | None]:
        """Code and field of the only payload error of a mutation; the other fields are null."""
        (payload,) = (await self.data(document, **variables)).values()
        ((error,), others) = payload["errors"], {key: payload[key] for key in payload if key != "errors"}
        assert set(others.values()) <= {None}, payload
        assert error["message"].strip()
        return error["code"], error["field"]


@asynccontextmanager
async def endpoint(factory: Factory, *, address: str = "127.0.0.1") -> AsyncIterator[GraphQL]:
    """An anonymous client of the endpoint as the application mounts it.

    Without the other doors, since starting them takes a hundred times as long as a query.
    """
    # An application that ran before in this process had a key of its own.
    use_key(NODE_KEY)
    app = GraphQLApp(
        schema._schema,
        execute=run,
        context_for=ContextFactory(factory.site, factory.blobs, factory.secrets).graphql,
        limits=Limits(),
        graphiql_page=web.page,
    )
    transport = httpx.ASGITransport(app=app, client=(address, 54321))
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.test") as http:
        yield GraphQL(http)

"""An endpoint with a small schema, and helpers to query it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from quayside import web
from quayside.graphql.http import GraphQLApp
from resolvers.errors import InvalidCredentials
from schema.limits import Limits

GRAPHQL = "application/graphql-response+json"
GRAPHQL_UTF8 = "application/graphql-response+json; charset=utf-8"
JSON_UTF8 = "application/json; charset=utf-8"


@strawberry.type
class Item:
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def echo(self, text: str = "hello") -> str:
        return text

    @strawberry.field
    def caller(self, info: strawberry.Info[dict[str, str]]) -> str:
        return info.context["authorization"]

    @strawberry.field
    def forbidden(self) -> str | None:
        raise GraphQLError("Not for you.", extensions={"code": "FORBIDDEN"})

    @strawberry.field
    def required(self) -> str:
        raise GraphQLError("Log in first.", extensions={"code": "UNAUTHENTICATED"})

    @strawberry.field
    def items(self, first: int | None = None) -> list[Item]:
        return [Item(name=str(number)) for number in range(first or 3)]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def note(self, info: strawberry.Info[dict[str, list[str]]], text: str) -> str:
        info.context["notes"].append(text)
        return text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def core_schema() -> GraphQLSchema:
    core: GraphQLSchema = strawberry.Schema(Query, Mutation, Subscription)._schema
    return core


SCHEMA = core_schema()
NOTES: list[str] = []


async def run(
    document: DocumentNode, variables: dict[str, Any], context: Any, operation_name: str | None, /
) -> ExecutionResult:
    result = execute(
        SCHEMA,
        document,
        variable_values=variables,
        context_value=context,
        operation_name=operation_name,
    )
    return await result if asyncio.iscoroutine(result) else result  # type: ignore[return-value]


async def context_for(request: Request) -> dict[str, Any]:
    authorization = request.headers.get("authorization", "")
    if authorization == "Bearer wrong":
        raise InvalidCredentials("The token is not known.")
    if authorization == "Bearer crash":
        raise RuntimeError("the secret inside")
    return {"authorization": authorization, "notes": NOTES}


def endpoint(**settings: Any) -> GraphQLApp:
    defaults: dict[str, Any] = {
        "execute": run,
        "context_for": context_for,
        "limits": Limits(),
        "graphiql_page": web.page,
    }
    return GraphQLApp(SCHEMA, **defaults | settings)


def client_of(app: GraphQLApp) -> httpx.AsyncClient:
    site = Starlette(routes=[Route("/graphql", app), *web.assets])
    return httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://registry.example")


async def post(
    client: httpx.AsyncClient, query: str, *, accept: str = GRAPHQL, **members: Any
) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, **members}, headers={"Accept": accept})


def message(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    return str(error["message"])

"""CONTRACT: the GraphQL schema. Strawberry types whose field bodies are one call into resolvers."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import strawberry
from graphql import GraphQLInputObjectType, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig

from resolvers.access.scopes import SCOPES
from schema.accounts.account import User
from schema.accounts.robot import Robot
from schema.context import GraphContext
from schema.record.live import Subscription
from schema.scalars import SCALARS

__all__ = ["GraphContext", "schema", "scopes", "sdl"]


def _mixins(ending: str) -> Iterator[type]:
    """The classes `…Query` or `…Mutation` of all modules, whose fields are root fields."""
    for found in walk_packages(__path__, f"{__name__}."):
        for name, value in vars(import_module(found.name)).items():
            if name.endswith(ending) and isinstance(value, type) and value.__module__ == found.name:
                yield value


def _root(name: str, description: str) -> type:
    return strawberry.type(type(name, tuple(_mixins(name)), {}), description=description)


Query = _root("Query", "Everything that can be asked.")
Mutation = _root("Mutation", "Everything that can be changed. Each field is one transaction.")

scopes = SCOPES
"""What a token can be given, for the doors that describe it."""

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Robot, User],
    config=StrawberryConfig(scalar_map=SCALARS),
)

for input_ in schema._schema.type_map.values():
    if isinstance(input_, GraphQLInputObjectType):
        # Strawberry leaves this to a validation rule of its own, which does not see variables.
        input_.is_one_of = input_.extensions["strawberry-definition"].is_one_of


def sdl() -> str:
    """The schema definition language of the schema, sorted by name, as `schema.graphql` holds it.

    Only the printed schema is sorted: sorting rebuilds every type, and the rebuilt enums would not know our
    values.
    """
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"

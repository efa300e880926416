"""The GraphQL schema: Strawberry types, whose fields each call a resolver."""

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
from schema.enums import describe_values
from schema.guards import open_up
from schema.readonly import suspend
from schema.scalars import SCALARS

__all__ = ["GraphContext", "schema", "scopes", "sdl"]


def _mixins(ending: str) -> Iterator[type]:
    """The classes of all modules whose names end so, such as `…Query`; their fields become root fields."""
    for found in walk_packages(__path__, f"{__name__}."):
        for name, value in vars(import_module(found.name)).items():
            if name.endswith(ending) and isinstance(value, type) and value.__module__ == found.name:
                yield value


def _root(name: str, description: str) -> type:
    return strawberry.type(type(name, tuple(_mixins(name)), {}), description=description)


Query = _root("Query", "Everything that can be asked.")
Mutation = _root("Mutation", "Everything that can be changed. Each field is one transaction.")
Subscription = _root("Subscription", "What can be listened to, over WebSocket or server-sent events.")

scopes = SCOPES
"""The scopes of tokens, with their descriptions."""

schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Robot, User],
    config=StrawberryConfig(scalar_map=SCALARS),
)

open_up(schema._schema)
suspend(schema._schema)
describe_values(schema._schema)

for input_ in schema._schema.type_map.values():
    if isinstance(input_, GraphQLInputObjectType):
        # Strawberry checks this only in a validation rule, which does not see variables.
        input_.is_one_of = input_.extensions["strawberry-definition"].is_one_of


def sdl() -> str:
    """The schema in the schema definition language, sorted by name, as in `schema.graphql`.

    Only the printed schema is sorted, since sorting rebuilds all types, and rebuilt enums lose our values.
    """
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"

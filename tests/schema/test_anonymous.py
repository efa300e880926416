"""Anonymous callers change nothing: every mutation, called with values of the right types."""

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    is_required_argument,
    is_required_input_field,
)

from schema import schema
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import dump_without_counters

MUTATIONS = schema._schema.mutation_type.fields if schema._schema.mutation_type else {}

VALUES = {
    "BigInt": 1,
    "Boolean": True,
    "DateTime": "2100-01-01T00:00:00Z",
    "Digest": "sha256:" + "0" * 64,
    "Float": 1.5,
    "ID": "x",
    "Int": 1,
    "JSON": {},
    "RepositoryPath": "acme/app",
    "String": "acme",
}


def value(type_: Any) -> Any:
    """Some value of an input type."""
    if isinstance(type_, GraphQLNonNull):
        return value(type_.of_type)
    if isinstance(type_, GraphQLList):
        return [value(type_.of_type)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return {
            name: value(field.type) for name, field in type_.fields.items() if is_required_input_field(field)
        }
    return VALUES.get(type_.name, {})


def required(arguments: Mapping[str, GraphQLArgument | GraphQLInputField]) -> dict[str, Any]:
    return {
        name: argument.type
        for name, argument in arguments.items()
        if isinstance(argument, GraphQLArgument) and is_required_argument(argument)
    }


@pytest.fixture
async def organization(factory: Factory) -> None:
    """The organization acme with a repository and an image."""
    await factory.user("ada", password="correct-horse")
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await factory.robot("acme+acme", by="ada")
    await factory.image("acme/app", b"layer", tag="acme")


@pytest.mark.usefixtures("organization")
async def test_an_anonymous_mutation_changes_nothing(graphql: GraphQL) -> None:
    before = await dump_without_counters()

    changed = []
    for name, field in MUTATIONS.items():
        types = required(field.args)
        declared = ", ".join(f"${argument}: {type_}" for argument, type_ in types.items())
        passed = ", ".join(f"{argument}: ${argument}" for argument in types)
        document = (
            f"mutation ({declared}) {{ {name}({passed}) {{ errors {{ code }} }} }}"
            if types
            else f"mutation {{ {name} {{ errors {{ code }} }} }}"
        )
        answer = await graphql.answer(
            document, **{argument: value(type_) for argument, type_ in types.items()}
        )
        refused = answer.get("errors") or answer["data"][name]["errors"]
        if not refused or await dump_without_counters() != before:
            changed.append(name)
            before = await dump_without_counters()

    assert len(MUTATIONS) >= 15
    assert changed == []

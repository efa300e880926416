"""Property test: shaped answers have the answer type derived from schema and document."""

from __future__ import annotations

import random
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_enum_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from rest_compat.answer_type import type_mismatch
from rest_compat.compile import Plan
from rest_compat.route import UNSET
from rest_compat.shape import offset_of
from schema import schema
from schema.guards import assured_type
from tests.contract.reference import engine
from tests.plugins.scale import SCALE
from tests.rest_compat import toy, toy_schema

LEAVES: Mapping[str, Any] = {
    "BigInt": 2**40,
    "ByteSize": 2**40,
    "Boolean": True,
    "DateTime": "2024-11-05T01:02:03.000004Z",
    "Float": 0.5,
    "Int": 7,
    "JSON": {"any": ["thing", None]},
    "JSONObject": {"any": ["thing", None]},
}

ENGINES = {"product": (engine, schema._schema), "toy": (cache(toy.engine), toy_schema.core)}


class Answers:
    """Random results of a document that the schema allows."""

    def __init__(
        self,
        schema: GraphQLSchema,
        dice: random.Random,
        operation: OperationDefinitionNode,
        lenient: AbstractSet[tuple[str, ...]],
    ) -> None:
        self._schema = schema
        self._dice = dice
        self._lenient = lenient
        # A successful payload has all fields; a refused one is not shaped.
        (root, *_) = operation.selection_set.selections
        is_mutation = operation.operation is OperationType.MUTATION
        self._certain = (
            root.selection_set.selections
            if is_mutation and isinstance(root, FieldNode) and root.selection_set
            else ()
        )
        self._flags: dict[str, bool] = {}

    def of(self, selections: SelectionSetNode, type_: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
        """One object of the type, or of one of its possible types."""
        if is_abstract_type(type_):
            type_ = self._dice.choice(
                sorted(self._schema.get_possible_types(type_), key=lambda one: one.name)
            )
        found: dict[str, Any] = {}
        for node in selections.selections:
            if isinstance(node, InlineFragmentNode):
                assert node.type_condition is not None
                condition = self._schema.type_map[node.type_condition.name.value]
                if condition == type_ or (
                    is_abstract_type(condition) and self._schema.is_sub_type(condition, type_)
                ):
                    found |= self.of(node.selection_set, type_, path)
            elif isinstance(node, FieldNode) and self._included(node):
                field = self._schema.get_field(type_, node.name.value)
                assert field is not None
                alias = (node.alias or node.name).value
                where = (*path, alias)
                # A denial elsewhere is the answer, so that nothing is shaped.
                shown = field.type if where in self._lenient else assured_type(field)
                found[alias] = self._value(node, shown, where)
        return found

    def _included(self, node: FieldNode) -> bool:
        for directive in node.directives or ():
            flag = str(directive.arguments)
            asked = self._flags.setdefault(flag, self._dice.random() < 0.5)
            if asked != (directive.name.value == "include"):
                return False
        return True

    def _value(self, node: FieldNode, type_: Any, path: tuple[str, ...]) -> Any:
        if is_non_null_type(type_):
            return self._present(node, type_.of_type, path)
        absent = self._dice.random() < 0.3 and node not in self._certain
        return None if absent else self._present(node, type_, path)

    def _present(self, node: FieldNode, type_: Any, path: tuple[str, ...]) -> Any:
        if is_list_type(type_):
            return [self._value(node, type_.of_type, path) for _ in range(self._dice.randrange(3))]
        if is_composite_type(type_):
            assert node.selection_set is not None
            return self.of(node.selection_set, type_, path)
        if is_enum_type(type_):
            return self._dice.choice(list(type_.values))
        if get_named_type(type_).name == "PruneValue":
            return self._dice.choice([7, "7d"])
        return LEAVES.get(get_named_type(type_).name, "some text")


def check(core: GraphQLSchema, plan: Plan, dice: random.Random) -> None:
    operation = plan.document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    answers = Answers(core, dice, operation, plan.lenient)
    data = answers.of(operation.selection_set, core.get_root_type(operation.operation))
    some: Mapping[str, Any] = {"integer": 1, "boolean": True, "object": {}}
    values = {param.name: some.get(param.kinds[0], "text") for param in plan.params}
    # The values of a page include the number of items before it.
    values |= {offset_of(param.name): 0 for param in plan.params if param.form == "PAGE"}
    shaped = plan.shape(data, values)
    assert plan.answer is not None
    if shaped is not UNSET:
        assert type_mismatch(plan.answer, shaped) is None


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.long
@settings(max_examples=100 * SCALE, deadline=None)
@given(dice=st.randoms(use_true_random=False))
def test_every_answer_fits(name: str, dice: random.Random) -> None:
    make, core = ENGINES[name]
    api = make()
    natives = {route.document_name for one in api.info.chapters for route in one.routes if route.native}
    for plan in api.plans.values():
        if plan.answer is not None and plan.name not in natives:
            check(core, plan, dice)

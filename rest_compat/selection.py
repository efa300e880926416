"""The executed selection of one document, without our directives, built field by field.

Fields get new aliases, unique within one object, so that REST keys cannot conflict in GraphQL. Equal fields
with equal arguments are selected once, with their selections merged.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    ArgumentNode,
    DirectiveNode,
    FieldNode,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    SelectionNode,
    SelectionSetNode,
    print_ast,
)


class ExecutedField:
    """One executed field: its alias in the result, and the selection below it."""

    def __init__(self, alias: str, field: FieldNode, conditions: tuple[DirectiveNode, ...]) -> None:
        self.alias = alias
        self.below = Selection()
        self._field = field
        self._conditions = conditions

    def to_ast(self, composite: bool) -> FieldNode:
        name = self._field.name.value
        return FieldNode(
            name=NameNode(value=name),
            alias=NameNode(value=self.alias) if self.alias != name else None,
            arguments=self._field.arguments,
            directives=self._conditions or None,
            selection_set=self.below.to_ast() if composite else None,
        )


class Selection:
    """The fields executed on one object, and a selection for each type condition."""

    def __init__(self, taken: set[str] | None = None) -> None:
        # Type conditions of one object share its aliases, since GraphQL merges their fields into one object.
        self._taken = set() if taken is None else taken
        self._fetches: dict[tuple[str, ...], tuple[ExecutedField, bool]] = {}
        self._branches: dict[str, Selection] = {}

    def fetch(
        self, field: FieldNode, conditions: tuple[DirectiveNode, ...], lenient: bool = False
    ) -> ExecutedField:
        """Adds a field. `conditions`: its `@include` and `@skip`. Lenient and strict fields never merge."""
        key = (
            field.name.value,
            *sorted(print_ast(argument) for argument in field.arguments or ()),
            *(print_ast(condition) for condition in conditions),
            "lenient" if lenient else "strict",
        )
        if key not in self._fetches:
            fetch = ExecutedField(self._alias(field.name.value), field, conditions)
            self._fetches[key] = fetch, field.selection_set is not None
        return self._fetches[key][0]

    def typename(self, conditions: tuple[DirectiveNode, ...]) -> ExecutedField:
        """Adds a marker, whose alias is in the result exactly if this selection was executed."""
        return self.fetch(FieldNode(name=NameNode(value="__typename")), conditions)

    def branch(self, type_name: str) -> Selection:
        """The selection under a type condition."""
        if type_name not in self._branches:
            self._branches[type_name] = Selection(self._taken)
        return self._branches[type_name]

    def to_ast(self) -> SelectionSetNode:
        selections = tuple(self._selections())
        if not selections:
            selections = (FieldNode(name=NameNode(value="__typename")),)
        return SelectionSetNode(selections=selections)

    def _selections(self) -> Iterable[SelectionNode]:
        for fetch, composite in self._fetches.values():
            yield fetch.to_ast(composite)
        for type_name, branch in self._branches.items():
            yield InlineFragmentNode(
                type_condition=NamedTypeNode(name=NameNode(value=type_name)), selection_set=branch.to_ast()
            )

    def _alias(self, name: str) -> str:
        alias, number = name, 1
        while alias in self._taken:
            number += 1
            alias = f"{name}_{number}"
        self._taken.add(alias)
        return alias


def arguments_of(field: FieldNode) -> dict[str, ArgumentNode]:
    """The arguments of a field by name."""
    return {argument.name.value: argument for argument in field.arguments or ()}

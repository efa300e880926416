"""The plan of one operation."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

import strawberry
from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_operation_ast,
    visit,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from schema.plans.compiler import MAX_FIELDS, Compiler, Fields
from schema.plans.run import Operation, Run, Step, Unplannable
from schema.plans.variables import Variables

if TYPE_CHECKING:
    from schema.context import GraphContext

MAX_PROGRAMS = 16
"""Most choices of @skip and @include that are compiled; graphql-core runs what is chosen beside them."""


class Plan:
    """How one operation of a valid document is executed. Raises Unplannable if there is no such plan.

    A program is compiled for each choice of the variables in @skip and @include, when it is made first.
    """

    def __init__(self, schema: strawberry.Schema, document: DocumentNode, operation_name: str | None) -> None:
        node = get_operation_ast(document, operation_name)
        if node is None or node.operation is OperationType.SUBSCRIPTION or node.directives:
            raise Unplannable("the kind of operation")
        fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        if any(fragment.variable_definitions for fragment in fragments.values()):
            raise Unplannable("arguments of fragments")
        self._schema = schema
        self._operation = Operation(schema._schema, node, fragments)
        self._variables = Variables(schema._schema, node)
        self._is_mutation = node.operation is OperationType.MUTATION
        self._choices = _choices(node, fragments)
        self._programs: dict[tuple[Any, ...], _Program | None] = {}

    @property
    def fields(self) -> int:
        """The compiled fields, which tell how much memory the plan takes."""
        return sum(program.compiler.fields for program in self._programs.values() if program)

    def prepared(self, variables: dict[str, Any]) -> Prepared | list[GraphQLError]:
        """The program for variables, or what is wrong with them. Raises Unplannable."""
        values = self._variables.coerced(variables)
        return values if isinstance(values, list) else Prepared(self._program(values), values)

    async def execute(
        self, prepared: Prepared | list[GraphQLError], context: GraphContext
    ) -> ExecutionResult:
        """Execute the operation."""
        if isinstance(prepared, list):
            return ExecutionResult(None, prepared)
        program, run = prepared.program, Run(context, prepared.values)
        data: Any = None
        try:
            if self._is_mutation:
                data = await _one_by_one(program.steps, run)
            else:
                data = program.fields(run, None, None)
                if data.__class__ is CoroutineType:
                    data = await data
        except GraphQLError as error:
            run.add(error, None)
            data = None
        return ExecutionResult(data, run.errors or None)

    def _program(self, values: VariableValues) -> _Program:
        chosen = tuple(values.coerced.get(name) for name in self._choices)
        if chosen not in self._programs:
            # graphql-core tells what is wrong with a condition that is null.
            if None in chosen or len(self._programs) >= MAX_PROGRAMS or self.fields >= MAX_FIELDS:
                raise Unplannable("a choice")
            self._programs[chosen] = self._compiled(chosen)
        if (found := self._programs[chosen]) is None:
            raise Unplannable("known before")
        return found

    def _compiled(self, chosen: tuple[Any, ...]) -> _Program | None:
        """The program of a choice; None, which is remembered, if there can be none."""
        try:
            return _Program(self._schema, self._operation, self._choices, chosen)
        except (Unplannable, RecursionError):
            return None


class Prepared(NamedTuple):
    """What is known of an execution before anything is called."""

    program: _Program
    values: VariableValues


class _Program:
    """The operation for one choice."""

    def __init__(
        self,
        schema: strawberry.Schema,
        operation: Operation,
        names: tuple[str, ...],
        chosen: tuple[Any, ...],
    ) -> None:
        details = {name: FragmentDetails(node) for name, node in operation.fragments.items()}
        choices = VariableValues({}, dict(zip(names, chosen, strict=True)))
        self.compiler = Compiler(schema, operation, details, choices)
        kind = operation.schema.get_root_type(operation.node.operation)
        if kind is None:
            raise Unplannable("the kind of operation")
        self.steps: list[tuple[str, Step]]
        self.fields: Fields
        self.steps, self.fields = self.compiler.root(kind)


async def _one_by_one(steps: list[tuple[str, Step]], run: Run) -> dict[str, Any]:
    """The fields of a mutation, each after the one before."""
    results: dict[str, Any] = {}
    for key, step in steps:
        made = step(run, None, None)
        results[key] = await made if made.__class__ is CoroutineType else made
    return results


def _choices(node: OperationDefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> tuple[str, ...]:
    """The variables that decide what is selected."""
    conditions = _Conditions()
    for one in (node, *fragments.values()):
        visit(one.selection_set, conditions)
    return tuple(sorted(conditions.names))


class _Conditions(Visitor):
    """Collects the variables in @skip and @include."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self.names |= {
            argument.value.name.value
            for argument in node.arguments or ()
            if isinstance(argument.value, VariableNode)
        }

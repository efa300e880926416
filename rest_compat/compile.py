"""Compiles GraphQL documents into plans at start-up: parse, validate, strip our directives, make closures.

A document is validated twice: as written, against the schema extended with `directives.graphql`, and as
executed, against the schema itself. That takes longer than all else at a start, so tests do it for the
program's own documents. The rules about unused variables and fragments are replaced by our own, because a
variable may be used by the answer or by a page number only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    Source,
    VariableNode,
    Visitor,
    concat_ast,
    extend_schema,
    parse,
    specified_rules,
    validate,
    visit,
)

from rest_compat.answer_type import AnswerType, Key
from rest_compat.convert import Convert
from rest_compat.params import Param, read_params, rest_names
from rest_compat.route import UNSET, Unset
from rest_compat.selection import Selection
from rest_compat.shape import Body, Position, ShapeCompiler, document_error

ANNOTATED_RULES: tuple[type[ASTValidationRule], ...] = tuple(
    rule
    for rule in specified_rules
    if rule not in (OverlappingFieldsCanBeMergedRule, NoUnusedFragmentsRule, NoUnusedVariablesRule)
)


@dataclass(frozen=True)
class Plan:
    """A compiled document."""

    name: str
    description: str
    params: tuple[Param, ...]
    document: DocumentNode
    """The executed document: one operation without fragments or client-side directives."""
    result: str | None
    """The key of a mutation's root field in the data; None for queries."""
    lenient: frozenset[tuple[str, ...]]
    """Paths in the data, without list indexes, at which a denied field counts as null (`@ifAllowed`)."""
    rest_names: Mapping[str, str]
    """Argument paths of a mutation → REST parameter names, to name the field of a payload error."""
    answer: AnswerType | None
    """The type of the answer; None if the document gives none because its routes answer a constant."""
    directives: frozenset[str]
    forms: frozenset[str]
    _body: Body | None
    _root: Convert | None

    @property
    def mutation(self) -> str | None:
        """The name of a mutation's root field; None for queries."""
        operation = self.document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        field = operation.selection_set.selections[0]
        if operation.operation is not OperationType.MUTATION or not isinstance(field, FieldNode):
            return None
        return field.name.value

    def shape(self, data: Mapping[str, Any], values: Mapping[str, Any]) -> Any | Unset:
        """The REST answer for a GraphQL result, or UNSET if the requested object does not exist.

        `values` are the parameters of the request, for `@echo`.
        """
        if self._body is None:
            return self._root(data, values) if self._root else None
        found: Any = data
        for alias in self._body.path[:-1]:
            found = found.get(alias)
            if found is None:
                return UNSET
        if (alias := self._body.path[-1]) not in found:
            # `@skip` left it out: the route answers without the schema.
            return UNSET
        value = self._body.convert(found[alias], values)
        if value is None:
            return UNSET
        return value if self._body.key is None else {self._body.key: value}

    def field_name(self, field: str | None) -> str | None:
        """The REST parameter for the field of a payload error: `input.robot` → `robot_username`."""
        if field is None:
            return None
        parts = field.split(".")
        for length in range(len(parts), 0, -1):
            if (name := self.rest_names.get(".".join(parts[:length]))) is not None:
                return name
        return self.rest_names.get(f"input.{field}", field)


@cache
def _vocabulary_text() -> str:
    return files("rest_compat").joinpath("directives.graphql").read_text("utf-8")


def extended_schema(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema with the client-side directives, used only to validate REST documents."""
    return extend_schema(schema, parse(_vocabulary_text(), no_location=True))


def compile_documents(
    schema: GraphQLSchema, sources: Iterable[Source], *, are_valid: bool = False
) -> dict[str, Plan]:
    """The plans of all documents by operation name. Fragments are shared between sources.

    Raises GraphQLError with source, line and reason if a document does not fit the schema, unless they are
    known to be valid.
    """
    return dict(_compiled(schema, tuple((source.body, source.name) for source in sources), are_valid))


# Compiling takes a second, so applications in one process share the plans.
@lru_cache(maxsize=4)
def _compiled(
    schema: GraphQLSchema, texts: tuple[tuple[str, str], ...], are_valid: bool
) -> Mapping[str, Plan]:
    vocabulary = extended_schema(schema)
    # Places in documents are for errors in them; each node would keep all tokens of its document.
    documents = concat_ast([parse(Source(body, name), no_location=are_valid) for body, name in texts])
    if not are_valid:
        _raise_first(validate(vocabulary, documents, ANNOTATED_RULES))
    fragments = {
        node.name.value: node for node in documents.definitions if isinstance(node, FragmentDefinitionNode)
    }
    plans: dict[str, Plan] = {}
    used: set[str] = set()
    for node in documents.definitions:
        if isinstance(node, OperationDefinitionNode):
            plan, inlined = _compile(schema, vocabulary, node, fragments)
            plans[plan.name] = plan
            used |= inlined
    for name, fragment in fragments.items():
        if name not in used:
            raise document_error(f"The fragment {name} is not used.", fragment)
    if plans and not are_valid:
        _raise_first(validate(schema, concat_ast([plan.document for plan in plans.values()])))
    return plans


def _raise_first(errors: list[GraphQLError]) -> None:
    if errors:
        raise errors[0]


def _compile(
    schema: GraphQLSchema,
    vocabulary: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> tuple[Plan, set[str]]:
    if operation.name is None:
        raise document_error("A document needs a name.", operation)
    mutation = operation.operation is OperationType.MUTATION
    params = read_params(schema, vocabulary, operation)
    root = schema.get_root_type(operation.operation)
    assert root is not None
    compiler = ShapeCompiler(
        schema, vocabulary, fragments, {param.name: param.answer for param in params}, mutation
    )
    selection = Selection()
    convert, answer, _ = compiler.object(operation.selection_set, Position(root, selection))
    body = compiler.findings.body
    if not mutation and body is not None and len(operation.selection_set.selections) > 1:
        raise document_error("@body allows no other root field.", operation)
    executed = selection.to_ast()
    result = _result_of(operation, executed) if mutation else None
    used = _variables(executed)
    _check_variables(operation, params, used, compiler.findings.echoed)
    seen = _DirectiveNames(fragments)
    visit(operation, seen)
    return (
        Plan(
            operation.name.value,
            operation.description.value if operation.description else "",
            params,
            _stripped(operation, executed, used),
            result,
            frozenset(compiler.findings.lenient),
            rest_names(executed.selections[0])
            if mutation and isinstance(executed.selections[0], FieldNode)
            else {},
            _answer_of(body, None if mutation else answer),
            frozenset(seen.directives),
            frozenset(seen.forms),
            body,
            None if mutation else convert,
        ),
        compiler.findings.fragments,
    )


def _answer_of(body: Body | None, root: AnswerType | None) -> AnswerType | None:
    if body is None:
        return root
    answer = body.answer.as_nullable(False)
    return answer if body.key is None else AnswerType("object", keys={body.key: Key(answer)})


def _result_of(operation: OperationDefinitionNode, executed: SelectionSetNode) -> str:
    """The key of a mutation's only root field. Raises GraphQLError unless it selects its errors."""
    fields = operation.selection_set.selections
    if (
        len(fields) != 1
        or not isinstance(fields[0], FieldNode)
        or (fields[0].alias or fields[0].name).value != "result"
    ):
        raise document_error("A mutation needs exactly one root field, with the alias `result`.", operation)
    root = executed.selections[0]
    assert isinstance(root, FieldNode)
    for inner in root.selection_set.selections if root.selection_set else ():
        if isinstance(inner, FieldNode) and inner.name.value == "errors" and inner.selection_set:
            names = {
                part.name.value for part in inner.selection_set.selections if isinstance(part, FieldNode)
            }
            if names >= {"code", "message", "field"}:
                return root.name.value
    raise document_error("A mutation must select `errors { code message field }`.", operation)


def _stripped(operation: OperationDefinitionNode, executed: SelectionSetNode, used: set[str]) -> DocumentNode:
    variables = tuple(
        type(node)(variable=node.variable, type=node.type, default_value=node.default_value)
        for node in operation.variable_definitions or ()
        if node.variable.name.value in used
    )
    stripped = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=variables or None,
        selection_set=executed,
    )
    return DocumentNode(definitions=(stripped,))


def _check_variables(
    operation: OperationDefinitionNode, params: Iterable[Param], used: set[str], echoed: set[str]
) -> None:
    params = tuple(params)
    in_other_params = {param.page_size for param in params} | {param.below for param in params}
    for param in params:
        is_used = param.gives is not None or param.name in used | echoed | in_other_params
        if is_used == param.ignored and not _is_native(operation):
            problem = "marked @ignored but used" if is_used else "not used; mark it @ignored if that is meant"
            raise document_error(f"${param.name} is {problem}.", operation)


def _is_native(operation: OperationDefinitionNode) -> bool:
    """Whether the document is `{ __typename }`, which only declares parameters of a `native` route."""
    match operation.selection_set.selections:
        case (FieldNode(name=name, directives=None),):
            return name.value == "__typename"
    return False


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.names.add(node.name.value)


def _variables(selection: SelectionSetNode) -> set[str]:
    visitor = _Variables()
    visit(selection, visitor)
    return visitor.names


class _DirectiveNames(Visitor):
    """Collects the directives and forms that a document uses, fragments included."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        super().__init__()
        self.directives: set[str] = set()
        self.forms: set[str] = set()
        self._fragments = fragments

    def enter_directive(self, node: Any, *_: Any) -> None:
        self.directives.add(node.name.value)
        if node.name.value == "as":
            self.forms.update(argument.value.value for argument in node.arguments or ())

    def enter_fragment_spread(self, node: Any, *_: Any) -> None:
        visit(self._fragments[node.name.value], self)

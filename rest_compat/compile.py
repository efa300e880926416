"""Documents → plans, once, at start-up: parsed, checked against the schema, stripped, and made into closures.

A document is validated twice: as written, against the schema extended by the vocabulary of
`directives.graphql`, and as executed, against the schema itself. What GraphQL would call unused is judged
here over all chapters, because a variable may serve the answer or a page number alone.
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
    """A document, ready to be bound, executed and shaped."""

    name: str
    description: str
    params: tuple[Param, ...]
    document: DocumentNode
    """What is executed: one operation without fragments or client-side directives."""
    result: str | None
    """Of a mutation: the key of its root field in the data."""
    lenient: frozenset[tuple[str, ...]]
    """Paths of the data, without list indexes, at which a denial means an empty view."""
    rest_names: Mapping[str, str]
    """Argument paths of a mutation → REST parameter names, to name the field of a payload error."""
    answer: AnswerType | None
    """The type of the answer; None if the document has none, as its rows answer with a constant."""
    directives: frozenset[str]
    forms: frozenset[str]
    _body: Body | None
    _root: Convert | None

    def shape(self, data: Mapping[str, Any], values: Mapping[str, Any]) -> Any | Unset:
        """The REST answer of a GraphQL result, or UNSET if what was asked for does not exist.

        `values` are the request's own values, which an answer may echo.
        """
        if self._body is None:
            return self._root(data, values) if self._root else None
        found: Any = data
        for alias in self._body.path[:-1]:
            found = found.get(alias)
            if found is None:
                return UNSET
        if (alias := self._body.path[-1]) not in found:
            # Skipped, as the request asked for something that only the row can answer.
            return UNSET
        value = self._body.convert(found[alias], values)
        if value is None:
            return UNSET
        return value if self._body.key is None else {self._body.key: value}

    def field_name(self, field: str | None) -> str | None:
        """The REST name of a payload error's field: `input.robot` → `robot_username`."""
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
    return extend_schema(schema, parse(_vocabulary_text()))


def compile_documents(schema: GraphQLSchema, sources: Iterable[Source]) -> dict[str, Plan]:
    """All documents of all chapters by operation name. Fragments are shared.

    Raises GraphQLError, naming source, line and reason, if a document does not fit the schema.
    """
    return dict(_compiled(schema, tuple((source.body, source.name) for source in sources)))


# Compiling takes a second, so further applications in one process share what the first one made.
@lru_cache(maxsize=4)
def _compiled(schema: GraphQLSchema, texts: tuple[tuple[str, str], ...]) -> Mapping[str, Plan]:
    vocabulary = extended_schema(schema)
    documents = concat_ast([parse(Source(body, name)) for body, name in texts])
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
    if plans:
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
        raise document_error("Beside the root field that holds @body nothing reaches the answer.", operation)
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
    """The one root field of a mutation, which must select its errors."""
    fields = operation.selection_set.selections
    if (
        len(fields) != 1
        or not isinstance(fields[0], FieldNode)
        or (fields[0].alias or fields[0].name).value != "result"
    ):
        raise document_error("A mutation has exactly one root field, with the alias `result`.", operation)
    root = executed.selections[0]
    assert isinstance(root, FieldNode)
    for inner in root.selection_set.selections if root.selection_set else ():
        if isinstance(inner, FieldNode) and inner.name.value == "errors" and inner.selection_set:
            names = {
                part.name.value for part in inner.selection_set.selections if isinstance(part, FieldNode)
            }
            if names >= {"code", "message", "field"}:
                return root.name.value
    raise document_error("A mutation selects `errors { code message field }`.", operation)


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
    elsewhere = {param.page_size for param in params} | {param.below for param in params}
    for param in params:
        useful = param.name in used or param.name in echoed or param.name in elsewhere
        if useful == param.ignored and not _is_native(operation):
            said = "marked @ignored but used" if useful else "not used; mark it @ignored if that is meant"
            raise document_error(f"${param.name} is {said}.", operation)


def _is_native(operation: OperationDefinitionNode) -> bool:
    """`{ __typename }` declares the parameters of a row that the door answers itself."""
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
    """Which directives and forms a document uses, through its fragments."""

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

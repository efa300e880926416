"""Parameters: the variables of a document, and the directives that say how REST sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLInputType,
    GraphQLSchema,
    IntValueNode,
    ListTypeNode,
    NonNullTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_type,
    is_list_type,
    is_non_null_type,
    type_from_ast,
    value_from_ast_untyped,
    visit,
)
from graphql.execution.values import get_directive_values

from rest_compat.answer_type import AnswerType
from rest_compat.forms import READ_FORMS, SPELLINGS, applies, json_kinds
from rest_compat.route import UNSET
from rest_compat.selection import arguments_of
from rest_compat.shape import document_error


@dataclass(frozen=True)
class Param:
    """One documented parameter of an operation."""

    name: str
    type: GraphQLInputType
    required: bool
    default: Any = UNSET
    description: str = ""
    form: str | None = None
    clamp: tuple[int | None, int | None] | None = None
    range: tuple[int | None, int | None] | None = None
    lenient: bool = False
    also: str | None = None
    only: tuple[Any, ...] | None = None
    nullable: bool = False
    ignored: bool = False
    place: str | None = None
    """QUERY, WHOLE_BODY, or None for the default of the method."""
    gives: str | None = None
    """The parameter whose value this one is another way to give."""
    below: str | None = None
    """The parameter whose value is put before this one's, with a slash between."""
    page_size: str | int | None = None
    """For a page number: the variable or number with the page size."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The JSON types that REST accepts; `any` for all."""
        if self.form is not None and self.form in READ_FORMS:
            return (READ_FORMS[self.form].kind,)
        return json_kinds(get_named_type(self.type)) if not self.is_list else ("array",)

    @property
    def is_list(self) -> bool:
        return is_list_type(get_nullable_type(self.type))

    @property
    def answer(self) -> AnswerType:
        """The type of the parameter's value in an answer that echoes it."""
        return AnswerType(
            self.kinds[0], nullable=not self.required and self.default is UNSET and self.form != "PAGE"
        )


def read_params(
    schema: GraphQLSchema, vocabulary: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[Param, ...]:
    """The parameters of an operation, in the order of its variables.

    Raises GraphQLError if a directive does not fit its variable.
    """
    sizes = _page_sizes(operation)
    params = [_param(schema, vocabulary, node, sizes) for node in operation.variable_definitions or ()]
    given = {param.gives for param in params}
    return tuple(replace(param, required=False) if param.name in given else param for param in params)


def _param(
    schema: GraphQLSchema,
    vocabulary: GraphQLSchema,
    node: VariableDefinitionNode,
    sizes: Mapping[str, str | int],
) -> Param:
    name = node.variable.name.value
    type_ = type_from_ast(schema, node.type)
    assert is_input_type(type_)
    directives: dict[str, dict[str, Any]] = {}
    for directive in node.directives or ():
        definition = vocabulary.get_directive(directive.name.value)
        assert definition is not None
        # The function takes any node with directives; its annotation lacks variable definitions.
        directives[directive.name.value] = get_directive_values(definition, cast(Any, node)) or {}
    form = directives["as"]["form"] if "as" in directives else None
    _check(node, type_, form, directives)
    if form == "PAGE" and name not in sizes:
        raise document_error(f"${name} is a page number: its field needs the argument `first`.", node)
    null = directives.get("nullable")
    default = UNSET if node.default_value is None else value_from_ast_untyped(node.default_value)
    return Param(
        name,
        type_,
        required=(is_non_null_type(type_) and default is UNSET) or bool(null and null.get("required")),
        default=default,
        description=node.description.value if node.description else "",
        form=form,
        clamp=_bounds(directives.get("clamp")),
        range=_bounds(directives.get("range")),
        lenient="lenient" in directives,
        also=directives["also"]["name"] if "also" in directives else None,
        only=tuple(directives["only"]["values"]) if "only" in directives else None,
        nullable=null is not None,
        ignored="ignored" in directives,
        place=directives["in"]["place"] if "in" in directives else None,
        gives=directives["gives"]["parameter"] if "gives" in directives else None,
        below=directives["below"]["parameter"] if "below" in directives else None,
        page_size=sizes.get(name) if form == "PAGE" else None,
    )


def _check(
    node: VariableDefinitionNode, type_: GraphQLInputType, form: str | None, directives: Mapping[str, Any]
) -> None:
    named = get_named_type(type_)
    if form is None:
        try:
            json_kinds(named)
        except ValueError as error:
            raise document_error(str(error), node) from error
    elif not (
        is_enum_type(named)
        if form in SPELLINGS
        else form in READ_FORMS and applies(READ_FORMS[form].takes, named)
    ):
        raise document_error(f"The form {form} does not read values of type {named.name}.", node)
    if directives.keys() & {"clamp", "range"} and named.name not in ("Int", "BigInt") and form != "PAGE":
        raise document_error("@clamp and @range need a whole number.", node)
    if "nullable" in directives and isinstance(node.type, NonNullTypeNode):
        raise document_error("@nullable needs a variable that may be null.", node)
    if "lenient" in directives and isinstance(node.type, NonNullTypeNode) and node.default_value is None:
        raise document_error("@lenient needs a variable that may be omitted.", node)
    if "lenient" in directives and isinstance(node.type, ListTypeNode):
        raise document_error("@lenient needs a single value.", node)


def _bounds(directives: Mapping[str, Any] | None) -> tuple[int | None, int | None] | None:
    return None if directives is None else (directives.get("min"), directives.get("max"))


class _PageSizes(Visitor):
    """Finds `first` beside each variable that a field takes as `after`."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, str | int] = {}

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        arguments = arguments_of(node)
        after, first = arguments.get("after"), arguments.get("first")
        if after is None or first is None or not isinstance(after.value, VariableNode):
            return
        match first.value:
            case VariableNode(name=name):
                self.sizes[after.value.name.value] = name.value
            case IntValueNode(value=text):
                self.sizes[after.value.name.value] = int(text)


def _page_sizes(operation: OperationDefinitionNode) -> dict[str, str | int]:
    visitor = _PageSizes()
    visit(operation, visitor)
    return visitor.sizes


def rest_names(field: FieldNode) -> dict[str, str]:
    """Paths of a root field's arguments → the variables that fill them: `input.robot` → `robot_username`."""
    names: dict[str, str] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, VariableNode):
            names[path] = value.name.value
        elif isinstance(value, ObjectValueNode):
            for part in value.fields:
                walk(f"{path}.{part.name.value}", part.value)

    for name, argument in arguments_of(field).items():
        walk(name, argument.value)
    return names

"""Compiles selections with client-side directives into closures from GraphQL results to answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    Node,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.values import get_directive_values

from rest_compat.answer_type import ANY_OTHER, AnswerType, Key, merge, type_of_literal, union
from rest_compat.convert import (
    Convert,
    Values,
    Writer,
    as_list,
    build_object,
    compose,
    convert_items,
    identity,
    in_lists,
    or_default,
)
from rest_compat.forms import WRITE_FORMS, applies, json_kinds
from rest_compat.selection import ExecutedField, Selection
from schema.guards import assured_type

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType

CONDITIONS = frozenset({"include", "skip"})
FIXED_VALUES = frozenset({"const", "echo", "offset"})
"""Directives that give a key a value that does not come from the schema."""


def offset_of(page: str) -> str:
    """The name, among the values of a request, for the number of items before a page."""
    return f"{page}:offset"


@dataclass(frozen=True)
class Position:
    """Where in a document a selection is: its parent type, and the selection that executes its fields."""

    parent: Composite
    selection: Selection
    conditions: tuple[DirectiveNode, ...] = ()
    types: frozenset[str] | None = None
    """The object types that the enclosing type conditions allow; None for all."""
    path: tuple[str, ...] | None = ()
    """Aliases from the root; None below a list or in a group, where `@body` is not allowed."""
    lenient_path: tuple[str, ...] = ()
    known_conditions: int = 0
    """How many of `conditions` always hold here, because the enclosing group is left out otherwise."""

    def conditional(self, conditions: tuple[DirectiveNode, ...]) -> bool:
        return len(conditions) > self.known_conditions


@dataclass(frozen=True)
class ShapedField:
    """A compiled field or group: a writer, and the keys that it writes."""

    writer: Writer
    keys: tuple[tuple[str, Key], ...]
    alias: str = ""
    convert: Convert | None = None
    """Converts the value, for `@unwrap` of the object; None if the field may write no or several keys."""
    answer: AnswerType | None = None


@dataclass
class Body:
    """The value marked `@body`."""

    path: tuple[str, ...]
    convert: Convert
    answer: AnswerType
    key: str | None


@dataclass
class Findings:
    """What a document uses, collected while its selections are compiled."""

    body: Body | None = None
    lenient: set[tuple[str, ...]] = field(default_factory=set)
    """Paths, without list indexes, of fields with `@ifAllowed`."""
    echoed: set[str] = field(default_factory=set)
    fragments: set[str] = field(default_factory=set)


def document_error(sentence: str, *nodes: Node) -> GraphQLError:
    """The error of a faulty document, with the location of the nodes."""
    return GraphQLError(sentence, nodes=list(nodes))


class ShapeCompiler:
    """Compiles the selections of one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        vocabulary: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, AnswerType],
        mutation: bool,
    ) -> None:
        self.findings = Findings()
        self._schema = schema
        self._vocabulary = vocabulary
        self._fragments = fragments
        self._variables = variables
        self._mutation = mutation

    def object(
        self, selections: SelectionSetNode, position: Position
    ) -> tuple[Convert, AnswerType, list[ShapedField]]:
        """Compiles an object of the answer: its converter, type and fields."""
        parts = list(self._read(selections, position))
        certain = [name for part in parts for name, key in part.keys if key.types is None]
        if twice := {name for name in certain if certain.count(name) > 1}:
            raise document_error(f"The key {min(twice)} is written twice.", selections)
        possible = frozenset(self._possible(position.parent))
        keys = merge((key for part in parts for key in part.keys), possible)
        return build_object([part.writer for part in parts]), AnswerType("object", keys=keys), parts

    def _read(self, selections: SelectionSetNode, position: Position) -> Iterator[ShapedField]:
        for node in selections.selections:
            match node:
                case FieldNode():
                    if (written := self._field(node, position)) is not None:
                        yield written
                case FragmentSpreadNode():
                    fragment = self._fragments[node.name.value]
                    self.findings.fragments.add(node.name.value)
                    inner = self._narrow(position, fragment.type_condition.name.value, node)
                    yield from self._read(fragment.selection_set, inner)
                case InlineFragmentNode():
                    condition = node.type_condition
                    inner = self._narrow(position, condition.name.value if condition else None, node)
                    group = self._directives(node).get("group")
                    if group is None:
                        yield from self._read(node.selection_set, inner)
                    else:
                        yield self._group(group["key"], node, inner)

    def _narrow(
        self, position: Position, condition: str | None, node: InlineFragmentNode | FragmentSpreadNode
    ) -> Position:
        """The position inside a fragment."""
        position = replace(position, conditions=(*position.conditions, *_conditions(node)))
        if condition is None:
            return position
        type_ = self._schema.type_map[condition]
        assert is_composite_type(type_)
        if type_ == position.parent or (
            is_abstract_type(type_)
            and (is_object_type(position.parent) or is_interface_type(position.parent))
            and self._schema.is_sub_type(type_, position.parent)
        ):
            return position
        possible = frozenset(self._possible(type_)) & frozenset(self._possible(position.parent))
        return replace(
            position,
            parent=type_,
            selection=position.selection.branch(condition),
            types=possible if position.types is None else possible & position.types,
        )

    def _group(self, key: str, node: InlineFragmentNode, position: Position) -> ShapedField:
        # The conditions of the group hold inside it, so they do not make its keys optional.
        inner = replace(position, types=None, path=None, known_conditions=len(position.conditions))
        convert, answer, _ = self.object(node.selection_set, inner)
        optional = position.conditional(position.conditions)
        marker = self._marker(position, position.conditions)

        def write(source: dict[str, Any], out: dict[str, Any], values: Values) -> None:
            if marker is None or marker in source:
                out[key] = convert(source, values)

        return ShapedField(write, ((key, Key(answer, optional, position.types)),))

    def _marker(self, position: Position, conditions: tuple[DirectiveNode, ...]) -> str | None:
        """The alias that is in the result exactly if the conditions hold; None if they always do."""
        if position.types is None and not position.conditional(conditions):
            return None
        return position.selection.typename(conditions).alias

    def _field(self, node: FieldNode, position: Position) -> ShapedField | None:
        directives = self._directives(node)
        key = (node.alias or node.name).value
        if node.name.value == "__typename" and directives.keys() & FIXED_VALUES:
            return self._fixed(key, directives, node, position)
        if misplaced := directives.keys() & FIXED_VALUES:
            raise document_error(f"@{min(misplaced)} is allowed on __typename only.", node)
        lenient = "ifAllowed" in directives
        conditions = (*position.conditions, *_conditions(node))
        fetch = position.selection.fetch(node, conditions, lenient)
        definition = self._schema.get_field(position.parent, node.name.value)
        assert definition is not None
        if lenient and is_non_null_type(definition.type):
            raise document_error("@ifAllowed needs a field that may be null.", node)
        # Without @ifAllowed an error ends the request, so that its null is never shaped.
        type_ = definition.type if lenient else assured_type(definition)
        where = (*position.lenient_path, fetch.alias)
        if lenient:
            self.findings.lenient.add(where)
        below = replace(
            Position(position.parent, fetch.below),
            path=None if position.path is None else (*position.path, fetch.alias),
            lenient_path=where,
        )
        convert, answer = self._value(node, type_, below, directives)
        if "body" in directives:
            self._set_body(node, below, convert, answer, directives["body"].get("key"))
        if self._mutation and len(where) == 2 and node.name.value == "errors":
            # The engine handles the errors of a payload.
            return None
        if self._mutation and len(where) == 2 and "omitNull" not in directives:
            # Other fields of a payload are null only beside errors, and then nothing is shaped.
            answer = answer.as_nullable(False)
        optional = position.conditional(conditions)
        if "spread" in directives:
            return self._spread(fetch, node, convert, answer, position, optional)
        omits = directives.keys() & {"omitNull", "omitFalse"}
        return self._key(key, fetch, node, convert, answer, position, optional, omits)

    def _key(
        self,
        key: str,
        fetch: ExecutedField,
        node: FieldNode,
        convert: Convert,
        answer: AnswerType,
        position: Position,
        optional: bool,
        omits: AbstractSet[str],
    ) -> ShapedField:
        alias = fetch.alias
        if "omitNull" in omits and not answer.nullable:
            raise document_error("@omitNull needs a value that may be null.", node)
        if "omitFalse" in omits and answer.kind != "boolean":
            raise document_error("@omitFalse needs a boolean.", node)
        nullable = answer.nullable and not omits
        keys = ((key, Key(answer.as_nullable(nullable), optional or bool(omits), position.types)),)
        also_omitted = False if "omitFalse" in omits else None

        def write(source: dict[str, Any], out: dict[str, Any], values: Values) -> None:
            if alias in source:
                out[key] = convert(source[alias], values)

        def write_unless_omitted(source: dict[str, Any], out: dict[str, Any], values: Values) -> None:
            if alias in source:
                value = convert(source[alias], values)
                if value is not None and value is not also_omitted:
                    out[key] = value

        if omits:
            return ShapedField(write_unless_omitted, keys)
        plain = None if optional or position.types is not None else convert
        return ShapedField(write, keys, alias, plain, answer)

    def _spread(
        self,
        fetch: ExecutedField,
        node: FieldNode,
        convert: Convert,
        answer: AnswerType,
        position: Position,
        optional: bool,
    ) -> ShapedField:
        alias = fetch.alias
        if answer.kind not in {"object", "map"}:
            raise document_error("@spread needs an object.", node)

        def write(source: dict[str, Any], out: dict[str, Any], values: Values) -> None:
            if alias in source and (inner := convert(source[alias], values)) is not None:
                out.update(inner)

        absent = optional or answer.nullable
        keys = answer.keys
        if answer.kind == "map":
            keys = {ANY_OTHER: Key(answer.item or AnswerType("any"), optional=True)}
        return ShapedField(
            write,
            tuple(
                (name, Key(key.answer, key.optional or absent, position.types)) for name, key in keys.items()
            ),
        )

    def _fixed(
        self, key: str, directives: Mapping[str, Any], node: FieldNode, position: Position
    ) -> ShapedField:
        conditions = (*position.conditions, *_conditions(node))
        marker = self._marker(position, conditions)
        if named := directives.get("echo") or directives.get("offset"):
            name = named["variable"]
            if name not in self._variables:
                raise document_error(
                    f"@{min(directives.keys() & FIXED_VALUES)} names ${name}, which is not declared.", node
                )
            self.findings.echoed.add(name)
            value, answer = None, self._variables[name]
            name = name if "echo" in directives else offset_of(name)
        else:
            name, value = None, directives["const"].get("value")
            answer = type_of_literal(value)

        def write(source: dict[str, Any], out: dict[str, Any], values: Values) -> None:
            if marker is None or marker in source:
                out[key] = value if name is None else values.get(name)

        return ShapedField(write, ((key, Key(answer, position.conditional(conditions), position.types)),))

    def _value(
        self, node: FieldNode, type_: GraphQLOutputType, below: Position, directives: Mapping[str, Any]
    ) -> tuple[Convert, AnswerType]:
        """The converter and type of a field's value, with the directives applied."""
        named = get_named_type(type_)
        convert: Convert | None = None
        if is_composite_type(named):
            assert node.selection_set is not None
            inner = replace(below, parent=named, path=None if _depth(type_) else below.path)
            convert, answer, parts = self.object(node.selection_set, inner)
            if "unwrap" in directives:
                convert, answer = self._unwrap(node, parts)
        elif "unwrap" in directives:
            raise document_error("@unwrap needs an object or a list of objects.", node)
        else:
            answer = _leaf(node, named)
        if "as" in directives:
            form, answer = self._form(node, directives["as"]["form"], answer)
            convert = form if convert is None else compose(convert, form)
        convert, answer = in_lists(type_, convert, answer)
        if "keyBy" in directives:
            convert, answer = self._key_by(node, convert, answer, **directives["keyBy"])
        return self._without_null(node, convert or identity, answer, directives)

    def _without_null(
        self, node: FieldNode, convert: Convert, answer: AnswerType, directives: Mapping[str, Any]
    ) -> tuple[Convert, AnswerType]:
        if "asList" in directives:
            convert, answer = as_list(convert), AnswerType("list", item=answer.as_nullable(False))
        if "default" in directives:
            if not answer.nullable:
                raise document_error("@default needs a value that may be null.", node)
            default = directives["default"].get("value")
            convert, answer = or_default(convert, default), answer.as_nullable(False)
            if answer.kind == "object":
                # Its keys may have values of other types there.
                answer = union(answer, type_of_literal(default))
        return convert, answer

    def _unwrap(self, node: FieldNode, parts: list[ShapedField]) -> tuple[Convert, AnswerType]:
        if len(parts) != 1 or parts[0].convert is None or parts[0].answer is None:
            raise document_error("@unwrap needs an object with one selected field, always written.", node)
        alias, inner = parts[0].alias, parts[0].convert

        def unwrap(value: Any, values: Values) -> Any:
            return inner(value[alias], values)

        return unwrap, parts[0].answer

    def _form(self, node: FieldNode, name: str, answer: AnswerType) -> tuple[Convert, AnswerType]:
        """Applies a form to a value, or to each item if `@unwrap` made the value a list."""
        if answer.kind == "list" and answer.item is not None:
            one, item = self._form(node, name, answer.item)
            return convert_items(one), replace(answer, item=item)
        form = WRITE_FORMS.get(name)
        if form is None or answer.leaf is None or not applies(form.takes, answer.leaf):
            shown = answer.leaf.name if answer.leaf is not None else answer.kind
            raise document_error(f"The form {name} does not write values of type {shown}.", node)
        render = form.render

        def convert(value: Any, _: Values) -> Any:
            return None if value is None else render(value)

        return convert, AnswerType(form.kind, answer.nullable)

    def _key_by(
        self,
        node: FieldNode,
        convert: Convert | None,
        answer: AnswerType,
        field: str,
        value: str | None = None,
    ) -> tuple[Convert, AnswerType]:
        if answer.kind != "list" or answer.item is None or answer.item.kind != "object" or convert is None:
            raise document_error("@keyBy needs a list of objects.", node)
        keys = answer.item.keys
        for name in (field, value):
            if name is not None and (name not in keys or keys[name].optional):
                raise document_error(f"@keyBy names {name}, which is not a key that every item has.", node)
        if keys[field].answer.kind != "string" or keys[field].answer.nullable:
            raise document_error(f"@keyBy names {field}, which is not always text.", node)
        items = convert

        def key_by(found: Any, values: Values) -> Any:
            listed = items(found, values)
            if listed is None:
                return None
            return {item[field]: item if value is None else item[value] for item in listed}

        held = answer.item if value is None else keys[value].answer
        return key_by, AnswerType("map", answer.nullable, item=held)

    def _set_body(
        self, node: FieldNode, below: Position, convert: Convert, answer: AnswerType, key: str | None
    ) -> None:
        if below.path is None:
            raise document_error("@body is not allowed below a list or in a group.", node)
        if self.findings.body is not None:
            raise document_error("@body is allowed once in a document.", node)
        self.findings.body = Body(below.path, convert, answer, key)

    def _possible(self, type_: Composite) -> list[str]:
        if is_abstract_type(type_):
            return [possible.name for possible in self._schema.get_possible_types(type_)]
        return [type_.name]

    def _directives(self, node: FieldNode | InlineFragmentNode) -> dict[str, dict[str, Any]]:
        """Our directives on a node, with their arguments."""
        found: dict[str, dict[str, Any]] = {}
        for directive in node.directives or ():
            name = directive.name.value
            if name not in CONDITIONS:
                definition = self._vocabulary.get_directive(name)
                assert definition is not None
                found[name] = get_directive_values(definition, node) or {}
        return found


def _conditions(node: FieldNode | InlineFragmentNode | FragmentSpreadNode) -> tuple[DirectiveNode, ...]:
    return tuple(directive for directive in node.directives or () if directive.name.value in CONDITIONS)


def _leaf(node: FieldNode, type_: GraphQLNamedType) -> AnswerType:
    try:
        kinds = json_kinds(type_)
        kind = kinds[0] if len(kinds) == 1 else "any"
        # The keys of a JSON object scalar are unknown.
        return AnswerType("map", item=AnswerType("any")) if kind == "object" else AnswerType(kind, leaf=type_)
    except ValueError as error:
        raise document_error(str(error), node) from error


def _depth(type_: Any) -> int:
    type_ = get_nullable_type(type_)
    return 1 + _depth(type_.of_type) if is_list_type(type_) else 0

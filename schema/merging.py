"""Whether fields with the same response name can be merged, in time that grows with their number.

The library's rule compares all pairs, which costs a second for a small hostile document, and therefore gives
up on harmless ones. Here the fields of one place in the response are collected, fragments written out, and
grouped: being of the same shape, and being the same call, are equivalences, so each field of a group is
compared with the first alone.

    shapes   all fields of a name             lists, non-null and leaf types are the same
    calls    those of a name that can apply   field and arguments are the same
             to the same object
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

MAX_VISITS = 25_000
"""Fields, fragments written out, that are looked at for one document: enough for any within the limit of
fields; only combinations of fragments made for it need more."""

ADVICE = "Use different aliases on the fields to fetch both if this was intentional."


@dataclass(frozen=True, slots=True)
class Selected:
    """A field of the document in one place of the response; type and definition are None if unknown."""

    node: FieldNode
    parent: Any
    definition: GraphQLField | None

    @property
    def response_name(self) -> str:
        """The name that it has in the response."""
        return (self.node.alias or self.node.name).value

    @property
    def kind(self) -> Any:
        """The type of what it holds, without lists and non-null; None if unknown."""
        return get_named_type(self.definition.type) if self.definition else None


class TooManyVisits(Exception):
    """The document needs more than `MAX_VISITS`."""


class MergeableFields(ValidationRule):
    """Refuses operations in which fields conflict: FieldsInSetCanMerge of the specification."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._fragments = {
            node.name.value: node
            for node in context.document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._visits = 0
        self._texts: dict[int, str] = {}
        self._reported: set[tuple[int, int]] = set()
        self._seen: set[tuple[bool, frozenset[int]]] = set()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        """Check one operation."""
        if self._visits > MAX_VISITS:
            return
        root = self.context.schema.get_root_type(node.operation)
        fields = [(node.selection_set, root)]
        try:
            self._check(fields, calls=True)
            self._check(fields, calls=False)
        except TooManyVisits:
            message = f"The document has more than {MAX_VISITS} fields once every fragment is written out."
            extensions = {"code": "TOO_COMPLEX", "limit": "fields", "maximum": MAX_VISITS}
            self.context.report_error(GraphQLError(message, node, extensions=extensions))

    def _check(self, start: list[tuple[SelectionSetNode, Any]], *, calls: bool) -> None:
        # With a stack, since fragments may nest fields deeper than calls can be.
        places = [start]
        while places:
            by_name: dict[str, list[Selected]] = {}
            for one in self._collect(places.pop()):
                by_name.setdefault(one.response_name, []).append(one)
            for named in by_name.values():
                for group in _applying_together(named) if calls else [named]:
                    compare = self._same_call if calls else self._same_shape
                    if not all(compare(group[0], other) for other in group[1:]):
                        continue
                    below = [(one.node.selection_set, one.kind) for one in group if one.node.selection_set]
                    key = (calls, frozenset(id(selection_set) for selection_set, _ in below))
                    if below and key not in self._seen:
                        self._seen.add(key)
                        places.append(below)

    def _collect(self, sets: Iterable[tuple[SelectionSetNode, Any]]) -> list[Selected]:
        """The fields of one place, each once."""
        found: dict[tuple[int, str], Selected] = {}
        spread: set[str] = set()
        waiting = deque(sets)
        while waiting:
            selection_set, parent = waiting.popleft()
            for selection in selection_set.selections:
                self._visits += 1
                if self._visits > MAX_VISITS:
                    raise TooManyVisits
                match selection:
                    case FieldNode():
                        definition = (
                            self.context.schema.get_field(parent, selection.name.value)
                            if is_composite_type(parent)
                            else None
                        )
                        name = parent.name if parent else ""
                        found[id(selection), name] = Selected(selection, parent, definition)
                    case InlineFragmentNode():
                        condition = selection.type_condition
                        inner = self._type(condition) if condition else parent
                        waiting.append((selection.selection_set, inner))
                    case FragmentSpreadNode() if selection.name.value not in spread:
                        spread.add(selection.name.value)
                        fragment = self._fragments.get(selection.name.value)
                        if fragment is not None:
                            waiting.append((fragment.selection_set, self._type(fragment.type_condition)))
        return list(found.values())

    def _type(self, condition: Any) -> Any:
        return self.context.schema.get_type(condition.name.value)

    def _same_shape(self, one: Selected, other: Selected) -> bool:
        if one.definition is None or other.definition is None:
            return True
        first, second = one.definition.type, other.definition.type
        if first is second or _have_same_shape(first, second):
            return True
        self._report(one, other, f"they return conflicting types '{first}' and '{second}'")
        return False

    def _same_call(self, one: Selected, other: Selected) -> bool:
        first, second = one.node.name.value, other.node.name.value
        if first != second:
            self._report(one, other, f"'{first}' and '{second}' are different fields")
            return False
        if self._arguments(one.node) != self._arguments(other.node):
            self._report(one, other, "they have differing arguments")
            return False
        return True

    def _arguments(self, node: FieldNode) -> str:
        if not node.arguments:
            return ""
        if id(node) not in self._texts:
            given = sorted(
                f"{argument.name.value}:{print_ast(sort_value_node(argument.value))}"
                for argument in node.arguments
            )
            self._texts[id(node)] = "\n".join(given)
        return self._texts[id(node)]

    def _report(self, one: Selected, other: Selected, reason: str) -> None:
        pair = (id(one.node), id(other.node))
        if pair in self._reported:
            return
        self._reported.add(pair)
        message = f"Fields '{one.response_name}' conflict because {reason}. {ADVICE}"
        self.context.report_error(GraphQLError(message, [one.node, other.node]))


def _applying_together(named: list[Selected]) -> list[list[Selected]]:
    """Groups of fields that can apply to the same object: those of abstract types apply to all."""
    everywhere = [one for one in named if not one.parent or is_abstract_type(one.parent)]
    by_type: dict[str, list[Selected]] = {}
    for one in named:
        if one.parent and not is_abstract_type(one.parent):
            by_type.setdefault(one.parent.name, []).append(one)
    return [[*everywhere, *concrete] for concrete in by_type.values()] or [everywhere]


def _have_same_shape(first: GraphQLOutputType, second: GraphQLOutputType) -> bool:
    while isinstance(first, GraphQLList | GraphQLNonNull) or isinstance(second, GraphQLList | GraphQLNonNull):
        if not isinstance(first, GraphQLList | GraphQLNonNull) or type(first) is not type(second):
            return False
        first, second = first.of_type, second.of_type
    return first is second or not (is_leaf_type(first) or is_leaf_type(second))

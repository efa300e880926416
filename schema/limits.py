"""Limits on requests to the public endpoint, checked before execution.

Strawberry's limiters make a validation rule for each request, which prevents caching of validated documents,
and none computes a cost. Here the rules are constant, and the cost is computed from the document and its
variables in one walk that visits each fragment once, however often it is spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_composite_type,
    is_input_type,
    is_list_type,
    type_from_ast,
    value_from_ast_untyped,
)
from graphql import parse as parse_source

WEIGHT = "weight"
"""The key in the `metadata` of a field that says how many rows it costs as much as."""

ROWS = "rows"
"""The key in the `metadata` of a list without pages that says as how many rows it counts."""

DEFAULT_FIRST = 50
"""Rows of a connection if neither the query nor the schema gives a number."""

PAGE_ARGUMENT = "first"

DAYS_ARGUMENT = "days"
"""The length of a list of days without gaps. Has its own bound, unlike pages."""


@dataclass(frozen=True)
class Limits:
    """The limits of one public request: of its text, then of each field of `Cost`."""

    tokens: int = 5_000
    comments: int = 1_000
    depth: int = 12
    aliases: int = 30
    fields: int = 5_000
    nodes: int = 10_000
    first: int = 100
    list_items: int = 100


@dataclass(frozen=True)
class Cost:
    """The cost of a request.

    `nodes`: rows of connections, multiplied by the rows of the enclosing connections, and the weights of
    fields that read many. `depth`: nested fields.
    `aliases`: fields with an alias. `fields`: all fields, with fragments expanded. `first`: the largest page.
    `list_items`: the longest input list. Introspection does not count for `nodes` and `depth`.
    """

    nodes: int = 0
    depth: int = 0
    aliases: int = 0
    fields: int = 0
    first: int = 0
    list_items: int = 0

    def add(self, other: "Cost") -> "Cost":
        """The cost of two selections on one object."""
        return Cost(
            nodes=self.nodes + other.nodes,
            depth=max(self.depth, other.depth),
            aliases=self.aliases + other.aliases,
            fields=self.fields + other.fields,
            first=max(self.first, other.first),
            list_items=max(self.list_items, other.list_items),
        )


LIMITED = tuple(field.name for field in fields(Cost))


PAGED = ("nodes", "first")
"""The limits that pages of connections exceed."""


def too_complex(
    limit: str, maximum: int, message: str, value: int | None = None, *, connection: str = ""
) -> GraphQLError:
    """A TOO_COMPLEX error with the limit, its maximum and, if known, the value and a connection's path."""
    extensions: dict[str, Any] = {"code": "TOO_COMPLEX", "limit": limit, "maximum": maximum}
    if value is not None:
        extensions["value"] = value
    if connection:
        extensions["connection"] = connection
    return GraphQLError(message, extensions=extensions)


def parse(text: str, limits: Limits) -> DocumentNode:
    """Parse a document of bounded size.

    Raises GraphQLSyntaxError, or GraphQLError with code TOO_COMPLEX for too many tokens or comments.
    """
    try:
        return parse_source(text, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLSyntaxError as error:
        for limit, maximum in (("tokens", limits.tokens), ("comments", limits.comments)):
            if f"Document contains more than {maximum} {limit}." in error.message:
                message = f"The document has more than {maximum} {limit}."
                raise too_complex(limit, maximum, message) from error
        raise


def check(
    document: DocumentNode,
    *,
    variables: Mapping[str, Any],
    operation_name: str | None,
    schema: GraphQLSchema,
    limits: Limits,
) -> Cost:
    """The cost of a validated document.

    Raises GraphQLError TOO_COMPLEX with the limit, its maximum and the value in its extensions.
    """
    calculator = CostCalculator(document, variables=variables, operation_name=operation_name, schema=schema)
    cost = calculator.total()
    for limit in LIMITED:
        value, maximum = getattr(cost, limit), getattr(limits, limit)
        if value > maximum:
            message = f"{limit} is {value}, over the limit of {maximum}."
            where = ""
            # Fragments in fragments are not written out before their number is known to be bounded.
            if limit in PAGED and cost.fields <= limits.fields:
                where, advice = calculator.costliest(by=limit)
                message = f"{message} {advice}"
            raise too_complex(limit, maximum, message, value, connection=where)
    return cost


def measure(
    document: DocumentNode,
    *,
    variables: Mapping[str, Any],
    operation_name: str | None,
    schema: GraphQLSchema,
) -> Cost:
    """The cost of one operation of a document.

    The document must be valid (fragment cycles would not end) and the variables coercible to their types.
    Fields that execution merges are counted separately, so the cost is an upper bound.
    """
    return CostCalculator(document, variables=variables, operation_name=operation_name, schema=schema).total()


class CostCalculator:
    """Computes the cost of one operation, of each field and fragment once: the work grows with the document.

    Raises GraphQLError BAD_REQUEST if the operation is not determined.
    """

    def __init__(
        self,
        document: DocumentNode,
        *,
        variables: Mapping[str, Any],
        operation_name: str | None,
        schema: GraphQLSchema,
    ) -> None:
        operation = get_operation_ast(document, operation_name)
        if operation is None:
            raise GraphQLError("The operation to run is not determined.", extensions={"code": "BAD_REQUEST"})
        root = schema.get_root_type(operation.operation)
        assert root is not None  # Validation ensures it.
        self.schema = schema
        self.operation = operation
        self.root = root
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.fragment_costs: dict[str, Cost] = {}
        self.field_costs: dict[int, Cost] = {}
        """By the identity of the node, which stands below one type."""
        self.variable_types: dict[str, GraphQLInputType] = {}
        self.variables: dict[str, Any] = {}
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            declared = type_from_ast(schema, definition.type)
            assert is_input_type(declared)  # Validation ensures it.
            self.variable_types[name] = declared
            if name in variables:
                self.variables[name] = variables[name]
            elif definition.default_value is not None:
                self.variables[name] = value_from_ast_untyped(definition.default_value)

    def total(self) -> Cost:
        """The cost of the operation."""
        cost = self.selections(self.operation.selection_set, self.root)
        return cost.add(Cost(list_items=self.longest_variable()))

    def selections(self, selection_set: SelectionSetNode | None, parent: GraphQLCompositeType) -> Cost:
        """The cost of a selection set for one object of the type `parent`."""
        cost = Cost()
        for selection in selection_set.selections if selection_set else ():
            match selection:
                case FieldNode():
                    cost = cost.add(self.field(selection, parent))
                case InlineFragmentNode():
                    condition = selection.type_condition
                    inner = self.composite(condition.name.value) if condition else parent
                    cost = cost.add(self.selections(selection.selection_set, inner))
                case FragmentSpreadNode():
                    cost = cost.add(self.fragment(selection.name.value))
        return cost

    def fragment(self, name: str) -> Cost:
        """The cost of a named fragment, computed once."""
        if name not in self.fragment_costs:
            node = self.fragments[name]
            inner = self.composite(node.type_condition.name.value)
            self.fragment_costs[name] = self.selections(node.selection_set, inner)
        return self.fragment_costs[name]

    def composite(self, name: str) -> GraphQLCompositeType:
        """The object, interface or union type with this name."""
        found = self.schema.get_type(name)
        assert is_composite_type(found)  # Validation ensures it.
        return found

    def field(self, node: FieldNode, parent: GraphQLCompositeType) -> Cost:
        """The cost of one field with its selection."""
        name = node.name.value
        definition = self.schema.get_field(parent, name)
        assert definition is not None  # Validation ensures it.
        inner = get_named_type(definition.type)
        below = self.selections(node.selection_set, inner) if is_composite_type(inner) else Cost()
        introspection = name.startswith("__")
        page, rows = self.rows(node, definition)
        nodes = below.nodes if rows is None else rows * (1 + below.nodes)
        nodes += weight_of(definition)
        cost = self.field_costs[id(node)] = Cost(
            nodes=0 if introspection else nodes,
            depth=0 if introspection else below.depth + 1,
            aliases=below.aliases + bool(node.alias),
            fields=below.fields + 1,
            first=max(page, below.first),
            list_items=max(
                below.list_items, *(self.longest_literal(a.value) for a in node.arguments or ()), 0
            ),
        )
        return cost

    def rows(self, node: FieldNode, definition: GraphQLField) -> tuple[int, int | None]:
        """The page size of a field, and the rows that multiply the cost below it; None if it is no list.

        A field with `first` or `days` has that many rows. A list looked up by a list argument has a row for
        each item, one with the metadata `ROWS` that many. The lists inside a connection are its rows, which
        are counted already.
        """
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if PAGE_ARGUMENT in definition.args:
            asked = self.integer(given.get(PAGE_ARGUMENT))
            if asked is None:
                asked = default_size(definition.args[PAGE_ARGUMENT])
            page = DEFAULT_FIRST if asked is None else max(0, asked)
            return page, page
        if DAYS_ARGUMENT in definition.args:
            asked_days = self.integer(given.get(DAYS_ARGUMENT))
            return 0, max(0, asked_days or default_size(definition.args[DAYS_ARGUMENT]) or 0)
        if is_list_type(get_nullable_type(definition.type)):
            looked_up = [
                self.items(given[name])
                for name, argument in definition.args.items()
                if name in given and is_list_type(get_nullable_type(argument.type))
            ]
            if looked_up:
                return 0, max(looked_up)
        return 0, metadata_of(definition).get(ROWS)

    def costliest(self, *, by: str) -> tuple[str, str]:
        """The path of the connection that costs most by a limit, and a sentence that says how it does.

        `total` has been asked before, and has kept what each field costs.
        """

        def cost_of(node: FieldNode) -> int:
            cost: int = getattr(self.field_costs[id(node)], by)
            return cost

        path: list[str] = []
        connection, pages = "", []
        fields = self.fields(self.operation.selection_set, self.root)
        while fields:
            node, above = max(fields, key=lambda one: cost_of(one[0]))
            if not cost_of(node):
                break
            definition = self.schema.get_field(above, node.name.value)
            assert definition is not None  # Validation ensures it.
            path.append((node.alias or node.name).value)
            page, _ = self.rows(node, definition)
            if page:
                given = {argument.name.value: argument.value for argument in node.arguments or ()}
                silent = self.integer(given.get(PAGE_ARGUMENT)) is None
                connection = ".".join(path)
                pages.append(f"`{path[-1]}` takes {page}{' since `first` is not given' if silent else ''}")
                if by == "first" and page == cost_of(node):
                    break
            inner = get_named_type(definition.type)
            fields = (
                self.fields(node.selection_set, inner)
                if node.selection_set and is_composite_type(inner)
                else []
            )
        return connection, f"{', '.join(pages[-1:] if by == 'first' else pages)}."

    def fields(
        self, selection_set: SelectionSetNode, parent: GraphQLCompositeType
    ) -> list[tuple[FieldNode, GraphQLCompositeType]]:
        """The fields of a selection set with their types, those of its fragments too."""
        found: list[tuple[FieldNode, GraphQLCompositeType]] = []
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    found.append((selection, parent))
                case InlineFragmentNode():
                    condition = selection.type_condition
                    inner = self.composite(condition.name.value) if condition else parent
                    found += self.fields(selection.selection_set, inner)
                case FragmentSpreadNode():
                    node = self.fragments[selection.name.value]
                    found += self.fields(node.selection_set, self.composite(node.type_condition.name.value))
        return found

    def integer(self, value: ValueNode | None) -> int | None:
        """The value of an integer argument in this request; None if it has none."""
        if isinstance(value, IntValueNode):
            return int(value.value)
        if isinstance(value, VariableNode):
            number = self.variables.get(value.name.value)
            # 5.0 is a valid Int in JSON.
            return int(number) if isinstance(number, int | float) else None
        return None

    def items(self, value: ValueNode) -> int:
        """The number of items of a list argument in this request; a single value is a list of one."""
        if isinstance(value, ListValueNode):
            return len(value.values)
        if isinstance(value, VariableNode):
            given = self.variables.get(value.name.value)
            return len(given) if isinstance(given, list) else int(given is not None)
        return 1

    def longest_literal(self, value: ValueNode) -> int:
        """The length of the longest list written in an argument."""
        if isinstance(value, ListValueNode):
            return max(len(value.values), *(self.longest_literal(item) for item in value.values), 0)
        if isinstance(value, ObjectValueNode):
            return max((self.longest_literal(field.value) for field in value.fields), default=0)
        return 0

    def longest_variable(self) -> int:
        """The length of the longest list in the variables, except in free-form JSON."""
        return max(
            (longest_list(self.variables.get(name), of) for name, of in self.variable_types.items()),
            default=0,
        )


def weight_of(field: GraphQLField) -> int:
    """What a field costs beside the rows of its pages, since it reads much to answer little."""
    return int(metadata_of(field).get(WEIGHT, 0))


def metadata_of(field: GraphQLField) -> Mapping[Any, Any]:
    """The `metadata` that a field was declared with."""
    definition = field.extensions.get("strawberry-definition")
    return definition.metadata if definition is not None else {}


def longest_list(value: Any, of: GraphQLInputType) -> int:
    """The length of the longest list within a value of an input type, not counting lists inside scalars."""
    if isinstance(of, GraphQLNonNull):
        return longest_list(value, of.of_type)
    if isinstance(of, GraphQLList) and isinstance(value, list):
        return max(len(value), *(longest_list(item, of.of_type) for item in value), 0)
    if isinstance(of, GraphQLInputObjectType) and isinstance(value, Mapping):
        known = ((value[name], field.type) for name, field in of.fields.items() if name in value)
        return max((longest_list(item, kind) for item, kind in known), default=0)
    return 0


def default_size(argument: GraphQLArgument) -> int | None:
    """The default of a page size argument in the schema, or None."""
    if isinstance(argument.default_value, int):
        return argument.default_value
    default = argument.default
    if default is None:
        return None
    if isinstance(default.literal, IntValueNode):
        return int(default.literal.value)
    return default.value if isinstance(default.value, int) else None

"""Documents over a schema, drawn by hypothesis: fragments, aliases, arguments, variables and directives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

Pool = Mapping[str, tuple[Any, ...]]
"""Values by the name of an argument, or else by the name of a type."""


@dataclass
class Drawing:
    """A document that grows by what chance draws. `is_wanted` says which fields may be in it."""

    schema: GraphQLSchema
    random: Random
    pool: Pool
    is_wanted: Callable[[str, str], bool] = lambda *_: True
    favourites: tuple[str, ...] = ()
    """Fields of the root that are drawn more often, since others stand below them."""
    size: int = 30
    """About how many fields it gets."""
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: dict[str, str] = field(default_factory=dict)
    names: int = 0

    def text(self, kind: str = "query") -> str:
        """The document."""
        root = getattr(self.schema, f"{kind}_type")
        selected = self.selection(root, 7)
        head = f"{kind} Drawn({', '.join(self.declared)})" if self.declared else kind
        return "\n".join([f"{head} {selected}", *self.fragments.values()])

    def name(self, start: str) -> str:
        """A name that is not used yet."""
        self.names += 1
        return f"{start}{self.names}"

    def one_in(self, number: int) -> bool:
        """Whether chance says so."""
        return self.random.randrange(number) == 0

    def selection(self, kind: Any, depth: int) -> str:
        """The fields below one field."""
        parts = ["__typename"] if self.one_in(3) or is_abstract_type(kind) else []
        fields = getattr(kind, "fields", {})
        wanted = [
            name
            for name, one in fields.items()
            if self.is_wanted(kind.name, name) and (depth > 1 or is_leaf_type(get_named_type(one.type)))
        ]
        chosen = self.random.sample(wanted, min(len(wanted), self.random.randint(1, 6)))
        if kind is self.schema.query_type and self.favourites:
            chosen = [self.random.choice(self.favourites), *chosen[:2]]
        for name in dict.fromkeys(chosen):
            parts.append(self.field(name, fields[name], depth))
            if self.size < 0:
                break
        if is_abstract_type(kind):
            parts += [
                f"... on {one.name}{self.condition()} {self.selection(one, depth - 1)}"
                for one in self.schema.get_possible_types(kind)
                if not self.one_in(3) and self.size > 0
            ]
        elif self.one_in(4):
            parts.append(f"...{self.condition()} {self.selection(kind, depth - 1)}")
        if self.one_in(5) and self.size > 0:
            name = self.name("Part")
            self.fragments[name] = f"fragment {name} on {kind.name} {self.selection(kind, depth - 1)}"
            parts += [f"...{name}{self.condition()}"] * self.random.randint(1, 2)
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def field(self, name: str, definition: GraphQLField, depth: int) -> str:
        """One field, perhaps with an alias, perhaps twice."""
        self.size -= 1
        given = [
            f"{key}: {self.value(one.type, key)}"
            for key, one in definition.args.items()
            if is_required_argument(one) or self.one_in(3)
        ]
        arguments = f"({', '.join(given)})" if given else ""
        kind = get_named_type(definition.type)
        # Fields with arguments, or of types that differ between objects, are told apart by an alias.
        alias = f"{self.name('a')}: " if definition.args or self.one_in(4) or not is_leaf_type(kind) else ""
        if is_leaf_type(kind):
            written = f"{alias}{name}{arguments}{self.condition()}"
            return f"{written} {written}" if self.one_in(6) and not definition.args else written
        return f"{alias}{name}{arguments}{self.condition()} {self.selection(kind, depth - 1)}"

    def condition(self) -> str:
        """A directive, or most often none."""
        if not self.one_in(6):
            return ""
        directive = self.random.choice(["skip", "include"])
        choice = self.random.choice([True, False])
        if self.one_in(2):
            return f" @{directive}(if: {orjson.dumps(choice).decode()})"
        return f" @{directive}(if: {self.variable('Boolean!', choice)})"

    def variable(self, kind: str, value: Any) -> str:
        """A new variable with a value."""
        name = self.name("v")
        default = ""
        if self.one_in(4) and isinstance(value, bool):
            default = f" = {orjson.dumps(not value).decode()}"
        self.declared.append(f"${name}: {kind}{default}")
        self.variables[name] = value
        return f"${name}"

    def value(self, kind: GraphQLInputType, name: str) -> str:
        """The value of an argument: written out, or a variable."""
        drawn = self.drawn(kind, name)
        if self.one_in(3):
            return self.variable(str(kind), drawn)
        return written(drawn, kind)

    def drawn(self, kind: Any, name: str) -> Any:
        """A value of an input type, as JSON has it."""
        if isinstance(kind, GraphQLNonNull):
            return self.drawn(kind.of_type, name)
        if isinstance(kind, GraphQLList):
            return [self.drawn(kind.of_type, name) for _ in range(self.random.randint(1, 3))]
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            fields = kind.fields.items()
            if kind.is_one_of:
                fields = [self.random.choice(list(fields))]
                return {key: self.drawn(one.type, key) for key, one in fields}
            return {
                key: self.drawn(one.type, key)
                for key, one in fields
                if is_required_input_field(one) or self.one_in(2)
            }
        return self.random.choice(self.pool.get(name) or self.pool[kind.name])


def written(value: Any, kind: Any) -> str:
    """A value as a document writes it."""
    kind = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(kind, GraphQLList):
        return f"[{', '.join(written(one, kind.of_type) for one in value)}]"
    if isinstance(kind, GraphQLInputObjectType):
        return (
            "{"
            + ", ".join(f"{key}: {written(one, kind.fields[key].type)}" for key, one in value.items())
            + "}"
        )
    if isinstance(kind, GraphQLEnumType):
        return str(value)
    if isinstance(value, dict):
        # Free-form JSON.
        return "{" + ", ".join(f"{key}: {written(one, None)}" for key, one in value.items()) + "}"
    return orjson.dumps(value).decode()

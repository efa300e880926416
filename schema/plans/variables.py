"""The variables of an operation: as graphql-core coerces them, with the types looked up once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    get_variable_values,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

from schema.plans.calls import is_fixed
from schema.plans.run import Unplannable

MAX_ERRORS = 50
"""Most errors of variables that graphql-core tells of."""


class Variables:
    """Coerces the variables of an operation; what is not plain goes to graphql-core, which tells errors."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._plain: list[tuple[GraphQLVariableSignature, bool, Any]] | None = []
        for node in self._definitions:
            signature = get_variable_signature(schema, node)
            if isinstance(signature, GraphQLError):
                raise Unplannable("a variable of no type")
            default = coerce_default_value(signature)
            inner = signature.type.of_type if isinstance(signature.type, GraphQLNonNull) else signature.type
            is_constant = default is Undefined or is_fixed({"": default})
            if isinstance(inner, GraphQLList) or not is_leaf_type(inner) or not is_constant:
                self._plain = None
                return
            self._plain.append((signature, isinstance(signature.type, GraphQLNonNull), default))

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values of an execution, or what is wrong with them."""
        if self._plain is not None and (values := self._quickly(self._plain, given)) is not None:
            return values
        return get_variable_values(self._schema, self._definitions, dict(given), max_errors=MAX_ERRORS)

    def _quickly(
        self, plain: list[tuple[GraphQLVariableSignature, bool, Any]], given: Mapping[str, Any]
    ) -> VariableValues | None:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, required, default in plain:
            name = signature.name
            if name in given:
                value = coerce_input_value(given[name], signature.type)
                if value is Undefined:
                    return None
                sources[name] = VariableValueSource(signature, given[name])
                coerced[name] = value
            else:
                sources[name] = VariableValueSource(signature)
                if default is not Undefined:
                    coerced[name] = default
                elif required:
                    return None
        return VariableValues(sources, coerced)

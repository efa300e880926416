"""Read-only mode suspends every mutation but the one that switches it."""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Final

from graphql import GraphQLSchema

from resolvers import readonly

GOES_ON: Final = frozenset({"siteReadOnlySet"})
"""The mutations that read-only mode does not suspend. Whatever is not named here is refused then."""


async def is_suspended(mutation: str) -> bool:
    """Whether read-only mode suspends a mutation now."""
    return mutation not in GOES_ON and await readonly.is_read_only()


def suspend(schema: GraphQLSchema) -> None:
    """Refuse every mutation but those of `GOES_ON` while read-only mode is on, before any other check.

    One that has begun when the mode is switched on is refused at its transaction.
    """
    assert schema.mutation_type is not None
    fields = schema.mutation_type.fields
    for name in fields.keys() - GOES_ON:
        resolve = fields[name].resolve
        assert resolve is not None  # Every mutation has a resolver of its own.
        fields[name].resolve = _suspended(resolve)


def _suspended(resolve: Callable[..., Any]) -> Callable[..., Any]:
    async def resolved(source: Any, info: Any, **arguments: Any) -> Any:
        await readonly.require_off()
        with readonly.suspended_when_on():
            made = resolve(source, info, **arguments)
            return await made if isawaitable(made) else made

    return resolved

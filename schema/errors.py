"""GraphQL errors: errors in payloads that the user can fix, and top-level errors for all others."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from resolvers import errors
from resolvers.errors import RETRY_LATER, DatabaseUnavailable, ErrorCode, ReadOnly
from schema.context import Info
from storage import readonly

T = TypeVar("T")

READ_ONLY_TEXT = readonly.SENTENCE
"""What read-only mode says to clients that compare it."""

strawberry.enum(ErrorCode, description="What kind of failure it is; stable, for programs to compare.")


@strawberry.type(description="A failure that a person can fix by changing the input. Nothing was written.")
class UserError:
    code: ErrorCode = strawberry.field(description="What kind of failure it is.")
    message: str = strawberry.field(description="One sentence for people; it may change.")
    field: str | None = strawberry.field(
        description="The argument at fault, such as `input.name`; null if no single one is."
    )
    retry_after_s: int | None = strawberry.field(
        default=None,
        description="With `TOO_MANY`: in how many seconds it can succeed; null if waiting is no help.",
    )


class PayloadErrors(FieldExtension):
    """Converts a `UserError` of resolvers to `errors` of the payload; its other fields are then null.

    It wraps the whole mutation, so the transaction has been rolled back before.
    """

    def __init__(self, payload: type[Any]) -> None:
        self._payload = payload

    async def resolve_async(self, next_: Any, source: Any, info: Info, **kwargs: Any) -> Any:
        try:
            return await next_(source, info, **kwargs)
        except errors.UserError as error:
            path = _argument_path(error.field, kwargs)
            retry_after_s = error.retry_after_s if isinstance(error, errors.TooMany) else None
            shown = UserError(code=error.code, message=error.message, field=path, retry_after_s=retry_after_s)
            return self._payload(errors=[shown])


def _argument_path(field: str | None, arguments: dict[str, Any]) -> str | None:
    if field is None:
        return None
    # What stands below an argument has the names of whoever sent it.
    argument, dot, below = field.partition(".")
    name = f"{to_camel_case(argument)}{dot}{below}"
    if "input" in arguments and name not in {to_camel_case(argument) for argument in arguments}:
        return f"input.{name}"
    return name


def mutation(payload: type[T], *, description: str) -> Callable[[Any], StrawberryField]:
    """A mutation field that returns `payload`, with user errors in its `errors`."""

    def decorate(resolver: Any) -> StrawberryField:
        return strawberry.mutation(
            resolver, description=description, extensions=[PayloadErrors(payload)], graphql_type=payload
        )

    return decorate


@strawberry.type
class Payload:
    """The base of every payload. Not a type of the schema: it only gives each payload its `errors`."""

    errors: list[UserError] = strawberry.field(
        default_factory=list, description="What the viewer can fix. Not empty means that nothing was written."
    )


@strawberry.type
class DeletionPayload(Payload):
    """The base of the payloads of deletions of objects with an id. Not a type of the schema."""

    deleted_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The `id` of what is gone, for caches; null if refused or if there was none.",
    )


def payload(name: str, description: str, **field: tuple[Any, str]) -> Any:
    """A payload with one field, given as type and description; it is null if the mutation was refused.

    Mutations whose payloads differ in name alone still have a type each, so that one can get more fields.
    """
    ((key, (kind, text)),) = field.items()
    namespace = {
        "__annotations__": {key: kind | None},
        key: strawberry.field(default=None, description=text),
        "__module__": __name__,
    }
    return strawberry.type(type(name, (Payload,), namespace), description=description)


def code_of(error: GraphQLError) -> ErrorCode:
    """The code of a top-level error, for all doors.

    Refused before execution, or a value that could not be read: BAD_REQUEST. An expected failure: its own
    code, BAD_REQUEST for a user's error in a query. A database that is away: UNAVAILABLE. Read-only mode:
    READ_ONLY. Anything else: INTERNAL.
    """
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if isinstance(original, errors.UserError):
        return ErrorCode.BAD_REQUEST
    if isinstance(original, errors.QuaysideError):
        return original.code
    if isinstance(original, DatabaseUnavailable):
        return ErrorCode.UNAVAILABLE
    if isinstance(original, ReadOnly):
        return ErrorCode.READ_ONLY
    code = (error.extensions or {}).get("code")
    if code in ErrorCode.__members__:
        return ErrorCode[str(code)]
    if error.path is None or original is None or type(original).__module__.startswith("strawberry"):
        return ErrorCode.BAD_REQUEST
    return ErrorCode.INTERNAL


__all__ = [
    "READ_ONLY_TEXT",
    "RETRY_LATER",
    "DatabaseUnavailable",
    "DeletionPayload",
    "ErrorCode",
    "Payload",
    "PayloadErrors",
    "UserError",
    "code_of",
    "mutation",
    "payload",
]

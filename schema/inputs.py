"""Arguments that many operations share: repository path, owner, partial inputs."""

import dataclasses
from typing import Annotated, Any

import strawberry

from resolvers.accounts.namespace import Owner
from schema.scalars import RepositoryPath

PathArgument = Annotated[
    RepositoryPath, strawberry.argument(description="Namespace and name, such as `acme/app`.")
]


def changes(value: Any) -> dict[str, Any]:
    """The fields of an input by name, without `Maybe` fields that were omitted."""
    given = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    return {
        name: item.value if isinstance(item, strawberry.Some) else item
        for name, item in given.items()
        if item is not None
    }


@strawberry.input(description="Whose: a namespace's as a whole, or one repository's.", one_of=True)
class OwnerInput:
    namespace: strawberry.Maybe[str] = strawberry.field(description="The user's or organization's name.")
    repository: strawberry.Maybe[RepositoryPath] = strawberry.field(description="The repository's path.")


def to_owner(value: OwnerInput) -> Owner:
    """An owner as resolvers take it."""
    return Owner(**changes(value))

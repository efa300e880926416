"""References of the Git repository of a trigger, for whoever chooses what it builds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resolvers.access.roles import RepositoryRole
from resolvers.builds.git import References
from resolvers.builds.triggers import remote, trigger
from resolvers.builds.triggers.fire import RefKind
from resolvers.builds.triggers.push import HEADS, TAGS
from resolvers.context import Context
from resolvers.errors import Conflict
from resolvers.repositories import repository
from storage.secrets import SecretUnreadable

MOST: Final = 10_000
"""Branches and tags that are listed; the rest of a repository with more is left out."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A branch or a tag, and the commit that it leads to."""

    kind: RefKind
    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Listed:
    """What a repository has: the default branch first, then other branches, then tags, by their names."""

    default_branch: str | None
    references: Sequence[Reference]


async def listed(context: Context, path: str, identity: str) -> Listed:
    """Ask the Git repository of an active trigger what it has. Requires `repo:admin`.

    Raises `NotFound`, `Conflict` if the trigger is not active, and `Upstream` if the repository does not
    answer.
    """
    context.viewer.require_account()
    place = await repository.require(context, path, RepositoryRole.ADMIN)
    found = await trigger.require(place, identity)
    if not found.is_active:
        raise Conflict("Trigger is not active.", field="trigger")
    try:
        references = await remote.references_of(context, found)
    except SecretUnreadable as error:
        raise Conflict(
            "The key of the trigger cannot be read; delete it, and make another.", field="trigger"
        ) from error
    return Listed(references.default_branch, _sorted(references)[:MOST])


def _sorted(references: References) -> list[Reference]:
    found = [
        Reference(kind, ref.removeprefix(prefix), commit)
        for kind, prefix in ((RefKind.BRANCH, HEADS), (RefKind.TAG, TAGS))
        for ref, commit in references.commits.items()
        if ref.startswith(prefix)
    ]
    return sorted(
        found,
        key=lambda one: (
            one.kind is RefKind.TAG,
            one.kind is RefKind.TAG or one.name != references.default_branch,
            one.name,
        ),
    )

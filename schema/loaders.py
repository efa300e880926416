"""One statement per connection level: the batch functions of the resolvers, gathered for one request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from resolvers import account, manifest, repository, tag, team
from resolvers.access.permissions import RepositoryRef, namespace_roles, repository_roles
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.context import Context
from resolvers.manifest import ManifestRecord
from resolvers.team import TeamRecord

K = TypeVar("K")
V = TypeVar("V")

MAX_BATCH = 5_000
"""Values in one statement; both databases take more."""


def _loader(batch: Callable[[list[K]], Awaitable[Mapping[K, V]]], default: Any = None) -> DataLoader[K, V]:
    async def load(keys: list[K]) -> Sequence[V]:
        found = await batch(keys)
        return [found.get(key, default) for key in keys]

    return DataLoader(load, max_batch_size=MAX_BATCH)


class Loaders:
    """The loaders of a request, by what they load; keys are row ids unless said otherwise."""

    def __init__(self, context: Context) -> None:
        self.accounts = _loader(account.by_ids)
        self.repositories = _loader(repository.by_ids)
        self.manifests = _loader(manifest.by_ids)
        self.children = _loader(manifest.children, [])
        self.bodies = _loader(manifest.bodies)
        self.total_sizes = _loader(manifest.total_sizes, 0)
        self.tag_names = _loader(tag.active_of_manifests, [])
        self.last_modified = _loader(tag.last_started)
        """Milliseconds by repository."""

        async def roles(references: list[RepositoryRef]) -> Mapping[RepositoryRef, RepositoryRole | None]:
            found = await repository_roles(context.viewer, references)
            return {reference: found[reference.id] for reference in references}

        self.repository_roles = _loader(roles)
        """Keys are `RepositoryRef`."""

        async def owners(ids: list[int]) -> Mapping[int, TeamRole | None]:
            return await namespace_roles(context.viewer, ids)

        self.namespace_roles = _loader(owners)
        self.teams = _loader(team.by_ids)

        async def visibility(teams: list[TeamRecord]) -> Mapping[TeamRecord, bool]:
            return await team.viewer_can_view(context, teams)

        self.team_visibility = _loader(visibility)
        """Whether the viewer may see who is in a team; keys are `TeamRecord`."""

        async def configurations(
            records: list[ManifestRecord],
        ) -> Sequence[dict[str, Any] | None]:
            return [await manifest.config(context, record) for record in records]

        self.configurations: DataLoader[ManifestRecord, dict[str, Any] | None] = DataLoader(
            configurations,
            cache_key_fn=lambda record: record.id,
        )
        """Keys are `ManifestRecord`; each costs a read of the blob store."""

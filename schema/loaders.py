"""One statement per connection level: the batch functions of the resolvers, gathered for one request."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

from strawberry.dataloader import DataLoader

from resolvers.access.permissions import RepositoryRef, namespace_roles, repository_roles
from resolvers.access.roles import RepositoryRole
from resolvers.access.viewer import Viewer
from resolvers.accounts import account, federation, robot, team
from resolvers.context import Context
from resolvers.errors import BadRequest
from resolvers.manifests import label, manifest, referrer
from resolvers.manifests.content import ChildRecord, ContentReader, Layer, is_model, layers
from resolvers.manifests.label import LabelRecord
from resolvers.manifests.manifest import ManifestRecord
from resolvers.manifests.referrer import ReferrerRecord, SubjectReader
from resolvers.oauth import application, token
from resolvers.pages import Page, Slice
from resolvers.repositories import activity, membership, permission, popularity, repository, star
from resolvers.repositories.activity import PullsRecord
from resolvers.tags import tag

K = TypeVar("K")
V = TypeVar("V")
Rest = TypeVarTuple("Rest")

MAX_BATCH = 5_000
"""Values in one statement; both databases take more."""


def _loader(batch: Callable[[list[K]], Awaitable[Mapping[K, V]]], default: Any = None) -> DataLoader[K, V]:
    async def load(keys: list[K]) -> Sequence[V]:
        found = await batch(keys)
        return [found.get(key, default) for key in keys]

    return DataLoader(load, max_batch_size=MAX_BATCH)


def _grouped(
    fetch: Callable[[list[int], *Rest], Awaitable[Mapping[int, V]]],
) -> DataLoader[tuple[int, *Rest], V]:
    """A loader that makes one call for all rows of which the same is asked.

    A key is a row and the other arguments of the call, such as a page.
    """

    async def batch(keys: list[tuple[int, *Rest]]) -> Mapping[tuple[int, *Rest], V]:
        calls: dict[tuple[*Rest], list[int]] = {}
        for key in keys:
            calls.setdefault(key[1:], []).append(key[0])
        return {
            (identity, *rest): found
            for rest, ids in calls.items()
            for identity, found in (await fetch(ids, *rest)).items()
        }

    return _loader(batch)


def _of_manifests(
    batch: Callable[[list[ManifestRecord]], Awaitable[Sequence[Any]]],
) -> DataLoader[ManifestRecord, Any]:
    """A loader with `ManifestRecord` as keys; an error in place of a value is raised."""
    return DataLoader(batch, cache_key_fn=lambda record: record.id, max_batch_size=MAX_BATCH)


def _each(
    make: Callable[[ManifestRecord], Awaitable[Any]],
) -> Callable[[list[ManifestRecord]], Awaitable[Sequence[Any]]]:
    """Make something of each manifest alone, from what other loaders load for all of them."""

    async def batch(records: list[ManifestRecord]) -> Sequence[Any]:
        return await asyncio.gather(*map(make, records), return_exceptions=True)

    return batch


async def _labels(
    context: Context, ids: list[int], page: Page, prefix: str
) -> Mapping[int, Slice[LabelRecord]]:
    return await label.labels_of(context, ids, page, prefix=prefix)


async def _repository_roles(
    viewer: Viewer, references: list[RepositoryRef]
) -> Mapping[RepositoryRef, RepositoryRole | None]:
    found = await repository_roles(viewer, references)
    return {reference: found[reference.id] for reference in references}


class Loaders:
    """The loaders of a request, by what they load; keys are row ids unless said otherwise."""

    def __init__(self, context: Context) -> None:
        viewer = context.viewer
        self.accounts = _loader(account.by_ids)
        self.accounts_by_name = _loader(account.by_names)
        self.applications = _loader(application.by_ids)
        self.application_tokens = _grouped(partial(token.access_tokens_of, context))
        """Keys are applications with a page of the tokens that they hold."""
        self.repositories = _loader(repository.by_ids)
        self.last_modified = _loader(tag.last_started)
        """Milliseconds by repository."""
        self.teams = _loader(team.by_ids)
        self.team_visibility = _loader(partial(team.viewer_can_view, context))
        """Whether the viewer may see who is in a team; keys are `TeamRecord`."""
        self.robots = _loader(partial(robot.by_account_ids, context))
        self.robot_identities = _loader(federation.identities, [])

        self.namespace_roles = _loader(partial(namespace_roles, viewer))
        self.repository_roles = _loader(partial(_repository_roles, viewer))
        """Keys are `RepositoryRef`."""
        self.robot_owner_roles = _loader(partial(robot.owner_roles, viewer))
        """The viewer's role over the robots of a namespace, by the namespace."""

        self.memberships = _loader(account.members_among, False)
        """Keys are pairs of an account and an organization."""
        self.member_teams = _grouped(partial(team.teams_of, context))
        self.member_repositories = _grouped(partial(membership.repositories_of, context))
        """What accounts have in an organization; keys are an account, an organization and a page."""
        self.account_permissions = _grouped(partial(permission.permissions_of, context))
        """Keys are pairs of an account and a page of its permissions."""

        self._add_content(context)
        self._add_inside(context)
        self._add_usage(context)

    def _add_content(self, context: Context) -> None:
        """What repositories hold."""
        self.manifests = _loader(manifest.by_ids)
        self.total_sizes = _loader(manifest.total_sizes, 0)
        self.manifest_tags = _grouped(partial(tag.active_of_manifests, context))
        """Keys are a manifest and a page of its tags."""
        self.labels = _grouped(partial(_labels, context))
        """Keys are a manifest, a page of its labels, and how their keys begin."""
        self.referrers = _grouped(partial(referrer.referrers_of, context))
        """Keys are a manifest, a page of what is about it, and the `ReferrerFilter`."""
        self.subjects_named: DataLoader[ReferrerRecord, bool | None] = DataLoader(
            SubjectReader(context).names_subject,
            cache_key_fn=lambda item: (item.manifest.id, item.subject),
        )
        """Whether referrers name their subjects; each costs reads of the blob store."""

    def _add_inside(self, context: Context) -> None:
        """What is inside manifests, of which one request reads a bounded part."""
        self._content = ContentReader(context)
        self.entries: DataLoader[int, list[ChildRecord]] = DataLoader(
            self._content.entries, max_batch_size=MAX_BATCH
        )
        self.bodies: DataLoader[ManifestRecord, bytes | None] = _of_manifests(self._content.bodies)
        self.annotations: DataLoader[ManifestRecord, dict[str, str]] = _of_manifests(
            self._content.annotations
        )
        self.configurations: DataLoader[ManifestRecord, dict[str, Any] | None] = _of_manifests(
            self._content.configurations
        )
        """Each costs a read of the blob store."""
        self.layers: DataLoader[ManifestRecord, list[Layer] | None] = _of_manifests(_each(self._layers))
        self.model_cards: DataLoader[ManifestRecord, str | None] = _of_manifests(_each(self._model_card))

    async def _layers(self, record: ManifestRecord) -> list[Layer] | None:
        body = await self.bodies.load(record)
        return None if body is None else layers(body, await self.configurations.load(record))

    async def _model_card(self, record: ManifestRecord) -> str | BadRequest | None:
        body = await self.bodies.load(record) if is_model(record) else None
        return None if body is None else await self._content.model_card(body)

    def _add_usage(self, context: Context) -> None:
        """What tells how much things are used and liked."""
        self.star_counts = _loader(star.counts, 0)
        self.starred = _loader(partial(star.starred_among, context.viewer), False)
        """Whether the viewer has starred a repository."""
        self.popularity = _loader(popularity.popularities, 0)
        self.activity = _grouped(activity.of_repositories)
        """Keys are pairs of a repository and a number of days."""
        self.manifest_pulls = _loader(activity.of_manifests, PullsRecord())
        self.tag_pulls = _loader(activity.of_tags, PullsRecord())
        """Keys are pairs of a repository and a name."""

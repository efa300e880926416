"""One statement per connection level: the batch functions of the resolvers, gathered for one request."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from resolvers import (
    account,
    activity,
    application,
    federation,
    label,
    manifest,
    membership,
    permission,
    popularity,
    referrer,
    repository,
    robot,
    star,
    tag,
    team,
    token,
)
from resolvers.access.permissions import RepositoryRef, namespace_roles, repository_roles
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.activity import DayRecord, PullsRecord
from resolvers.context import Context
from resolvers.label import LabelRecord
from resolvers.manifest import ManifestRecord
from resolvers.pages import Page, Slice
from resolvers.permission import PermissionRecord
from resolvers.referrer import ReferrerFilter, ReferrerRecord, SubjectReader
from resolvers.repository import RepositoryRecord
from resolvers.robot import RobotRecord
from resolvers.team import TeamRecord
from resolvers.token import AccessTokenRecord

K = TypeVar("K")
V = TypeVar("V")

MAX_BATCH = 5_000
"""Values in one statement; both databases take more."""


def _loader(batch: Callable[[list[K]], Awaitable[Mapping[K, V]]], default: Any = None) -> DataLoader[K, V]:
    async def load(keys: list[K]) -> Sequence[V]:
        found = await batch(keys)
        return [found.get(key, default) for key in keys]

    return DataLoader(load, max_batch_size=MAX_BATCH)


MemberKey = tuple[int, int, Page]
"""An account, an organization, and the page that is asked for of what the one has in the other."""


async def _by_place(
    keys: list[MemberKey], fetch: Callable[[int, list[int], Page], Awaitable[Mapping[int, V]]]
) -> Mapping[MemberKey, V]:
    """One call for all accounts of which the same page in the same organization is asked for."""
    places: dict[tuple[int, Page], list[int]] = {}
    for account_id, organization_id, page in keys:
        places.setdefault((organization_id, page), []).append(account_id)
    return {
        (account_id, organization_id, page): found
        for (organization_id, page), accounts in places.items()
        for account_id, found in (await fetch(organization_id, accounts, page)).items()
    }


PageKey = tuple[int, Page]
"""A row, and the page that is asked for of what it has."""


async def _by_page(
    keys: list[PageKey], fetch: Callable[[list[int], Page], Awaitable[Mapping[int, V]]]
) -> Mapping[PageKey, V]:
    """One call for all rows of which the same page is asked for."""
    pages: dict[Page, list[int]] = {}
    for identity, page in keys:
        pages.setdefault(page, []).append(identity)
    return {
        (identity, page): found
        for page, ids in pages.items()
        for identity, found in (await fetch(ids, page)).items()
    }


ActivityKey = tuple[int, int]
"""A repository, and the number of days that is asked for."""


async def _activity(keys: list[ActivityKey]) -> Mapping[ActivityKey, list[DayRecord]]:
    """One call for all repositories of which as many days are asked for."""
    spans: dict[int, list[int]] = {}
    for identity, days in keys:
        spans.setdefault(days, []).append(identity)
    return {
        (identity, days): found
        for days, ids in spans.items()
        for identity, found in (await activity.of_repositories(ids, days)).items()
    }


LabelKey = tuple[int, Page, str]
"""A manifest, the page that is asked for of its labels, and how their keys begin."""


async def _labels(context: Context, keys: list[LabelKey]) -> Mapping[LabelKey, Slice[LabelRecord]]:
    """One call for all manifests of which the same page of the same labels is asked for."""
    lists: dict[tuple[Page, str], list[int]] = {}
    for identity, page, prefix in keys:
        lists.setdefault((page, prefix), []).append(identity)
    return {
        (identity, page, prefix): found
        for (page, prefix), ids in lists.items()
        for identity, found in (await label.labels_of(context, ids, page, prefix=prefix)).items()
    }


ReferrerKey = tuple[int, Page, ReferrerFilter]
"""A manifest, and the page that is asked for of what is about it."""


async def _referrers(
    context: Context, keys: list[ReferrerKey]
) -> Mapping[ReferrerKey, Slice[ReferrerRecord]]:
    """One call for all manifests of which the same page of the same referrers is asked for."""
    lists: dict[tuple[Page, ReferrerFilter], list[int]] = {}
    for identity, page, chosen in keys:
        lists.setdefault((page, chosen), []).append(identity)
    return {
        (identity, page, chosen): found
        for (page, chosen), ids in lists.items()
        for identity, found in (await referrer.referrers_of(context, ids, page, chosen)).items()
    }


class Loaders:
    """The loaders of a request, by what they load; keys are row ids unless said otherwise."""

    def __init__(self, context: Context) -> None:
        self.accounts = _loader(account.by_ids)
        self.accounts_by_name = _loader(account.by_names)
        self.memberships = _loader(account.members_among, False)
        """Keys are pairs of an account and an organization."""
        self.applications = _loader(application.by_ids)
        self.repositories = _loader(repository.by_ids)
        self.manifests = _loader(manifest.by_ids)
        self.children = _loader(manifest.children, [])
        self.bodies = _loader(manifest.bodies)
        self.total_sizes = _loader(manifest.total_sizes, 0)
        self.tag_names = _loader(tag.active_of_manifests, [])
        # Keys are `LabelKey`.
        self.labels = _loader(partial(_labels, context))
        # Keys are `ReferrerKey`.
        self.referrers = _loader(partial(_referrers, context))
        self.subjects_named: DataLoader[ReferrerRecord, bool | None] = DataLoader(
            SubjectReader(context).names_subject,
            cache_key_fn=lambda item: (item.manifest.id, item.subject),
        )
        """Whether referrers name their subjects; each costs reads of the blob store."""
        self.last_modified = _loader(tag.last_started)
        """Milliseconds by repository."""

        self._add_usage(context)

        async def roles(references: list[RepositoryRef]) -> Mapping[RepositoryRef, RepositoryRole | None]:
            found = await repository_roles(context.viewer, references)
            return {reference: found[reference.id] for reference in references}

        self.repository_roles = _loader(roles)
        """Keys are `RepositoryRef`."""

        self.namespace_roles: DataLoader[int, TeamRole | None] = _loader(
            lambda ids: namespace_roles(context.viewer, ids)
        )
        self.teams = _loader(team.by_ids)

        async def visibility(teams: list[TeamRecord]) -> Mapping[TeamRecord, bool]:
            return await team.viewer_can_view(context, teams)

        self.team_visibility = _loader(visibility)
        """Whether the viewer may see who is in a team; keys are `TeamRecord`."""

        async def member_teams(keys: list[MemberKey]) -> Mapping[MemberKey, Slice[TeamRecord]]:
            return await _by_place(keys, lambda *place: team.teams_of(context, *place))

        async def member_repositories(keys: list[MemberKey]) -> Mapping[MemberKey, Slice[RepositoryRecord]]:
            return await _by_place(keys, lambda *place: membership.repositories_of(context, *place))

        self.member_teams = _loader(member_teams)
        self.member_repositories = _loader(member_repositories)
        """What accounts have in an organization; keys are `MemberKey`."""

        async def robots(ids: list[int]) -> Mapping[int, RobotRecord]:
            return await robot.by_account_ids(context, ids)

        async def robot_owner_roles(ids: list[int]) -> Mapping[int, TeamRole | None]:
            return await robot.owner_roles(context.viewer, ids)

        async def account_permissions(keys: list[PageKey]) -> Mapping[PageKey, Slice[PermissionRecord]]:
            return await _by_page(keys, lambda *place: permission.permissions_of(context, *place))

        async def application_tokens(keys: list[PageKey]) -> Mapping[PageKey, Slice[AccessTokenRecord]]:
            return await _by_page(keys, lambda *place: token.access_tokens_of(context, *place))

        self.robots = _loader(robots)
        self.robot_owner_roles = _loader(robot_owner_roles)
        """The viewer's role over the robots of a namespace, by the namespace."""
        self.robot_identities = _loader(federation.identities, [])
        self.account_permissions = _loader(account_permissions)
        """Keys are pairs of an account and a page of its permissions."""
        self.application_tokens = _loader(application_tokens)
        """Keys are pairs of an application and a page of the tokens that it holds."""

        async def configurations(
            records: list[ManifestRecord],
        ) -> Sequence[dict[str, Any] | None]:
            return [await manifest.config(context, record) for record in records]

        self.configurations: DataLoader[ManifestRecord, dict[str, Any] | None] = DataLoader(
            configurations,
            cache_key_fn=lambda record: record.id,
        )
        """Keys are `ManifestRecord`; each costs a read of the blob store."""

    def _add_usage(self, context: Context) -> None:
        """What tells how much things are used and liked."""
        self.star_counts = _loader(star.counts, 0)

        self.popularity = _loader(popularity.popularities, 0)
        self.activity = _loader(_activity)
        """Keys are `ActivityKey`."""
        self.manifest_pulls = _loader(activity.of_manifests, PullsRecord())
        self.tag_pulls = _loader(activity.of_tags, PullsRecord())
        """Keys are pairs of a repository and a name."""
        self.starred = _loader(partial(star.starred_among, context.viewer), False)
        """Whether the viewer has starred a repository."""

"""DataLoaders of one request, so that each level of a query costs one statement per kind of object."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Generic, TypeVar, TypeVarTuple

from resolvers.access.permissions import RepositoryRef, namespace_roles, repository_roles
from resolvers.access.roles import RepositoryRole
from resolvers.access.viewer import Viewer
from resolvers.accounts import account, federation, organization, robot, team
from resolvers.advisories import vulnerability
from resolvers.advisories.vulnerability import Ratings
from resolvers.attestations.reading import AttestationRecord
from resolvers.builds import context_file
from resolvers.builds.build import BuildRecord
from resolvers.builds.provenance.reading import built_by, provenance
from resolvers.builds.triggers import trigger
from resolvers.caches import configuration
from resolvers.context import Context
from resolvers.errors import BadRequest
from resolvers.manifests import label, manifest, own_graph, reclaimable, referrer
from resolvers.manifests.content import ChildRecord, ContentReader, Layer, is_model, layers
from resolvers.manifests.label import LabelRecord
from resolvers.manifests.manifest import ManifestRecord
from resolvers.manifests.referrer import ReferrerRecord, SubjectReader
from resolvers.mirrors import discovered
from resolvers.mirrors import history as history_of_mirrors
from resolvers.mirrors import organization as organization_mirror
from resolvers.notifications import deliveries
from resolvers.oauth import application, token
from resolvers.pages import Page, Slice
from resolvers.pruning.history import last_runs, tags_of_runs
from resolvers.pruning.policy import PrunePolicyRecord
from resolvers.pruning.preview import Budget, Preview, previews
from resolvers.quotas import quota
from resolvers.repositories import (
    activity,
    largest_blobs,
    membership,
    permission,
    popularity,
    repository,
    star,
)
from resolvers.repositories.activity import PullsRecord
from resolvers.sbom.sbom import SbomFormat, SbomWriter
from resolvers.scan import bills, having, packages, state, vulnerabilities
from resolvers.scan import history as severities
from resolvers.scan.bills import BillRecord
from resolvers.scan.files import FileReader, ImageFile
from resolvers.scan.packages import ImagePackage
from resolvers.scan.parts import PartReader
from resolvers.scan.state import Problem, ScanRecord
from resolvers.scan.suppression import Suppression, suppressions_of
from resolvers.scan.vulnerabilities import Summary
from resolvers.sizes import exclusive, history, stored
from resolvers.tags import tag
from schema.loader import DataLoader

K = TypeVar("K")
V = TypeVar("V")
Rest = TypeVarTuple("Rest")

MAX_BATCH = 5_000
"""Most keys in one statement; both databases allow more."""


def _loader(batch: Callable[[list[K]], Awaitable[Mapping[K, V]]], default: Any = None) -> DataLoader[K, V]:
    async def load(keys: list[K]) -> Sequence[V]:
        found = await batch(keys)
        return [found.get(key, default) for key in keys]

    return DataLoader(load, max_batch_size=MAX_BATCH)


def _grouped(
    fetch: Callable[[list[int], *Rest], Awaitable[Mapping[int, V]]],
) -> DataLoader[tuple[int, *Rest], V]:
    """A loader that makes one call for all keys with equal arguments.

    A key is a row id and the other arguments of the call, such as a page.
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
    """A loader with `ManifestRecord` as keys; values that are exceptions are raised."""
    return DataLoader(batch, cache_key_fn=lambda record: record.id, max_batch_size=MAX_BATCH)


def _each(
    make: Callable[[ManifestRecord], Awaitable[Any]],
) -> Callable[[list[ManifestRecord]], Awaitable[Sequence[Any]]]:
    """A batch function that calls `make` for each manifest concurrently; `make` uses other loaders."""

    async def batch(records: list[ManifestRecord]) -> Sequence[Any]:
        return await asyncio.gather(*map(make, records), return_exceptions=True)

    return batch


async def _labels(
    context: Context, ids: list[int], page: Page, prefix: str
) -> Mapping[int, Slice[LabelRecord]]:
    return await label.labels_of(context, ids, page, prefix=prefix)


async def _repositories_with(
    context: Context, keys: list[tuple[str, int]]
) -> Mapping[tuple[str, int], Sequence[int]]:
    found: dict[tuple[str, int], Sequence[int]] = {}
    for namespace in sorted({namespace for _, namespace in keys}):
        digests = [digest for digest, its in keys if its == namespace]
        held = await largest_blobs.repositories_with(context, digests, namespace)
        found |= {(digest, namespace): ids for digest, ids in held.items()}
    return found


async def _repository_roles(
    viewer: Viewer, references: list[RepositoryRef]
) -> Mapping[RepositoryRef, RepositoryRole | None]:
    found = await repository_roles(viewer, references)
    return {reference: found[reference.id] for reference in references}


class _Lazy(Generic[K, V]):
    """A descriptor that makes a loader at its first use in a request."""

    def __init__(self, make: "Callable[[Loaders], DataLoader[K, V]]") -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, loaders: "Loaders", owner: type) -> DataLoader[K, V]:
        # The instance attribute shadows this descriptor from now on.
        made = loaders.__dict__[self._name] = self._make(loaders)
        return made


class Loaders:
    """The DataLoaders of one request. Keys are row ids unless stated otherwise.

    They are made at first use: a small query needs two or three, and making all costs as much as running it.
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    # Accounts and roles

    accounts = _Lazy(lambda request: _loader(account.by_ids))
    accounts_by_name = _Lazy(lambda request: _loader(account.by_names))
    applications = _Lazy(lambda request: _loader(application.by_ids))
    application_tokens = _Lazy(lambda request: _grouped(partial(token.access_tokens_of, request.context)))
    """Keys are pairs of an application and a page of its tokens."""
    access_token_counts = _Lazy(lambda request: _loader(token.access_token_counts, 0))
    app_token_counts = _Lazy(lambda request: _loader(token.app_token_counts, 0))
    """How many tokens an account has."""
    teams = _Lazy(lambda request: _loader(team.by_ids))
    team_visibility = _Lazy(lambda request: _loader(partial(team.viewer_can_view, request.context)))
    """Whether the viewer may see the members of a team; keys are `TeamRecord`."""
    robots = _Lazy(lambda request: _loader(partial(robot.by_account_ids, request.context)))
    robot_identities = _Lazy(lambda request: _loader(federation.identities, []))
    robot_owner_roles = _Lazy(
        lambda request: _loader(partial(robot.owner_roles, request.context.viewer.looking))
    )
    """As whom the viewer sees the robots of a namespace."""
    namespace_roles = _Lazy(lambda request: _loader(partial(namespace_roles, request.context.viewer)))
    namespace_roles_to_see = _Lazy(
        # For all others both are one, so that a list costs no second statement.
        lambda request: (
            _loader(partial(namespace_roles, request.context.viewer.looking))
            if request.context.viewer.is_read_only_superuser
            else request.namespace_roles
        )
    )
    """As whom the viewer sees what a namespace shows to some of its members alone."""
    repository_roles = _Lazy(lambda request: _loader(partial(_repository_roles, request.context.viewer)))
    """Keys are `RepositoryRef`."""
    repository_roles_to_see = _Lazy(
        # For all others both are one, so that a list costs no second statement.
        lambda request: (
            _loader(partial(_repository_roles, request.context.viewer.looking))
            if request.context.viewer.is_read_only_superuser
            else request.repository_roles
        )
    )
    """As whom the viewer sees what a repository shows to some of its readers alone."""
    memberships = _Lazy(lambda request: _loader(account.members_among, False))
    """Keys are pairs of an account and an organization."""
    member_teams = _Lazy(lambda request: _grouped(partial(team.teams_of, request.context)))
    """The teams of an account in an organization; keys are an account, an organization and a page."""
    member_repositories = _Lazy(
        lambda request: _grouped(partial(membership.repositories_of, request.context))
    )
    """The repositories of an account in an organization; keys as of `member_teams`."""
    account_permissions = _Lazy(lambda request: _grouped(partial(permission.permissions_of, request.context)))
    """Keys are pairs of an account and a page of its permissions."""

    # Repositories and their use

    repositories = _Lazy(lambda request: _loader(repository.by_ids))
    repository_exclusive = _Lazy(lambda request: _loader(exclusive.of_repositories, 0))
    """The bytes that only a repository holds in its namespace."""
    repositories_with = _Lazy(lambda request: _loader(partial(_repositories_with, request.context), ()))
    """The repositories that hold a blob; keys are pairs of a digest and a namespace."""
    last_modified = _Lazy(lambda request: _loader(tag.last_started))
    """When a tag of a repository last changed, in milliseconds."""
    star_counts = _Lazy(lambda request: _loader(star.counts, 0))
    starred = _Lazy(lambda request: _loader(partial(star.starred_among, request.context.viewer), False))
    """Whether the viewer has starred a repository."""
    popularity = _Lazy(lambda request: _loader(popularity.popularities, 0))
    activity = _Lazy(lambda request: _grouped(activity.of_repositories))
    """Keys are pairs of a repository and a number of days."""
    repository_counts = _Lazy(lambda request: _loader(organization.repository_counts, 0))
    member_counts = _Lazy(lambda request: _loader(organization.member_counts, 0))
    """How many repositories a namespace has, and how many users the teams of an organization."""
    namespace_sizes = _Lazy(lambda request: _loader(stored.of_namespaces, 0))
    repository_sizes = _Lazy(lambda request: _loader(stored.of_repositories, 0))
    """Stored bytes."""
    quotas = _Lazy(lambda request: _loader(quota.by_namespaces))
    """The quota that a namespace has of its own."""
    proxy_caches = _Lazy(lambda request: _loader(configuration.by_organizations))
    """The upstream of which an organization is a cache."""
    organization_mirrors = _Lazy(
        lambda request: _loader(partial(organization_mirror.of_organizations, request.context))
    )
    """The mirror of an organization."""
    discovered = _Lazy(lambda request: _grouped(partial(discovered.repositories_of, request.context)))
    """Keys are pairs of the mirror of an organization and a page of the repositories that it found."""
    discovered_counts = _Lazy(lambda request: _loader(discovered.counts, {}))
    namespace_histories = _Lazy(lambda request: _grouped(history.of_namespaces))
    repository_histories = _Lazy(lambda request: _grouped(history.of_repositories))
    """Stored bytes of the last days; keys are a namespace or repository, and a number of days."""
    manifest_pulls = _Lazy(lambda request: _loader(activity.of_manifests, PullsRecord()))
    tag_pulls = _Lazy(lambda request: _loader(activity.of_tags, PullsRecord()))
    """Keys are pairs of a repository and the name of a tag."""

    # Manifests, labels and referrers

    manifests = _Lazy(lambda request: _loader(manifest.by_ids))
    total_sizes = _Lazy(lambda request: _loader(manifest.total_sizes, 0))
    own_sizes = _Lazy(lambda request: _loader(own_graph.sizes_of_manifests, own_graph.NOTHING))
    tag_sizes = _Lazy(lambda request: _loader(own_graph.sizes_of_tags, own_graph.NOTHING))
    reclaimable_by_manifests = _Lazy(lambda request: _loader(reclaimable.by_manifests, 0))
    """Keys are pairs of a manifest and a `Moment`."""
    reclaimable_by_tags = _Lazy(lambda request: _loader(reclaimable.by_tags, 0))
    """Keys are pairs of a span and a `Moment`."""
    prune_previews: "_Lazy[PrunePolicyRecord, Preview]" = _Lazy(
        lambda request: DataLoader(request._prune_previews, cache_key_fn=lambda policy: policy.id)
    )
    """What the next run of a policy deletes; one pass over the tags of each owner."""
    deliveries = _Lazy(lambda request: _grouped(partial(deliveries.deliveries_of, request.context)))
    """Keys are a notification, a page of its deliveries, and the statuses that count, None for all."""
    built_by = _Lazy(lambda request: _loader(built_by))
    """The newest build that made an image; keys are pairs of a repository and a digest."""
    provenance: "_Lazy[BuildRecord, AttestationRecord | None]" = _Lazy(
        lambda request: DataLoader(
            request._provenance, cache_key_fn=lambda build: build.id, max_batch_size=MAX_BATCH
        )
    )
    """What is said of how a build made its image; each key costs a read of the blob store."""
    build_triggers = _Lazy(lambda request: _loader(trigger.by_ids))
    context_files = _Lazy(lambda request: _loader(context_file.by_ids))
    mirror_runs = _Lazy(lambda request: _loader(history_of_mirrors.last_runs, []))
    """The last runs of mirrors, by the ids of these."""
    prune_runs = _Lazy(lambda request: _loader(last_runs, []))
    pruned_tags = _Lazy(lambda request: _loader(tags_of_runs, []))
    manifest_tags = _Lazy(lambda request: _grouped(partial(tag.active_of_manifests, request.context)))
    """Keys are pairs of a manifest and a page of its tags."""
    labels = _Lazy(lambda request: _grouped(partial(_labels, request.context)))
    """Keys are a manifest, a page of its labels, and a prefix of their keys."""
    referrers = _Lazy(lambda request: _grouped(partial(referrer.referrers_of, request.context)))
    """Keys are a manifest, a page of its referrers, and the `ReferrerFilter`."""
    subjects_named: "_Lazy[ReferrerRecord, bool | None]" = _Lazy(
        lambda request: DataLoader(
            SubjectReader(request.context).names_subject,
            cache_key_fn=lambda item: (item.manifest.id, item.subject),
        )
    )
    """Whether referrers name their subjects; each key costs reads of the blob store."""

    # What is inside images

    scans: "_Lazy[int, ScanRecord]" = _Lazy(lambda request: _loader(state.scans_of))
    scan_problems: "_Lazy[int, list[Problem]]" = _Lazy(lambda request: _loader(state.problems_of, []))
    packages = _Lazy(lambda request: _grouped(partial(packages.packages_of, request.context)))
    """Keys are a manifest, a page of its packages, and the `PackageFilter`."""
    bills: "_Lazy[int, list[BillRecord]]" = _Lazy(lambda request: _loader(bills.bills_of, []))
    """Bills of materials that somebody has attached."""
    naming_bills: "_Lazy[ImagePackage, str | None]" = _Lazy(
        lambda request: DataLoader(bills.bills_naming, max_batch_size=MAX_BATCH)
    )
    """The referrers with bills that name packages which were found."""
    vulnerabilities = _Lazy(
        lambda request: _grouped(partial(vulnerabilities.vulnerabilities_of, request.context))
    )
    """Keys are a manifest, a page of its vulnerabilities, and the `VulnerabilityFilter`."""
    package_vulnerabilities = _Lazy(
        lambda request: _grouped(partial(vulnerability.vulnerabilities_of, maximum=request.context.max_first))
    )
    """Keys are a package and a page of its vulnerabilities."""
    package_suppressions: "_Lazy[tuple[int, int], dict[int, Suppression]]" = _Lazy(
        lambda request: _loader(suppressions_of, {})
    )
    """Keys are a manifest and a package; values are by advisory."""
    package_ratings: "_Lazy[int, Ratings]" = _Lazy(
        lambda request: _loader(vulnerability.ratings_of, Ratings())
    )
    vulnerability_summaries: "_Lazy[int, Summary]" = _Lazy(
        lambda request: _loader(vulnerabilities.summaries_of, Summary())
    )
    repository_severities = _Lazy(lambda request: _grouped(severities.of_repositories))
    namespace_severities = _Lazy(lambda request: _grouped(severities.of_namespaces))
    """Vulnerabilities on the last days; keys are a repository or namespace, and a number of days."""
    repository_severities_now = _Lazy(lambda request: _loader(severities.of_repositories_now))
    namespace_severities_now = _Lazy(lambda request: _loader(severities.of_namespaces_now))
    found_packages = _Lazy(lambda request: _grouped(having.packages_in))
    """Keys are a manifest and the `Packages` that were looked for."""
    found_sources = _Lazy(lambda request: _grouped(having.sources_in))
    """Whence it is known that an image has packages; keys as those of `found_packages`."""
    suppressed_images = _Lazy(lambda request: _grouped(having.suppressed_images))
    """Whether no advisory counts in an image; keys are a manifest and the ids of advisories."""
    sboms: "_Lazy[tuple[int, SbomFormat], str | None]" = _Lazy(
        lambda request: DataLoader(SbomWriter(request.context).texts)
    )
    """Keys are a manifest and a format; the writer bounds what one request writes."""
    files: "_Lazy[tuple[int, str, Page], Slice[ImageFile] | None]" = _Lazy(
        lambda request: DataLoader(FileReader(request.context, request.parts).pages)
    )
    """Keys are a manifest, the path of a directory, and a page of what is in it."""

    # Content of manifests; `ContentReader` bounds what one request reads

    entries: "_Lazy[int, list[ChildRecord]]" = _Lazy(
        lambda request: DataLoader(request.content.entries, max_batch_size=MAX_BATCH)
    )
    bodies: "_Lazy[ManifestRecord, bytes | None]" = _Lazy(
        lambda request: _of_manifests(request.content.bodies)
    )
    annotations: "_Lazy[ManifestRecord, dict[str, str]]" = _Lazy(
        lambda request: _of_manifests(request.content.annotations)
    )
    configurations: "_Lazy[ManifestRecord, dict[str, Any] | None]" = _Lazy(
        lambda request: _of_manifests(request.content.configurations)
    )
    """Each key costs a read of the blob store."""
    layers: "_Lazy[ManifestRecord, list[Layer] | None]" = _Lazy(
        lambda request: _of_manifests(_each(request._layers))
    )
    model_cards: "_Lazy[ManifestRecord, str | None]" = _Lazy(
        lambda request: _of_manifests(_each(request._model_card))
    )

    @cached_property
    def content(self) -> ContentReader:
        """The content reader of the request, which counts what all loaders read."""
        return ContentReader(self.context)

    @cached_property
    def parts(self) -> PartReader:
        """What reads listings of layers for the request, and bounds how much of them."""
        return PartReader()

    @cached_property
    def prune_budget(self) -> Budget:
        """What the previews of the request may read."""
        return Budget()

    async def _prune_previews(self, policies: list[PrunePolicyRecord]) -> Sequence[Preview]:
        owners: dict[tuple[int, int | None], list[PrunePolicyRecord]] = {}
        for policy in policies:
            owners.setdefault((policy.namespace_id, policy.repository_id), []).append(policy)
        found: dict[int, Preview] = {}
        for some in owners.values():
            found |= await previews(self.context, some, self.prune_budget)
        return [found[policy.id] for policy in policies]

    async def _provenance(self, builds: list[BuildRecord]) -> Sequence[AttestationRecord | None]:
        found = await provenance(self.context, builds)
        return [found.get(build.id) for build in builds]

    async def _layers(self, record: ManifestRecord) -> list[Layer] | None:
        body = await self.bodies.load(record)
        return None if body is None else layers(body, await self.configurations.load(record))

    async def _model_card(self, record: ManifestRecord) -> str | BadRequest | None:
        body = await self.bodies.load(record) if is_model(record) else None
        return None if body is None else await self.content.model_card(record.repository_id, body)

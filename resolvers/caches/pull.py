"""Pull-through: what a cache lacks, or has not confirmed for a while, is asked of its upstream.

A manifest that is stored is served by its digest without asking. A tag is asked for by HEAD, which registries
that count pulls do not count; its manifest is fetched only if the cache lacks it. What is stored are ordinary
rows: the tag has an expiration, which each confirmation postpones.

While the upstream cannot be asked, or wants fewer requests, the tag goes on as it was last, with a warning.
So it does in read-only mode, in which nothing can be stored; what is not there is refused then.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from resolvers import events
from resolvers.access.viewer import AccountKind
from resolvers.accounts import account
from resolvers.caches import room
from resolvers.caches.check import alone, once
from resolvers.caches.configuration import ProxyCacheRecord, by_organizations
from resolvers.caches.upstream import Upstream, is_recent
from resolvers.context import Context, Site
from resolvers.errors import Upstream as UpstreamError
from resolvers.ingest.blob import stream_blob
from resolvers.ingest.image import bring_manifest
from resolvers.ingest.permits import as_cache
from resolvers.manifests import manifest
from resolvers.manifests.control import NO_CONTROL
from resolvers.names import split_path
from resolvers.readonly import SENTENCE, is_read_only, require_off
from resolvers.repositories.registry_access import create_if_allowed, is_there, may_create_at
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import lock_writable
from resolvers.tags import event as tag_event
from resolvers.tags import tag
from resolvers.tags.tag import TagRecord
from resolvers.upstreams.errors import UpstreamFailure, UpstreamRefused, UpstreamUnavailable, UpstreamUnknown
from resolvers.upstreams.registry import UpstreamReferrer
from storage.clock import now_ms
from storage.statements import execute, fetch_one
from storage.transactions import transaction


@dataclass(frozen=True, slots=True)
class CachedTag:
    """What a tag of a cache points to. `warning` says why that may be outdated, None if it is confirmed."""

    digest: str
    life: int
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class Cache:
    """One repository of a cache, as somebody pulls from it."""

    context: Context
    repository: RepositoryRecord
    record: ProxyCacheRecord
    upstream: Upstream

    async def tag(self, name: str, *, known: str | None = None) -> CachedTag:
        """What a tag points to, confirmed by the upstream if that is due, with its manifest stored.

        `known` is the digest that the upstream has just told. Raises `UpstreamFailure` if the upstream does
        not give it, and nothing is stored.
        """
        if await is_read_only():
            return await self._as_stored(name)
        if known is None and self.upstream.lacks(name) and (kept := await self._pushed(name)) is not None:
            return kept
        return await once(self.context, self._key(name), lambda: self._tag(name, known))

    async def manifest(self, digest: str) -> None:
        """Store a manifest of the upstream. Raises `UpstreamFailure`."""
        await require_off()
        await once(self.context, self._key(digest), lambda: self._manifest(digest))

    async def referrers(self, digest: str) -> list[UpstreamReferrer]:
        """The manifests of the upstream that refer to one. Raises `UpstreamFailure`."""
        return await once(self.context, self._key(f"referrers of {digest}"), lambda: self._referrers(digest))

    async def _referrers(self, digest: str) -> list[UpstreamReferrer]:
        refused = _suspended() if await is_read_only() else self.upstream.failure(digest)
        if refused is not None:
            raise refused
        async with self.upstream.asked(digest) as registry:
            return await registry.referrers(self.upstream.name, digest)

    async def blob_size(self, digest: str) -> int | None:
        """The size of a blob that a manifest of the repository names; None for any other."""
        row = await fetch_one(
            "SELECT b.size_bytes FROM manifest_blob b JOIN manifest m ON m.id = b.manifest_id"
            " WHERE b.namespace_id = ? AND b.digest = ? AND m.repository_id = ?"
            " AND m.deleted_digest IS NULL LIMIT 1",
            self.repository.namespace_id,
            digest,
            self.repository.id,
        )
        return None if row is None else int(row["size_bytes"])

    async def blob(self, digest: str, size: int, *, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes ``[start, end)`` of a blob, which is fetched once for all who read it, and stored."""
        await require_off()
        pieces = stream_blob(
            self._writing,
            self.repository,
            digest,
            size,
            lambda offset: self.upstream.blob(digest, size=size, start=offset),
            start=start,
            end=end,
            room=self._room,
        )
        async for piece in pieces:
            yield piece

    @property
    def _room(self) -> room.CacheRoom:
        return room.CacheRoom(self.context, self.record.id, self.repository)

    @property
    def _writing(self) -> Context:
        return as_cache(self.context, self.repository)

    def _key(self, reference: str) -> tuple[int, str]:
        return self.repository.id, reference

    async def _tag(self, name: str, digest: str | None) -> CachedTag:
        async def is_fresh() -> bool:
            return self._is_fresh(await tag.last_span(self.repository.id, name))

        async with alone(self.context, self._key(name), is_fresh):
            last = await tag.last_span(self.repository.id, name)
            if last is not None and (self._is_fresh(last) or _is_pinned(last)):
                return await self._held(last)
            known = self.upstream.failure(name)
            if known is not None and (stale := await self._stale(name, known)) is not None:
                return stale
            try:
                told = digest or await self.upstream.head(name)
            except UpstreamUnknown:
                await self._end(name)
                kept = await self._pushed(name)
                if kept is None:
                    raise
                self.upstream.note_absent(name)
                return kept
            except UpstreamFailure as failure:
                stale = await self._stale(name, failure)
                if stale is None:
                    raise
                return stale
            try:
                return await self._confirmed(name, told)
            except UpstreamFailure as failure:
                stale = await self._stale(name, failure)
                if stale is None:
                    raise
                return stale

    def _is_fresh(self, last: TagRecord | None) -> bool:
        now = now_ms()
        return (
            last is not None and last.is_active(now) and not is_due(self.context.site, last.confirmed_at_ms)
        )

    async def _held(self, span: TagRecord, warning: str | None = None) -> CachedTag:
        held = (await manifest.by_ids([span.manifest_id]))[span.manifest_id]
        return CachedTag(held.digest, span.life, warning)

    async def _confirmed(self, name: str, digest: str) -> CachedTag:
        """Set a tag to what the upstream has, whose manifest is fetched if it is not stored."""
        life = await self._set(name, digest)
        if life is None:
            await self._bring(digest)
            life = await self._set(name, digest)
        if life is None:
            raise UpstreamError(f"{digest} was removed while it was stored; ask again.")
        return CachedTag(digest, life)

    async def _set(self, name: str, digest: str) -> int | None:
        """Set a tag to a stored manifest, or postpone its expiration. Its life, None without the manifest."""
        context, repository = self._writing, self.repository
        async with transaction("cache.tag"):
            await lock_writable(context, repository)
            manifest_id = await manifest.find_or_undelete(repository.id, digest)
            if manifest_id is None:
                return None
            now = now_ms()
            expires_at_ms = now + self.record.expiration_s * 1000
            # What an image asks for its tags is for those who push it.
            await tag.point(
                context,
                repository,
                name,
                manifest_id,
                digest,
                asked=NO_CONTROL,
                chosen_ms=expires_at_ms,
            )
            last = await tag.last_span(repository.id, name)
            assert last is not None
            await execute(
                "UPDATE tag SET confirmed_at_ms = ?, ended_at_ms = ?, is_expiration = TRUE WHERE id = ?",
                now,
                max(expires_at_ms, last.started_at_ms + 1),
                last.id,
            )
            return last.life

    async def _as_stored(self, name: str) -> CachedTag:
        """A tag as it was confirmed last or pushed. Raises `ReadOnly` if there is none."""
        stored = await self._stale(name, _suspended()) or await self._pushed(name)
        if stored is None:
            await require_off()
            raise _suspended()
        return stored

    async def _end(self, name: str) -> None:
        """End a tag that the upstream had and has no longer."""
        context, repository = self._writing, self.repository
        async with transaction("cache.end"):
            await lock_writable(context, repository)
            last = await tag.active_tag(repository.id, name)
            if last is None or last.confirmed_at_ms is None:
                return
            await tag.end_tags([(last.id, name, last.manifest_id)], now_ms())
            kind, metadata = tag_event.deleted(context, repository, name)
            await events.record(
                context,
                kind,
                metadata,
                namespace_id=repository.namespace_id,
                repository_id=repository.id,
            )

    async def _pushed(self, name: str) -> CachedTag | None:
        """A tag that was pushed before the organization became a cache, which the upstream does not have."""
        last = await tag.active_tag(self.repository.id, name)
        return None if last is None else await self._held(last)

    async def _stale(self, name: str, failure: UpstreamFailure) -> CachedTag | None:
        """A tag as it was confirmed last; None if nothing is stored of it that may be served."""
        last = await tag.last_span(self.repository.id, name)
        if last is None or not (last.is_active(now_ms()) or _has_expired(last, failure)):
            return None
        held = (await manifest.by_ids([last.manifest_id])).get(last.manifest_id)
        if held is None or await manifest.by_digest(self.repository, held.digest) is None:
            return None
        return CachedTag(held.digest, last.life, failure.message)

    async def _manifest(self, digest: str) -> None:
        async def is_stored() -> bool:
            return await manifest.by_digest(self.repository, digest) is not None

        async with alone(self.context, self._key(digest), is_stored):
            if not await is_stored():
                await self._bring(digest)

    async def _bring(self, digest: str) -> None:
        found = await self.upstream.manifest(digest)
        await bring_manifest(self._writing, self.repository, self.upstream, found, room=self._room)
        await room.hold(self.record.id, self.repository, digest)


def _suspended() -> UpstreamFailure:
    return UpstreamUnavailable(SENTENCE)


def is_due(site: Site, confirmed_at_ms: int | None) -> bool:
    """Whether the upstream has to be asked for a tag, which it had so at a time; None for a pushed one."""
    return confirmed_at_ms is None or not is_recent(site, confirmed_at_ms)


def _is_pinned(last: TagRecord) -> bool:
    """Whether a tag was locked while its organization became a cache, so that it cannot move."""
    return last.is_immutable and last.is_active(now_ms())


def _has_expired(last: TagRecord, failure: UpstreamFailure) -> bool:
    """Whether a tag has come to its end only since the upstream could not confirm it."""
    return (
        last.confirmed_at_ms is not None
        and (last.is_expiration or not last.has_ended)
        and not isinstance(failure, UpstreamRefused)
    )


async def open_cache(context: Context, repository: RepositoryRecord) -> Cache | None:
    """A repository as one of a cache; None if its organization is none, or caches are switched off."""
    if not context.site.has("PROXY_CACHE"):
        return None
    record = (await by_organizations([repository.namespace_id])).get(repository.namespace_id)
    if record is None:
        return None
    return Cache(context, repository, record, Upstream(context, record, repository.name))


@dataclass(frozen=True, slots=True)
class AbsentRepository:
    """A repository of a cache that is not there yet, for a viewer who may create it."""

    context: Context
    path: str
    upstream: Upstream

    async def create(self, reference: str) -> str | None:
        """Create the repository, private, if the upstream has what a tag or digest names; its digest.

        It is None if another process has just done so. Raises `UpstreamFailure`, and what keeps a repository
        from being created.
        """
        await require_off()
        return await once(self.context, self._key(reference), lambda: self._create(reference))

    def _key(self, reference: str) -> tuple[int, str]:
        return 0, f"{self.path}:{reference}"

    async def _create(self, reference: str) -> str | None:
        async def is_created() -> bool:
            return await is_there(self.path)

        async with alone(self.context, self._key(reference), is_created):
            if await is_created():
                return None
            digest = await self.upstream.head(reference)
            await create_if_allowed(self.context, self.path)
            return digest


async def open_absent(context: Context, path: str) -> AbsentRepository | None:
    """A repository that is not there; None outside of caches, and where the viewer may not create it."""
    namespace, name = split_path(path)
    owner = await account.by_name(namespace, AccountKind.ORGANIZATION)
    if owner is None or not context.site.has("PROXY_CACHE"):
        return None
    record = (await by_organizations([owner.id])).get(owner.id)
    if record is None or not await may_create_at(context, path):
        return None
    return AbsentRepository(context, path, Upstream(context, record, name))

"""Pulls from caches: what an organization lacks that is a cache, or must confirm, before it is served.

Requests for what is there and confirmed do not come here.
"""

from collections.abc import AsyncIterator
from math import ceil
from typing import NamedTuple

from quayside.registry.asgi import Headers, warning_field
from quayside.registry.call import AbsentRepository, Access, Call
from quayside.registry.errors import OciCode, RegistryError
from resolvers.access.registry_tokens import PULL
from resolvers.caches.pull import Cache, is_due, open_absent, open_cache
from resolvers.errors import Upstream
from resolvers.readonly import suspended_when_on
from resolvers.repositories.repository import RepositoryState
from resolvers.upstreams.errors import (
    UpstreamFailure,
    UpstreamLimited,
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamUnknown,
)
from resolvers.upstreams.registry import UpstreamReferrer
from storage.hot import HotManifest

RETRY_S = 10
"""When clients come back to an upstream that cannot be asked."""
_WARNING_LENGTH = 200


class Served(NamedTuple):
    """A manifest of a cache. `warning` says why it may be outdated."""

    manifest: HotManifest | None
    warning: str | None = None


def is_cache(call: Call, access: Access) -> bool:
    """Whether the repository is one of a cache."""
    return access.repository.cache_id is not None and call.services.site.has("PROXY_CACHE")


def needs_upstream(call: Call, access: Access, manifest: HotManifest | None, *, is_digest: bool) -> bool:
    """Whether a manifest is that of a cache which has to ask its upstream, to judge by what was read."""
    if not is_cache(call, access) or access.repository.state != RepositoryState.NORMAL:
        return False
    return manifest is None or (not is_digest and is_due(call.services.site, manifest.confirmed_at_ms))


async def manifest(
    call: Call, access: Access, reference: str, *, is_digest: bool, known: str | None = None
) -> Served:
    """A manifest, after the upstream was asked for it. Raises RegistryError.

    `known` is the digest that the upstream has just told for a tag.
    """
    hot, repository_id = call.services.hot, access.repository.id
    with call.services.database.current(), suspended_when_on():
        cache = await _opened(call, access)
        if cache is None:
            read = hot.manifest_by_digest if is_digest else hot.manifest_by_tag
            return Served(await read(repository_id, reference))
        try:
            if is_digest:
                await cache.manifest(reference)
                return Served(await hot.manifest_by_digest(repository_id, reference))
            tag = await cache.tag(reference, known=known)
        except Upstream as error:
            unknown = RegistryError(OciCode.MANIFEST_UNKNOWN, detail={"reference": reference})
            raise _failure(error, unknown) from error
    found = await hot.manifest_by_digest(repository_id, tag.digest)
    return Served(None if found is None else found._replace(life=tag.life), tag.warning)


async def first_pull(call: Call, absent: AbsentRepository, reference: str) -> tuple[Access, str | None]:
    """Make the repository that somebody pulls from who may create it, if the upstream has what is pulled.

    Returns the access to it, and the digest if this request made it. Raises the error for an absent
    repository if that is not so.
    """
    with call.services.database.current(), suspended_when_on():
        context = await call.context(absent.grant)
        made = await open_absent(context, absent.path)
        if made is None:
            raise absent
        try:
            digest = await made.create(reference)
        except Upstream as error:
            raise _failure(error, absent) from error
    return await call.authorize(PULL), digest


async def referrers(
    call: Call, access: Access, digest: str
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """The descriptors of the manifests of the upstream that refer to one, with header fields to send.

    None outside of caches, and a warning if the upstream cannot be asked. The database must be current.
    """
    if not is_cache(call, access) or access.repository.state != RepositoryState.NORMAL:
        return [], {}
    cache = await _opened(call, access)
    try:
        found = await cache.referrers(digest) if cache is not None else []
    except UpstreamUnknown:
        return [], {}
    except UpstreamFailure as error:
        return [], {name.decode(): text.decode() for name, text in warning_headers(error.message)}
    return [_descriptor(item) for item in found], {}


def _descriptor(item: UpstreamReferrer) -> dict[str, object]:
    descriptor: dict[str, object] = {"mediaType": item.media_type, "digest": item.digest, "size": item.size}
    return descriptor | ({"artifactType": item.artifact_type} if item.artifact_type else {})


async def blob_size(call: Call, access: Access, digest: str) -> int | None:
    """The size of a blob of a cache that has not come yet; None if there is none such."""
    if not is_cache(call, access) or access.repository.state != RepositoryState.NORMAL:
        return None
    with call.services.database.current():
        cache = await _opened(call, access)
        return None if cache is None else await cache.blob_size(digest)


async def blob(
    call: Call, access: Access, digest: str, size: int, *, start: int, end: int
) -> AsyncIterator[bytes]:
    """The bytes of a blob of a cache, as they come from its upstream, with the database current.

    Raises RegistryError.
    """
    cache = await _opened(call, access)
    unknown = RegistryError(OciCode.BLOB_UNKNOWN, detail={"digest": digest})
    if cache is None:
        raise unknown
    try:
        async for piece in cache.blob(digest, size, start=start, end=end):
            yield piece
    except Upstream as error:
        raise _failure(error, unknown) from error


async def _opened(call: Call, access: Access) -> Cache | None:
    return await open_cache(await call.context(access.grant), await call.record(access))


def warning_headers(warning: str) -> Headers:
    """The header fields of a manifest that may be outdated (OCI Distribution 1.1, "Warnings")."""
    return [
        warning_field(f"outdated, since the upstream could not be asked: {warning[:_WARNING_LENGTH]}"),
        (b"x-quayside-cache", b"stale"),
    ]


def _failure(error: Upstream, unknown: RegistryError) -> RegistryError:
    """The answer for what an upstream does not give; `unknown` if it does not have it."""
    detail = {"upstream": error.message}
    if isinstance(error, UpstreamUnknown):
        return RegistryError(unknown.code, unknown.message, detail=unknown.detail)
    if isinstance(error, UpstreamLimited):
        seconds = str(max(1, ceil(error.retry_after_s or RETRY_S)))
        return RegistryError(
            OciCode.TOOMANYREQUESTS,
            "the upstream of this cache wants fewer requests",
            detail=detail,
            headers={"Retry-After": seconds},
        )
    if isinstance(error, UpstreamRefused):
        return RegistryError(OciCode.DENIED, "the upstream of this cache refuses to give this", detail=detail)
    return RegistryError(
        OciCode.UNAVAILABLE,
        "the upstream of this cache cannot be asked at present",
        status=503 if isinstance(error, UpstreamUnavailable) else 502,
        detail=detail,
        headers={"Retry-After": str(RETRY_S)},
    )

"""Lists: tags, repositories, referrers (OCI Distribution 1.1, "Content Discovery").

Without `n` a list of names is complete. It is streamed in batches, so that memory does not grow with it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import takewhile

import orjson

from quayside.registry import cached
from quayside.registry.asgi import send_bytes, send_head, send_json, send_stream
from quayside.registry.call import MAX_FIRST, Call
from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.names import require_digest
from quayside.registry.pagination import next_link, parse_page
from resolvers.access.registry_tokens import PULL
from resolvers.content import lists as registry_lists
from resolvers.errors import BadRequest
from resolvers.manifests.content import ContentReader
from resolvers.manifests.document import MAX_BYTES, OCI_INDEX
from resolvers.manifests.manifest import ManifestRecord
from resolvers.manifests.referrer import referrers_by_subject
from resolvers.pages import Page, is_cursor

Read = Callable[[str, int], Awaitable[list[str]]]
"""Keyset read: names after a name, at most a number of them."""
ReadBatch = Callable[[str], Awaitable[registry_lists.Batch]]
"""Keyset read for a whole list: the next names after a name, as JSON."""


async def tags(call: Call) -> None:
    """List the tags that point to a manifest now."""
    access = await call.authorize(PULL)

    async def read(after: str, limit: int) -> list[str]:
        return await registry_lists.tag_names(access.repository.id, after=after, limit=limit)

    async def read_batch(after: str) -> registry_lists.Batch:
        return await registry_lists.tag_batch(access.repository.id, after=after)

    opening = b'{"name":%b,"tags":' % orjson.dumps(call.match.name)
    await _send_names(call, call.url("tags/list"), opening, read, read_batch)


async def catalog(call: Call) -> None:
    """List the repositories in which the account has a role, with PUBLIC_CATALOG also public ones.

    Any token of an account will do. Without one there is a list only if it has public repositories; an empty
    one would keep clients from signing in.
    """
    grant = await call.token()
    has_public = call.site.has("PUBLIC_CATALOG") and call.site.has("ANONYMOUS_ACCESS")
    if not has_public and (grant is None or not grant.account_id):
        raise call.refusal(None if grant is None else "insufficient_scope")
    context = await call.context(grant)

    async def read(after: str, limit: int) -> list[str]:
        return await registry_lists.repository_paths(context, after=after, limit=limit)

    async def read_batch(after: str) -> registry_lists.Batch:
        names = await read(after, MAX_FIRST)
        last = names[-1] if len(names) == MAX_FIRST else None
        return registry_lists.Batch(orjson.dumps(names).decode(), last)

    await _send_names(call, "/v2/_catalog", b'{"repositories":', read, read_batch)


async def _send_names(call: Call, path: str, opening: bytes, read: Read, read_batch: ReadBatch) -> None:
    page = parse_page(call.query())
    after = page.last or ""
    headers = {"Content-Type": "application/json"}
    if page.limit is None:
        await _send_all(call, headers, opening, await read_batch(after), read_batch)
        return
    limit = min(page.limit, MAX_FIRST)
    # One more than requested tells whether there is a next page.
    names = await read(after, limit + 1) if limit else []
    has_more = len(names) > limit
    names = names[:limit]
    if has_more:
        headers["Link"] = next_link(path, n=page.limit, last=names[-1])
    await send_bytes(call.send, 200, headers, opening + orjson.dumps(names) + b"}", is_head=call.is_head)


async def _send_all(
    call: Call, headers: dict[str, str], opening: bytes, first: registry_lists.Batch, read: ReadBatch
) -> None:
    if first.last is None:
        body = b"%b%b}" % (opening, first.names.encode())
        await send_bytes(call.send, 200, headers, body, is_head=call.is_head)
    elif call.is_head:
        await send_head(call.send, 200, headers)
    else:
        await send_stream(call.receive, call.send, 200, headers, _pieces(opening, first, read))


async def _pieces(opening: bytes, batch: registry_lists.Batch, read: ReadBatch) -> AsyncIterator[bytes]:
    yield opening + batch.names[:-1].encode()
    while batch.last is not None:
        batch = await read(batch.last)
        if len(batch.names) > len("[]"):
            yield b"," + batch.names[1:-1].encode()
    yield b"]}"


async def referrers(call: Call) -> None:
    """List the manifests that name a digest as their subject, as an index of at most 4 MiB.

    In a repository that does not exist yet there are none, which is no error: a client would fall back to the
    tag schema for good.
    """
    try:
        access = await call.authorize(PULL)
    except RegistryError as error:
        if error.code is not OciCode.NAME_UNKNOWN:
            raise
        access = None
    digest = require_digest(call.argument)
    if not call.services.site.has("REFERRERS_API"):
        raise RegistryError(OciCode.UNSUPPORTED, "no such address", status=404)
    query = call.query()
    # Many clients do not encode the plus of a media type, which then decodes to a space.
    artifact_type, after = query.get("artifactType", "").replace(" ", "+"), query.get("last")
    if after and not is_cursor(after):
        raise RegistryError(OciCode.UNSUPPORTED, "last is not of a link of ours", status=400)
    headers = {"Content-Type": OCI_INDEX}
    parameters: dict[str, str] = {}
    if artifact_type:
        headers["OCI-Filters-Applied"] = "artifactType"
        parameters["artifactType"] = artifact_type
    if access is None:
        await send_json(call.send, 200, _index([]), headers, is_head=call.is_head)
        return
    context = await call.context(access.grant)
    found = await referrers_by_subject(
        context,
        await call.record(access),
        digest,
        Page(first=MAX_FIRST, after=after or None),
        artifact_type=artifact_type or None,
    )
    noted = await ContentReader(context).annotations(found.items)
    # The page ends where the read limit of one request is reached.
    read = takewhile(lambda pair: not isinstance(pair[1], BadRequest), zip(found.items, noted, strict=True))
    descriptors = [_descriptor(item, annotations) for item, annotations in read]
    fitting = _fitting(descriptors)
    descriptors = descriptors[:fitting]
    if not after:
        # What is stored is told with its annotations, and the rest of the upstream's beside the first of it.
        beyond, more = await cached.referrers(call, access, digest)
        headers |= more
        known = {item["digest"] for item in descriptors}
        descriptors += [
            item
            for item in beyond
            if item["digest"] not in known and artifact_type in ("", item.get("artifactType"))
        ]
    if found.has_next or fitting < len(found.items):
        headers["Link"] = next_link(
            call.url(f"referrers/{digest}"), **parameters, last=found.cursors[fitting - 1]
        )
    descriptors = descriptors[: _fitting(descriptors)]
    await send_json(call.send, 200, _index(descriptors), headers, is_head=call.is_head)


def _index(descriptors: list[dict[str, object]]) -> dict[str, object]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}


def _fitting(descriptors: list[dict[str, object]]) -> int:
    """The number of descriptors that fit into an index of `MAX_BYTES`, at least one."""
    size = 0
    for count, descriptor in enumerate(descriptors):
        size += len(orjson.dumps(descriptor)) + 1
        if size > MAX_BYTES - 1024 and count:
            return count
    return len(descriptors)


def _descriptor(manifest: ManifestRecord, annotations: object) -> dict[str, object]:
    descriptor: dict[str, object] = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.size_bytes,
    }
    if manifest.artifact_type:
        descriptor["artifactType"] = manifest.artifact_type
    if annotations:
        descriptor["annotations"] = annotations
    return descriptor

"""Manifests: GET, HEAD, PUT and DELETE by tag or digest (OCI Distribution 1.1, "Pull", "Push")."""

from functools import partial

from quayside.http.conditions import none_match
from quayside.logs import request_id
from quayside.registry import cached, gate
from quayside.registry.asgi import (
    API_VERSION,
    Headers,
    content_length,
    header,
    query_items,
    read_body,
    send_bytes,
)
from quayside.registry.call import AbsentRepository, Call
from quayside.registry.errors import NO_SPACE, OciCode, RegistryError
from quayside.registry.names import is_digest_reference, require_digest, require_new_tag, require_reference
from resolvers.access.registry_tokens import PULL, PUSH
from resolvers.content import push
from resolvers.errors import NotFound
from resolvers.manifests.document import MAX_BYTES, ManifestTooLarge
from resolvers.repositories.activity import Pull
from resolvers.tags import tag
from storage.clock import now_ms
from storage.hot import HotManifest
from storage.log_text import cut


async def get(call: Call) -> None:
    """Serve a manifest exactly as it was pushed; for HEAD the headers only."""
    known = warning = None
    try:
        access = await call.authorize(PULL)
    except AbsentRepository as absent:
        access, known = await cached.first_pull(call, absent, require_reference(call.argument))
    reference = require_reference(call.argument)
    hot = call.services.hot
    is_digest = is_digest_reference(reference)
    tag_name = None if is_digest else reference
    read = hot.manifest_by_digest if is_digest else hot.manifest_by_tag
    manifest = await read(access.repository.id, reference)
    if access.repository.cache_id is not None and cached.needs_upstream(
        call, access, manifest, is_digest=is_digest
    ):
        manifest, warning = await cached.manifest(call, access, reference, is_digest=is_digest, known=known)
    if manifest is None or not await call.extend_grace_period(
        access, manifest.pushed_at_ms, partial(push.renew_manifest, manifest.id)
    ):
        raise _unknown(reference)
    warnings: Headers = [] if warning is None else cached.warning_headers(warning)
    against = None
    if access.repository.is_gated and gate.is_judged(call, access):
        against = await gate.admit(call, access, manifest, tag_name)
        warnings += gate.warning_headers(access, against)
    is_sent = await _send(call, manifest, warnings)
    client = call.scope.get("client")
    user_agent = header(call.scope, b"user-agent")
    call.services.pulls.record(
        Pull(
            access.repository.id,
            access.repository.namespace_id,
            access.path,
            manifest.id,
            manifest.digest,
            manifest.media_type,
            tag_name,
            not is_sent,
            access.grant,
            client[0] if client else None,
            cut(user_agent) if user_agent else None,
            request_id.get(),
            now_ms(),
            manifest.life,
        )
    )
    if against is not None:
        await gate.note(call, access, manifest, tag_name, against)


async def _send(call: Call, manifest: HotManifest, warnings: Headers) -> bool:
    """Send a manifest, with header fields of warnings. Returns whether its body was sent."""
    # Thousands of these responses are sent per second, so their headers are built without helpers.
    digest = manifest.digest.encode("ascii")
    tag_of_entity = b'"' + digest + b'"'
    is_unchanged = none_match(call.scope, tag_of_entity)
    headers = [
        API_VERSION,
        (b"docker-content-digest", digest),
        (b"etag", tag_of_entity),
        (b"content-type", manifest.media_type.encode("ascii")),
    ]
    headers += warnings
    if not is_unchanged:
        headers.append((b"content-length", b"%d" % len(manifest.body)))
    await call.send(
        {"type": "http.response.start", "status": 304 if is_unchanged else 200, "headers": headers}
    )
    is_sent = not (is_unchanged or call.is_head)
    await call.send({"type": "http.response.body", "body": manifest.body if is_sent else b""})
    return is_sent


async def put(call: Call) -> None:
    """Store a manifest under its digest, and set the tag of the path or the tags of the query to it."""
    access = await call.authorize(PUSH)
    reference = call.argument
    digest = require_digest(reference) if is_digest_reference(reference) else None
    asked = [value for key, value in query_items(call.scope) if key == "tag"] if digest else [reference]
    tags = [require_new_tag(name) for name in dict.fromkeys(asked)]
    access.require_writable(call.services.site)
    await _require_space(call)
    body = await _read(call)
    pushed = await push.put_manifest(
        await call.context(access.grant),
        await call.record(access),
        body,
        content_type=header(call.scope, b"content-type"),
        tags=tags,
        expected_digest=digest,
    )
    headers = {
        "Location": call.url(f"manifests/{pushed.digest}"),
        "Docker-Content-Digest": pushed.digest,
    }
    if digest and tags:
        headers["OCI-Tag"] = ", ".join(tags)
    if pushed.subject_digest and call.services.site.has("REFERRERS_API"):
        headers["OCI-Subject"] = pushed.subject_digest
    await send_bytes(call.send, 201, headers)


async def _require_space(call: Call) -> None:
    """Raise RegistryError (507) where the database has less than half of the reserve.

    What uploads may not take is there for what was uploaded to become an image, and the last half of it for
    deleting.
    """
    reserve = call.services.reserve_bytes
    free = await call.services.database.free_bytes() if reserve else None
    if free is not None and free < reserve // 2:
        raise RegistryError(OciCode.UNAVAILABLE, NO_SPACE, status=507)


async def _read(call: Call) -> bytes:
    announced = content_length(call.scope)
    body = None
    if announced is None or announced <= MAX_BYTES:
        body = await read_body(call.receive, MAX_BYTES)
    if body is None:
        raise ManifestTooLarge
    return body


async def delete(call: Call) -> None:
    """Delete a tag, or a manifest with all its tags."""
    access = await call.authorize(PUSH)
    reference = require_reference(call.argument)
    context, record = await call.context(access.grant), await call.record(access)
    try:
        if is_digest_reference(reference):
            await push.delete_manifest(context, record, reference)
        else:
            await tag.delete(context, record.path, reference)
    except NotFound as error:
        raise _unknown(reference) from error
    await send_bytes(call.send, 202, {})


def _unknown(reference: str) -> RegistryError:
    return RegistryError(OciCode.MANIFEST_UNKNOWN, detail={"reference": reference})

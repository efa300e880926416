"""The rows of a manifest: its body and parts, and what its image configuration says of it."""

from typing import Any

import orjson

from resolvers.context import Context
from resolvers.manifests import artifact, examination
from resolvers.manifests.content import CONFIG_LIMIT, IMAGE_CONFIG_MEDIA_TYPES
from resolvers.manifests.document import ManifestDocument
from resolvers.manifests.manifest import undelete_collected
from resolvers.quotas import enforcement
from resolvers.quotas.enforcement import Meter
from resolvers.quotas.usage import has_quota
from resolvers.repositories.repository import RepositoryRecord
from resolvers.sbom import reading as bills
from resolvers.vex import reading as vex
from storage.blobs import BlobError
from storage.clock import now_ms
from storage.models.manifest import Manifest, ManifestBlob, ManifestChild
from storage.statements import fetch


async def configuration_of(context: Context, document: ManifestDocument) -> dict[str, Any]:
    """The image configuration as JSON; empty if there is none or it cannot be read.

    The store may hold it for others only: the caller refuses the manifest if the repository has no right to
    it, or does not ask.
    """
    descriptor = document.config
    if descriptor is None or descriptor.media_type not in IMAGE_CONFIG_MEDIA_TYPES:
        return {}
    try:
        content = await context.blobs.read_all(descriptor.digest, limit=CONFIG_LIMIT)
        configuration = orjson.loads(content)
    except (BlobError, ValueError):
        return {}
    return configuration if isinstance(configuration, dict) else {}


def platform_of(configuration: dict[str, Any]) -> dict[str, str]:
    """Operating system, architecture and variant of an image configuration, as far as given."""
    values = {key: configuration.get(key) for key in ("os", "architecture", "variant")}
    return {key: value[:64] for key, value in values.items() if isinstance(value, str) and value}


def labels_of(configuration: dict[str, Any]) -> dict[str, str]:
    """The labels of an image configuration whose values are strings."""
    settings = configuration.get("config")
    labels = settings.get("Labels") if isinstance(settings, dict) else None
    if not isinstance(labels, dict):
        return {}
    return {key: value for key, value in labels.items() if isinstance(value, str)}


async def store(
    context: Context,
    repository: RepositoryRecord,
    document: ManifestDocument,
    body: bytes,
    platform: dict[str, str],
) -> int:
    """Write the rows of a manifest that the repository lacks, in the open transaction. Returns its id.

    Raises `QuotaExceeded`.
    """
    undeleted = await undelete_collected(repository.id, [document.digest])
    manifest_id = undeleted[0] if undeleted else await _insert_manifest(repository, document, platform)
    # Whether there is a quota is asked on the way, when the namespace is held since the row of the manifest.
    (row,) = await fetch(
        "INSERT INTO manifest_body (manifest_id, body) VALUES (?, ?) RETURNING"
        f" (SELECT {has_quota(context.site, 'r.namespace_id')} FROM repository r"
        " WHERE r.id = ?) AS has_quota",
        manifest_id,
        body,
        repository.id,
    )
    if row["has_quota"]:
        meter = Meter.of(context, repository.namespace_id)
        await enforcement.require_content(meter, document.digest, document.size_bytes, is_manifest=True)
    named = [("config", document.config)] if document.config else []
    named += [("layer", layer) for layer in document.layers]
    await ManifestBlob.bulk_create(
        [
            ManifestBlob(
                manifest_id=manifest_id,
                position=position,
                role=role,
                digest=descriptor.digest,
                media_type=descriptor.media_type,
                size_bytes=descriptor.size_bytes,
                is_distributable=descriptor.is_distributable,
                namespace_id=repository.namespace_id,
            )
            for position, (role, descriptor) in enumerate(named)
            if descriptor is not None
        ],
        batch_size=500,
    )
    await ManifestChild.bulk_create(
        [
            ManifestChild(
                manifest_id=manifest_id,
                position=position,
                digest=child.digest,
                media_type=child.media_type,
                artifact_type=child.artifact_type,
                size_bytes=child.size_bytes,
                os=(child.platform.operating_system or None) if child.platform else None,
                architecture=(child.platform.architecture or None) if child.platform else None,
                variant=(child.platform.variant or None) if child.platform else None,
                namespace_id=repository.namespace_id,
            )
            for position, child in enumerate(document.children)
        ],
        batch_size=500,
    )
    media_type = document.config.media_type if document.config else None
    await examination.order_scans(context.site, repository.namespace_id, [(manifest_id, media_type)])
    if vex.has_vex(document):
        await examination.order_vex(context, repository.namespace_id, [manifest_id])
    if bills.has_bill(document):
        await examination.order_bills(context, repository.namespace_id, [manifest_id])
    return manifest_id


async def _insert_manifest(
    repository: RepositoryRecord, document: ManifestDocument, platform: dict[str, str]
) -> int:
    """Insert the row of a manifest, without its parts. Returns its id."""
    kind = artifact.kind_of(document)
    manifest = await Manifest.create(
        repository_id=repository.id,
        digest=document.digest,
        media_type=document.media_type,
        artifact_type=document.referrer_artifact_type,
        artifact_kind=kind.value if kind else None,
        size_bytes=document.size_bytes,
        layers_size_bytes=sum(layer.size_bytes for layer in document.layers),
        is_index=document.is_index,
        config_digest=document.config.digest if document.config else None,
        config_media_type=document.config.media_type if document.config else None,
        subject_digest=document.subject.digest if document.subject else None,
        annotations=dict(document.annotations) or None,
        created_at_ms=now_ms(),
        os=platform.get("os"),
        architecture=platform.get("architecture"),
        variant=platform.get("variant"),
    )
    return int(manifest.id)

"""Explanations of pulls: what comes of a pull of a manifest, and why."""

from dataclasses import dataclass

from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.gate.judgement import Judgement, judgement_on
from resolvers.manifests import manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.repositories.repository import RepositoryRecord, repository
from resolvers.tags import tag


@dataclass(frozen=True, slots=True)
class PullExplanation:
    """What comes of a pull of a manifest from a repository."""

    repository: RepositoryRecord
    manifest: ManifestRecord
    judgement: Judgement


async def explain(
    context: Context, path: str, *, tag_name: str | None, digest: str | None
) -> PullExplanation | None:
    """Explain what comes of a pull by tag or digest. Requires `repo:read`.

    None if there is none such. Raises `Invalid` unless one of both is given.
    """
    if (tag_name is None) is (digest is None):
        raise Invalid("tag: give either a tag or a digest.", field="tag")
    record = await repository(context, path)
    if record is None:
        return None
    if tag_name is not None:
        active = await tag.active_tag(record.id, tag_name)
        found = (await manifest.by_ids([active.manifest_id])).get(active.manifest_id) if active else None
    else:
        found = await manifest.by_digest(record, digest or "")
    if found is None:
        return None
    judgement = await judgement_on(found.id, namespace_id=record.namespace_id, repository_id=record.id)
    return PullExplanation(record, found, judgement)

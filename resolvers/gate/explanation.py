"""Explanations of pulls: what comes of a pull of a manifest, and why."""

from dataclasses import dataclass

from resolvers.context import Context
from resolvers.gate.judgement import Judgement, judgement_on
from resolvers.manifests.manifest import ManifestRecord
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags.named import named


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
    place = await named(context, path, tag_name=tag_name, digest=digest)
    if place is None:
        return None
    record, found = place
    judgement = await judgement_on(found.id, namespace_id=record.namespace_id, repository_id=record.id)
    return PullExplanation(record, found, judgement)

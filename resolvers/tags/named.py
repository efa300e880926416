"""Manifests as people name them: a repository, and a tag or a digest in it."""

from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.manifests import manifest
from resolvers.manifests.manifest import ManifestRecord
from resolvers.repositories.repository import RepositoryRecord, repository
from resolvers.tags import tag


async def named(
    context: Context, path: str, *, tag_name: str | None, digest: str | None, field: str = ""
) -> tuple[RepositoryRecord, ManifestRecord] | None:
    """The manifest that a tag points to now, or that has a digest, and its repository; None if there is none.

    Requires `repo:read`. Raises `Invalid` unless one of both is given; `field` is the argument that has them.
    """
    if (tag_name is None) is (digest is None):
        place = f"{field}.tag" if field else "tag"
        raise Invalid(f"{place}: give either a tag or a digest.", field=place)
    record = await repository(context, path)
    if record is None:
        return None
    if tag_name is not None:
        active = await tag.active_tag(record.id, tag_name)
        found = (await manifest.by_ids([active.manifest_id])).get(active.manifest_id) if active else None
    else:
        found = await manifest.by_digest(record, digest or "")
    return (record, found) if found else None

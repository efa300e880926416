"""Provenance of builds, and the builds that images came from."""

from collections.abc import Collection
from dataclasses import replace

from resolvers.attestations import reading
from resolvers.attestations.reading import AttestationRecord
from resolvers.builds.build import ALIVE, COLUMNS, SOURCE, BuildRecord
from resolvers.builds.provenance.predicate import PREDICATE_TYPE
from resolvers.context import Context
from storage.statements import batches, fetch, placeholders


async def provenance(context: Context, builds: Collection[BuildRecord]) -> dict[int, AttestationRecord]:
    """What is said of how builds of repositories that the viewer may read made their images, by build.

    Those that have made none are left out, and those of whose image it was deleted.
    """
    places = {
        build.id: (build.repository_id, build.provenance_digest)
        for build in builds
        if build.digest is not None and build.provenance_digest is not None
    }
    found = await reading.read(context, places.values())
    return {
        build.id: _judged(build, found[places[build.id]]) for build in builds if places.get(build.id) in found
    }


def _judged(build: BuildRecord, found: AttestationRecord) -> AttestationRecord:
    """What was found, verified only if it is about the image of this build."""
    is_about = (
        found.subject == build.digest
        and found.statement.get("predicateType") == PREDICATE_TYPE
        and found.statement["predicate"]["runDetails"]["metadata"]["invocationId"] == build.uuid
    )
    return replace(found, is_verified=found.is_verified and is_about)


async def built_by(images: Collection[tuple[int, str]]) -> dict[tuple[int, str], BuildRecord]:
    """The newest build that made each image, by the id of a repository and the digest of a manifest.

    The viewer may read the repositories. Left out are images that were pushed by somebody.
    """
    found: dict[tuple[int, str], BuildRecord] = {}
    for batch in batches(sorted(set(images))):
        repositories, digests = sorted({image[0] for image in batch}), [image[1] for image in batch]
        rows = await fetch(
            f"SELECT {COLUMNS} FROM {SOURCE} WHERE b.id IN (SELECT MAX(b.id) FROM {SOURCE}"
            f" WHERE b.repository_id IN ({placeholders(repositories)})"
            f" AND b.digest IN ({placeholders(digests)}) AND {ALIVE} GROUP BY b.repository_id, b.digest)",
            *repositories,
            *digests,
        )
        found |= {(row["repository_id"], row["digest"]): COLUMNS.record(row) for row in rows}
    return found

"""Predicate: what provenance says of a build.

Who may pull an image may read it. So it has the names of build arguments and never their values, and
addresses without what may be secret in them.

Source: SLSA 1.0, provenance.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from resolvers.attestations.statement import digest_set
from resolvers.builds.build import BuildRecord
from resolvers.builds.built import Built, Material
from resolvers.context import Context
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import rfc3339

PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:quayside:build:dockerfile:1"
"""What the parameters mean; `docs/builds.md` says it."""


def predicate(
    context: Context, place: RepositoryRecord, build: BuildRecord, built: Built, finished_at_ms: int
) -> dict[str, Any]:
    """What is said of a build that has made an image."""
    url = f"{context.site.public_url}/builds"
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _ordered(context, place, build),
            "internalParameters": dict(built.parameters),
            "resolvedDependencies": [_resource(each) for each in built.materials],
        },
        "runDetails": {
            # Verifiers trust a builder by its id, so one that hostile code may have been has another.
            "builder": {
                "id": f"{url}/unsafe-root" if built.is_by_root else url,
                "version": {"quayside": context.site.version},
            },
            "metadata": {
                "invocationId": build.uuid,
                "startedOn": rfc3339(build.started_at_ms or build.created_at_ms),
                "finishedOn": rfc3339(finished_at_ms),
            },
        },
    }


def _ordered(context: Context, place: RepositoryRecord, build: BuildRecord) -> dict[str, Any]:
    """What whoever ordered the build chose."""
    source = {
        "archiveUrl": None if build.archive_url is None else shown(build.archive_url),
        "gitUrl": build.git_url,
        "gitRef": build.git_ref,
        "gitCommit": build.git_commit,
    }
    return {
        "repository": place.path,
        "tags": list(build.tags),
        "dockerfile": build.dockerfile_path,
        "context": build.context_path,
        "arguments": sorted(build.arguments(context.secrets)),
        **{name: value for name, value in source.items() if value is not None},
    }


def _resource(material: Material) -> dict[str, Any]:
    address = {"uri": material.uri} if material.uri is not None else {}
    return {"name": material.name, **address, "digest": digest_set(material.digest)}


def shown(url: str) -> str:
    """An address without user, query and fragment: whoever has these may be let in where others are not."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()

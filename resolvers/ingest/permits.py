"""The one place that gives permits: contexts in which a mirror or a cache writes into one repository."""

from dataclasses import replace

from resolvers.access.permit import Origin, Permit
from resolvers.context import Context
from resolvers.repositories.repository import RepositoryRecord


def as_mirror(context: Context, repository: RepositoryRecord) -> Context:
    """The context, with leave to write into a repository in the state MIRROR. Its viewer is the actor."""
    return replace(context, permit=Permit(Origin.MIRROR, repository.id))


def as_cache(context: Context, repository: RepositoryRecord) -> Context:
    """The context, with leave to write into a repository of a cache. Its viewer is whoever pulls.

    Manifests may then name blobs and manifests that are not there yet.
    """
    return replace(context, permit=Permit(Origin.CACHE, repository.id))

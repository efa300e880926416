"""Who may write content into a repository, by its state and by what its organization is."""

from resolvers.access.permit import Origin
from resolvers.context import Context
from resolvers.errors import NotWritable
from resolvers.repositories.repository import RepositoryRecord, RepositoryState, lock

_WRITABLE = {
    None: frozenset({RepositoryState.NORMAL}),
    Origin.CACHE: frozenset({RepositoryState.NORMAL}),
    Origin.MIRROR: frozenset({RepositoryState.MIRROR, RepositoryState.ORG_MIRROR}),
}
"""The states in which content is written, by what brings it: a client, or with a permit cache or mirror."""


def origin_of(context: Context, repository_id: int) -> Origin | None:
    """What brings content into a repository by this context; None for clients."""
    permit = context.permit
    return permit.origin if permit is not None and permit.repository_id == repository_id else None


def require_writable(context: Context, record: RepositoryRecord) -> None:
    """Raise `NotWritable` unless the state of the repository allows this context to write content.

    The permit of a cache holds only as long as the organization is one.
    """
    origin = origin_of(context, record.id)
    if record.state not in _WRITABLE[origin]:
        raise NotWritable(
            f"Repository is in read only or mirror mode: {record.state.value}", field="repository"
        )
    if origin is Origin.CACHE and not record.is_cached:
        raise NotWritable(f"{record.namespace_name} is no longer a cache.", field="repository")


def require_no_cache(context: Context, record: RepositoryRecord) -> None:
    """Raise `NotWritable` if content comes from an upstream here, unless it is that which writes."""
    is_cached = record.is_cached and context.site.has("PROXY_CACHE")
    if is_cached and origin_of(context, record.id) is not Origin.CACHE:
        raise NotWritable(CACHED.format(record.namespace_name), field="repository")


CACHED = (
    "The organization {} is a pull-through cache: its content comes from the upstream registry, and nothing"
    " can be pushed to it."
)
"""Why a cache refuses content."""


async def lock_writable(context: Context, record: RepositoryRecord) -> None:
    """Lock the row of a repository in the open transaction, and check again that it may be written.

    Raises `NotWritable`, and `NotFound` if it was deleted meanwhile.
    """
    require_writable(context, await lock(record))

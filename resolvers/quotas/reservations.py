"""Reservations: room that an upload under way keeps for itself below the Reject limit of its namespace.

They are part of the rows of uploads, so they hold between processes, outlive a killed one, and end with the
upload: when it is linked, refused, cancelled or expired.
"""

from resolvers.context import Site
from resolvers.quotas.usage import usage_of
from resolvers.sizes.stored import hold
from storage.blobs import UploadUnknown
from storage.statements import execute
from storage.transactions import transaction


async def reserve(
    site: Site, upload: str, namespace_id: int, size: int, received: int, *, digest: str = ""
) -> None:
    """Make `size` bytes the reservation of an upload that has received so many; none for a known digest.

    Raises `QuotaExceeded` if they do not fit, and `UploadUnknown` if the upload has ended.
    """
    async with transaction("quota.reserve"):
        await hold([namespace_id])
        usage = await usage_of(site, namespace_id, digest=digest, beside=upload)
        needed = 0 if usage.holders else size
        usage.require_room(needed)
        if not await execute(
            "UPDATE upload SET reserved_bytes = ?, namespace_id = ?, size_bytes = ? WHERE uuid = ?",
            needed,
            namespace_id,
            received,
            upload,
        ):
            raise UploadUnknown(upload)

"""What must belong together: the database, the secret key with which it was encrypted, and the blob store."""

import asyncio

from quayside.commands import CommandError
from quayside.settings.settings import Settings
from resolvers.access.stored_secrets import SIGNING_KEY, unreadable
from storage.blob_rows import look_up_some
from storage.blobs import BlobError, open_blob_store
from storage.secrets import Secrets

LOOK_UP_S = 30
"""How long the blob store may take for a few blobs."""


class OtherKey(CommandError):
    """Stored secrets cannot be read. `is_fatal`: without the signing key nobody can pull or push."""

    def __init__(self, kinds: list[str]) -> None:
        super().__init__(
            "The secret key is not the one with which this database was encrypted: "
            f"{', '.join(kinds)} cannot be read. Bring back the old key, in secret.key of the data directory "
            "or in SECRET_KEY, where it may stand behind a new one."
        )
        self.is_fatal = SIGNING_KEY in kinds


async def check_secrets(settings: Settings) -> int:
    """Decrypt some stored secrets; how many. The database must be current. Raises `OtherKey`."""
    looked_at, kinds = await unreadable(Secrets(settings.secret_key))
    if kinds:
        raise OtherKey(kinds)
    return looked_at


async def check_blobs(settings: Settings) -> int:
    """Look up some blobs; how many. The database must be current. Raises `CommandError`."""
    if settings.blob_url == "memory:":
        return 0
    try:
        blobs = open_blob_store(settings.blob_url)
        try:
            async with asyncio.timeout(LOOK_UP_S):
                looked_up, lost = await look_up_some(blobs)
        finally:
            await blobs.close()
    except TimeoutError as error:
        raise CommandError(f"The blob store does not answer within {LOOK_UP_S} seconds.") from error
    except (BlobError, OSError) as error:
        raise CommandError(f"The blob store does not work: {error}.") from error
    if lost:
        raise CommandError(
            f"The blob store lacks {len(lost)} of {looked_up} blobs that were looked up, such as {lost[0]}; "
            "bring its content back from a backup, or correct BLOB_URL."
        )
    return looked_up

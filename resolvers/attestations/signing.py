"""Statements that the registry makes on images that it built, signed with its key of the service `builds`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from resolvers.attestations.envelope import Subject, signed, statement
from resolvers.attestations.referrer import Image, Referrer, referrer
from resolvers.context import Context
from resolvers.keys.own_key import STATEMENTS
from resolvers.keys.ring import signing_key
from storage.clock import now_ms, rfc3339


async def attest(
    context: Context, image: Image, paths: Sequence[str], predicate_type: str, predicate: Mapping[str, Any]
) -> Referrer:
    """Sign what is said of an image in the repositories at some paths; the referrer that attaches it.

    Whoever pushes it decides on rights. Raises `SecretUnreadable`.
    """
    host = context.site.registry_host
    subjects = [Subject(f"{host}/{path}", image.digest) for path in paths]
    key = await signing_key(context, STATEMENTS)
    at = rfc3339(now_ms())

    def made() -> Referrer:
        envelope = signed(key, statement(subjects, predicate_type, predicate))
        return referrer(image, envelope, key.kid, predicate_type, at)

    # What is said may have many MiB.
    return await asyncio.to_thread(made)

"""The gate of pulls: one more read where pull policies hold, and the judgement on what is pulled.

A judgement is kept for as long as nothing that it depends on has changed, which that read tells.
"""

import logging

from quayside.registry.asgi import Headers, warning_field
from quayside.registry.call import Access, Call
from quayside.registry.errors import OciCode, RegistryError
from resolvers.access.registry_tokens import PUSH
from resolvers.errors import QuaysideError
from resolvers.gate import notice
from resolvers.gate.judgement import PullOutcome, Ruling
from storage.clock import now_ms
from storage.hot import HotManifest

logger = logging.getLogger("quayside.gate")

AGAIN_MS = 60 * 1000
"""When a pull is told of at the earliest that could not be."""


def is_judged(call: Call, access: Access) -> bool:
    """Whether a request is a pull that policies judge.

    Builds may pull their base images. A `HEAD` by who may push only asks what is there: a client that
    pushes could not go on if it were refused.
    """
    return not access.grant.is_for_build and not (call.is_head and access.own.allows(PUSH))


async def admit(call: Call, access: Access, manifest: HotManifest, tag: str | None) -> Ruling | None:
    """What policies have against a pull that goes on nevertheless. Raises RegistryError (403)."""
    findings = await call.services.hot.findings(manifest.id)
    found = await call.services.judged_pulls.judgement(
        call.services.database, access.repository, manifest.id, findings
    )
    against = found.worst
    if against is None or against.outcome is not PullOutcome.REFUSED:
        return against
    await note(call, access, manifest, tag, against)
    raise RegistryError(
        OciCode.DENIED,
        against.sentence(access.path),
        detail={
            "digest": manifest.digest,
            "severity": against.policy.minimum.value,
            "advisories": [one.name for one in against.findings],
            "count": against.count,
        },
    )


def warning_headers(access: Access, against: Ruling | None) -> Headers:
    """The header fields of a pull that a policy warns of (OCI Distribution 1.1, "Warnings")."""
    if against is None or against.outcome is not PullOutcome.WARNED:
        return []
    return [warning_field(against.sentence(access.path))]


async def note(call: Call, access: Access, manifest: HotManifest, tag: str | None, against: Ruling) -> None:
    """Record a pull that is against a policy, once a day for each manifest. A failure does not hold it up."""
    told, mode = call.services.judged_pulls, against.policy.mode
    if told.is_told(manifest.id, mode):
        return
    told.tell(manifest.id, mode, until_ms=now_ms() + AGAIN_MS)
    try:
        with call.services.database.current():
            await notice.note(
                await call.context(access.grant),
                against,
                path=access.path,
                namespace_id=access.repository.namespace_id,
                repository_id=access.repository.id,
                manifest_id=manifest.id,
                digest=manifest.digest,
                tag=tag,
            )
    except (QuaysideError, RegistryError) as error:
        # Such as read-only mode.
        logger.info("a pull against a policy was not recorded", extra={"reason": str(error)})
    except Exception:
        logger.exception("a pull against a policy could not be recorded")
    else:
        told.tell(manifest.id, mode, until_ms=now_ms() + notice.EVERY_MS)

"""Outcomes of the builds of a trigger: after enough failures in a row it is disabled."""

from typing import Final

from resolvers.builds.build import BuildRecord
from resolvers.builds.phases import Phase
from resolvers.builds.triggers import trigger
from resolvers.builds.triggers.trigger import DisabledReason
from resolvers.context import Context
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.repositories.repository import RepositoryRecord
from storage.statements import fetch

FAILURES: Final = 100
"""Builds in a row that failed for reasons of their own, after which their trigger is disabled."""
INTERNAL_ERRORS: Final = 5
"""The same, for reasons of the registry."""
_COUNTED: Final = {
    Phase.COMPLETE: "failure_count = 0, internal_error_count = 0",
    Phase.ERROR: "failure_count = failure_count + 1, internal_error_count = 0",
    Phase.INTERNALERROR: "internal_error_count = internal_error_count + 1",
}


async def note_end(context: Context, place: RepositoryRecord, build: BuildRecord, phase: Phase) -> None:
    """Count the end of a build, in the open transaction, and disable its trigger if that was one too many."""
    if build.trigger_id is None or phase not in _COUNTED:
        return
    rows = await fetch(
        f"UPDATE build_trigger SET {_COUNTED[phase]} WHERE id = ? AND is_enabled = ?"
        " RETURNING failure_count, internal_error_count",
        *(build.trigger_id, True),
    )
    if not rows:
        return
    if rows[0]["failure_count"] >= FAILURES:
        reason = DisabledReason.SUCCESSIVE_BUILD_FAILURES
    elif rows[0]["internal_error_count"] >= INTERNAL_ERRORS:
        reason = DisabledReason.SUCCESSIVE_BUILD_INTERNAL_ERRORS
    else:
        return
    found = (await trigger.by_ids([build.trigger_id])).get(build.trigger_id)
    if found is not None and await trigger.switch(found.id, reason):
        await trigger.tell_switched(context, place, found, reason)
        told = {
            "repository": place.path,
            "namespace": place.namespace_name,
            "trigger_id": found.uuid,
            "service": found.service.value,
            "disabled_reason": reason.value,
        }
        owner = Target(account_id=place.namespace_id)
        await notice.put(NoticeKind.BUILD_TRIGGER_DISABLED, told, owner, repository_id=place.id)

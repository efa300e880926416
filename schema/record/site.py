"""The audit log of the whole registry, as fields of the site."""

import strawberry

from resolvers.record import audit
from schema.connections import After, First
from schema.context import Info
from schema.record.audit import (
    AuditCount,
    AuditEntryConnection,
    FilterArgument,
    listed,
    summed,
    to_filter,
)


@strawberry.type
class SiteRecord:
    """What the site shows of the record."""

    @strawberry.field(
        description="What was done in the whole registry, newest first, with what belongs to no namespace."
        " Refused to others than superusers."
    )
    async def audit_log(
        self, info: Info, filter: FilterArgument = None, first: First = 50, after: After = None
    ) -> AuditEntryConnection | None:
        log = await audit.whole_log(info.context.context, to_filter(filter))
        return await listed(info, log, first, after)

    @strawberry.field(
        description="The entries of the log of the whole registry counted by day and kind, newest day first."
        " Intervals of at most 31 days. Refused to others than superusers."
    )
    async def audit_summary(self, info: Info, filter: FilterArgument = None) -> list[AuditCount] | None:
        return await summed(info, await audit.whole_log(info.context.context, to_filter(filter)))

"""Stored bytes of namespaces and repositories, and their history."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from resolvers.access.needs import BE_MEMBER_OR_OWNER
from resolvers.access.permissions import account_role
from resolvers.accounts.account import AccountRecord
from resolvers.repositories.activity import DAY_MS, check_days
from resolvers.repositories.repository import RepositoryRecord
from resolvers.sizes import history
from resolvers.sizes.history import PACE_DAYS, SizeOnDay
from schema.context import Info
from schema.guards import REFUSABLE
from schema.limits import WEIGHT
from schema.quotas.quota import OF_NAMESPACE, IncludeDefault, Quota, quota_of
from schema.repositories.activity import Days
from schema.scalars import BigInt, optional_datetime, to_datetime

STORED = (
    "the blobs to which it has a right and the bodies of its manifests, each counted once: what tags name,"
    " what the time machine keeps, and what no manifest names yet, until the garbage collector takes it"
)
"""The definition of stored bytes, in one place."""
EXCLUSIVE = REFUSABLE | {WEIGHT: 10}
FOR_MEMBERS = (
    " For the owner and the members of the namespace; refused to others, and where 500,000 blobs and"
    " manifests would not do."
)
UNCOUNTED = "null without the feature QUOTA_MANAGEMENT"
HISTORY = "The stored bytes of the last days, at most 365, newest first, from the first day that is known."


@strawberry.type(
    description="What was stored on a day, by the last of the samples taken every six hours; of today, what"
    " is stored now."
)
class StorageDay:
    record: strawberry.Private[SizeOnDay]

    @strawberry.field(description="The beginning of the day, in UTC.")
    def starts_at(self) -> datetime:
        return to_datetime(self.record.day * DAY_MS)

    @strawberry.field(description="The stored bytes.")
    def stored_bytes(self) -> BigInt:
        return BigInt(self.record.stored_bytes)


def to_days(found: Sequence[SizeOnDay]) -> list[StorageDay]:
    """A history as GraphQL values."""
    return [StorageDay(record=record) for record in found]


@strawberry.type(
    description="What a user or an organization stores. For the owner, the organization's members, and"
    " superusers."
)
class Storage:
    record: strawberry.Private[AccountRecord]

    @strawberry.field(
        description=f"Bytes stored by the namespace: {STORED}. What several of its repositories hold counts"
        " once. Quotas compare this figure."
    )
    async def stored_bytes(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.namespace_sizes.load(self.record.id))

    @strawberry.field(description=HISTORY)
    async def storage_history(self, info: Info, days: Days = 30) -> list[StorageDay]:
        check_days(days)
        return to_days(await info.context.loaders.namespace_histories.load((self.record.id, days)))

    @strawberry.field(description=OF_NAMESPACE)
    async def quota(self, info: Info, include_default: IncludeDefault = True) -> Quota | None:
        return await quota_of(info, self.record.id, self.record.name, include_default=include_default)

    @strawberry.field(
        description=f"When its quota would be full at the pace of the last {PACE_DAYS} days; with a Reject"
        " limit, when nothing more could be pushed. Now, if that is so already. Null without a quota, if"
        " nothing grows, and before there is a day to compare with."
    )
    async def quota_full_at(self, info: Info) -> datetime | None:
        quota = await quota_of(info, self.record.id, self.record.name, include_default=True)
        if quota is None:
            return None
        found = await info.context.loaders.namespace_histories.load((self.record.id, PACE_DAYS))
        return optional_datetime(history.full_at_ms(quota.record.most_bytes, found))

    @strawberry.field(
        description=f"By how many bytes a day it grew in the last {PACE_DAYS} days, negative if it shrank;"
        " null before there is a day to compare with."
    )
    async def daily_growth_bytes(self, info: Info) -> BigInt | None:
        found = await info.context.loaders.namespace_histories.load((self.record.id, PACE_DAYS))
        pace = history.pace(found)
        return None if pace is None else BigInt(pace)


@strawberry.type(description="What a repository stores. Requires `repo:read`, unless it is public.")
class RepositoryStorage:
    record: strawberry.Private[RepositoryRecord]

    @strawberry.field(description=f"Bytes stored by the repository: {STORED}.")
    async def stored_bytes(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.repository_sizes.load(self.record.id))

    @strawberry.field(
        description="The bytes of `storedBytes` that no other repository of the namespace holds."
        + FOR_MEMBERS,
        metadata=EXCLUSIVE,
    )
    async def exclusive_bytes(self, info: Info) -> BigInt:
        await require_member(info, self.record.namespace_id)
        return BigInt(await info.context.loaders.repository_exclusive.load(self.record.id))

    @strawberry.field(
        description="The bytes of `storedBytes` that another repository of the namespace holds too."
        + FOR_MEMBERS,
        metadata=EXCLUSIVE,
    )
    async def shared_bytes(self, info: Info) -> BigInt:
        stored = await info.context.loaders.repository_sizes.load(self.record.id)
        await require_member(info, self.record.namespace_id)
        return BigInt(stored - await info.context.loaders.repository_exclusive.load(self.record.id))

    @strawberry.field(
        description="How many bytes less the namespace stores once the repository is deleted and its content"
        " removed: its exclusive bytes, at once, since the time machine keeps no repositories." + FOR_MEMBERS,
        metadata=EXCLUSIVE,
    )
    async def reclaimable_bytes(self, info: Info) -> BigInt:
        await require_member(info, self.record.namespace_id)
        return BigInt(await info.context.loaders.repository_exclusive.load(self.record.id))

    @strawberry.field(
        description="The quota of the namespace, which is for all its repositories together; null if there is"
        " none, and for those who may not see it."
    )
    async def quota(self, info: Info, include_default: IncludeDefault = True) -> Quota | None:
        record = self.record
        return await quota_of(
            info, record.namespace_id, record.namespace_name, include_default=include_default, lenient=True
        )

    @strawberry.field(description=HISTORY)
    async def storage_history(self, info: Info, days: Days = 30) -> list[StorageDay]:
        check_days(days)
        return to_days(await info.context.loaders.repository_histories.load((self.record.id, days)))


async def storage_of(info: Info, record: AccountRecord) -> Storage | None:
    """What a namespace stores; None without QUOTA_MANAGEMENT.

    Raises `Unauthenticated` or `Forbidden` for outsiders.
    """
    await require_member(info, record.id)
    return Storage(record=record) if info.context.context.site.has("QUOTA_MANAGEMENT") else None


async def require_member(info: Info, namespace_id: int) -> None:
    """Refuse outsiders of a namespace: what is stored and shared in it is for its owner and its members."""
    viewer = info.context.context.viewer
    if (
        viewer.sees_site
        or account_role(viewer, namespace_id) is not None
        or await info.context.loaders.namespace_roles.load(namespace_id) is not None
    ):
        return
    raise viewer.refusal(BE_MEMBER_OR_OWNER)

"""What mirrors of repositories and of organizations have in common, as it is shown and as it is set."""

from datetime import datetime
from typing import Any

import strawberry

from resolvers.mirrors.connection import NO_PROXY
from resolvers.mirrors.mirror import MirrorRecord
from resolvers.mirrors.organization import OrganizationMirrorRecord
from resolvers.mirrors.schedule import MirrorStatus
from schema.accounts.robot import Robot, to_robot
from schema.context import Info
from schema.mirrors.connection import CAS_TEXT, TLS_TEXT, UNSIGNED_TEXT, MirrorProxy, connection_changes
from schema.scalars import BigInt, optional_datetime, to_datetime, to_milliseconds

strawberry.enum(
    MirrorStatus, name="MirrorStatus", description="What a mirror does, or what came of its last run."
)

ROBOT = "The robot that writes what is mirrored, of the same namespace. It gets the role `WRITE`."
STARTS = "When it runs next; then again at every interval after that."
INTERVAL = "The seconds from one run to the next; 0 to run once, and then when told to."
TIMEOUT = "The seconds that one tag may take, at least 300."
ENABLED = "Whether it runs by itself."
USERNAME = "The user name at the other registry; null to ask without."


@strawberry.type
class MirrorSettings:
    """The fields of types that show a mirror."""

    record: strawberry.Private[MirrorRecord | OrganizationMirrorRecord]

    @strawberry.field(
        description="The robot that writes what is mirrored; null once it is deleted, which lets runs fail."
    )
    async def robot(self, info: Info) -> Robot | None:
        if self.record.robot_id is None:
            return None
        found = await info.context.loaders.robots.load(self.record.robot_id)
        return to_robot(found) if found else None

    @strawberry.field(description=ENABLED)
    def is_enabled(self) -> bool:
        return self.record.is_enabled

    @strawberry.field(description=f"{STARTS} Null after it was cancelled, or without an interval.")
    def sync_starts_at(self) -> datetime | None:
        return optional_datetime(self.record.timing.starts_at_ms)

    @strawberry.field(description=INTERVAL)
    def sync_interval_s(self) -> BigInt:
        return BigInt(self.record.timing.interval_s)

    @strawberry.field(description=TIMEOUT)
    def tag_timeout_s(self) -> BigInt:
        return BigInt(self.record.tag_timeout_s)

    @strawberry.field(description="What it does, or what came of its last run.")
    def status(self) -> MirrorStatus:
        return self.record.status

    @strawberry.field(
        description="How many attempts it has before it waits for the next interval; 0 once it is cancelled."
    )
    def retries_remaining(self) -> int:
        return self.record.timing.retries_remaining

    @strawberry.field(description=f"{USERNAME} Null for read-only superusers.")
    def username(self, info: Info) -> str | None:
        seen = info.context.context.viewer.sees_credentials
        return self.record.connection.username if seen else None

    @strawberry.field(description="Whether it has a password, which is never shown.")
    def has_password(self) -> bool:
        return self.record.connection.password is not None

    @strawberry.field(description=TLS_TEXT)
    def is_tls_verified(self) -> bool:
        return self.record.connection.verifies_tls

    @strawberry.field(description=UNSIGNED_TEXT)
    def can_be_unsigned(self) -> bool:
        return self.record.connection.accepts_unsigned

    @strawberry.field(description=CAS_TEXT)
    def extra_cas(self) -> str | None:
        return self.record.connection.extra_cas

    @strawberry.field(
        description="By which proxies the source is asked. Their addresses, which may hold logins, are null"
        " for read-only superusers."
    )
    def proxy(self, info: Info) -> MirrorProxy:
        seen = info.context.context.viewer.sees_credentials
        return MirrorProxy(record=self.record.connection.proxy if seen else NO_PROXY)

    @strawberry.field(description="When it was made.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


def settings_of(found: dict[str, Any]) -> dict[str, Any]:
    """The values of an input by the names that resolvers have for them."""
    connection = found.pop("connection", None)
    if connection is not None:
        found |= connection_changes(connection)
    if "sync_starts_at" in found:
        found["sync_starts_at_ms"] = to_milliseconds(found.pop("sync_starts_at"))
    return found

"""How full a namespace is: what it stores, what open uploads have reserved, and the thresholds of its quota.

What a namespace stores is kept by triggers. Content enters under the lock of the row of its size, and so do
reservations, so that who holds the lock sees figures that nobody changes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from resolvers.context import Site
from resolvers.errors import NotFound, QuotaExceeded
from storage.statements import fetch


class LimitKind(StrEnum):
    """What happens when a limit is reached: the owners are told, or nothing more may be stored."""

    WARNING = "warning"
    REJECT = "reject"


REJECT = LimitKind.REJECT
UPLOADS_ADVICE = "Cancel uploads, or wait: they end two days after their last use."


def is_enforced(site: Site) -> bool:
    """Whether quotas count at all in this installation."""
    return site.has("QUOTA_MANAGEMENT")


def has_quota(site: Site, namespace: str) -> str:
    """An SQL condition: the namespace, whose id is an SQL expression, has a quota."""
    if not is_enforced(site):
        return "FALSE"
    if site.default_reject_quota_bytes:
        return "TRUE"
    return f"EXISTS (SELECT 1 FROM quota q WHERE q.namespace_id = {namespace})"


def may_reject(site: Site, namespace: str) -> str:
    """An SQL condition: the namespace, whose id is an SQL expression, has a Reject limit."""
    if not is_enforced(site):
        return "FALSE"
    found = (
        "EXISTS (SELECT 1 FROM quota q JOIN quota_limit l ON l.quota_id = q.id"
        f" WHERE q.namespace_id = {namespace} AND l.kind = '{REJECT}')"
    )
    if not site.default_reject_quota_bytes:
        return found
    return f"({found} OR NOT EXISTS (SELECT 1 FROM quota q WHERE q.namespace_id = {namespace}))"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit of a quota: what happens from `percent` of `limit_bytes` on, and when an event told of it."""

    kind: LimitKind
    percent: int
    limit_bytes: int
    noted_at_ms: int | None = None

    @property
    def most_bytes(self) -> int:
        """The most that may be stored below a Reject limit."""
        return self.limit_bytes * self.percent // 100

    def is_reached(self, size_bytes: int) -> bool:
        """Whether so many bytes reach the threshold."""
        return size_bytes * 100 >= self.limit_bytes * self.percent


@dataclass(frozen=True, slots=True)
class Usage:
    """What a namespace stores and has reserved, by its thresholds; and about one digest, if that was asked.

    `holders` is the number of its repositories that have this content, the open transaction's included.
    `reserved_bytes` is 0 where nothing is refused.
    """

    namespace_id: int
    namespace: str
    stored_bytes: int
    reserved_bytes: int
    holders: int
    thresholds: tuple[Threshold, ...]

    @property
    def reject(self) -> Threshold | None:
        """The Reject limit that is reached first, if there is any."""
        found = [one for one in self.thresholds if one.kind == REJECT]
        return min(found, key=lambda one: one.percent) if found else None

    @property
    def highest_reached(self) -> Threshold | None:
        """The highest of the thresholds that are reached, which decides what is told."""
        found = [one for one in self.thresholds if one.is_reached(self.stored_bytes)]
        return max(found, key=lambda one: (one.percent, one.kind == REJECT)) if found else None

    def require_start(self, announced: int) -> None:
        """Raise `QuotaExceeded` if nothing more fits, or not as many bytes as are announced."""
        room = self._room()
        if room is not None and (room <= 0 or announced > room):
            self._refuse(self.stored_bytes, announced)

    def require_room(self, adding: int) -> None:
        """Raise `QuotaExceeded` if some bytes more do not fit."""
        room = self._room()
        if room is not None and adding > room:
            self._refuse(self.stored_bytes, adding)

    def require_added(self, added: int, *, field: str | None = None) -> None:
        """Raise `QuotaExceeded` if the bytes that the open transaction has added do not fit."""
        room = self._room()
        if room is not None and room < 0:
            self._refuse(self.stored_bytes - added, added, field)

    def _room(self) -> int | None:
        reject = self.reject
        return None if reject is None else reject.most_bytes - self.stored_bytes - self.reserved_bytes

    def _refuse(self, stored: int, adding: int, field: str | None = None) -> NoReturn:
        reject = self.reject
        assert reject is not None
        whole = "" if reject.percent == 100 else f" ({reject.percent}% of its quota of {reject.limit_bytes})"
        reserved = f", has reserved {self.reserved_bytes} for open uploads" if self.reserved_bytes else ""
        needed = f", and this needs {adding} more" if adding else ""
        # Without the uploads it would fit: then deleting tags is not what helps soonest.
        blocks = self.reserved_bytes > 0 and stored + adding <= reject.most_bytes
        uploads = f" {UPLOADS_ADVICE}" if blocks else ""
        raise QuotaExceeded(
            f"Quota has been exceeded on namespace {self.namespace}: it may store {reject.most_bytes} bytes"
            f"{whole}, stores {stored}{reserved}{needed}.{uploads} Deleting tags makes room once their"
            " content is collected; a superuser of the registry can raise the quota.",
            field=field,
            namespace_id=self.namespace_id,
            namespace=self.namespace,
            percent=reject.percent,
            usage_bytes=stored,
            limit_bytes=reject.limit_bytes,
        )


_THRESHOLDS = (
    "account n LEFT JOIN namespace_size s ON s.namespace_id = n.id"
    " LEFT JOIN quota q ON q.namespace_id = n.id LEFT JOIN quota_limit l ON l.quota_id = q.id"
    " LEFT JOIN quota_notice t ON t.namespace_id = n.id"
    f" AND t.kind = COALESCE(l.kind, '{REJECT}') AND t.percent = COALESCE(l.percent, 100)"
)
_RESERVED = (
    "(SELECT COALESCE(SUM(u.reserved_bytes), 0) FROM upload u"
    " WHERE u.namespace_id = ? AND u.reserved_bytes > 0 AND u.uuid <> ?)"
)
_HOLDERS = (
    "(SELECT c.holders FROM namespace_content c"
    " WHERE c.namespace_id = ? AND c.digest = ? AND c.is_manifest = ?)"
)


async def usage_of(
    site: Site, namespace_id: int, *, digest: str = "", is_manifest: bool = False, beside: str = ""
) -> Usage:
    """How full a namespace is, without what the upload `beside` has reserved; one statement.

    `holders` is about the blob or manifest with the digest. Raises `NotFound` if the namespace is gone.
    """
    default = site.default_reject_quota_bytes
    refuses = f"l.kind = '{REJECT}'" + (" OR q.id IS NULL" if default else "")
    rows = await fetch(
        "SELECT n.name, COALESCE(s.stored_bytes, 0) AS stored_bytes, q.id AS quota_id, q.limit_bytes,"
        " l.kind, l.percent, t.noted_at_ms,"
        f" CASE WHEN {refuses} THEN {_RESERVED} ELSE 0 END AS reserved_bytes,"
        f" COALESCE({_HOLDERS}, 0) AS holders FROM {_THRESHOLDS} WHERE n.id = ?",
        namespace_id,
        beside,
        namespace_id,
        digest,
        is_manifest,
        namespace_id,
    )
    if not rows:
        raise NotFound(field="namespace")
    thresholds = tuple(
        Threshold(LimitKind(row["kind"]), row["percent"], row["limit_bytes"], row["noted_at_ms"])
        for row in rows
        if row["kind"] is not None
    )
    first = rows[0]
    if first["quota_id"] is None and default:
        thresholds = (Threshold(REJECT, 100, default, first["noted_at_ms"]),)
    return Usage(
        namespace_id,
        first["name"],
        first["stored_bytes"],
        max(int(row["reserved_bytes"]) for row in rows),
        first["holders"],
        thresholds,
    )

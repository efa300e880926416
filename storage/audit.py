"""The audit log as it is written: with the events that it tells of, or in batches where nothing changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from storage.statements import insert_many


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry to write. `created_at_ms` is the time of what it tells of."""

    kind: str
    metadata: dict[str, Any]
    namespace_id: int | None
    repository_id: int | None
    performer_id: int | None
    ip: str | None
    created_at_ms: int


_COLUMNS = ("kind", "metadata", "namespace_id", "repository_id", "performer_id", "ip", "created_at_ms")


async def append_many(rows: Sequence[AuditRow]) -> None:
    """Write entries, in the open transaction if there is one."""
    await insert_many(
        "audit_log",
        _COLUMNS,
        [
            (
                row.kind,
                orjson.dumps(row.metadata).decode(),
                row.namespace_id,
                row.repository_id,
                row.performer_id,
                row.ip,
                row.created_at_ms,
            )
            for row in rows
        ],
    )


async def append(row: AuditRow) -> None:
    """Write one entry, in the open transaction."""
    await append_many([row])

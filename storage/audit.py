"""The audit log as it is written: with the events that it tells of, or in batches where nothing changes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from storage.statements import insert_many


class AuditRow(NamedTuple):
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
    """Write entries, in the open transaction if there is one.

    Entries that share their metadata, as those of pulls that are alike do, have it encoded once.
    """
    shared = {id(row.metadata): row.metadata for row in rows}
    texts = {key: orjson.dumps(metadata).decode() for key, metadata in shared.items()}
    await insert_many(
        "audit_log",
        _COLUMNS,
        [(kind, texts[id(metadata)], *rest) for kind, metadata, *rest in rows],
    )

"""Writes the audit log: with the events of a change, or in batches for pulls, which change nothing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from storage import log_text
from storage.statements import insert_many


class AuditRow(NamedTuple):
    """An audit entry to write. `created_at_ms` is the time of the action."""

    kind: str
    metadata: dict[str, Any]
    namespace_id: int | None
    repository_id: int | None
    performer_id: int | None
    ip: str | None
    created_at_ms: int


_COLUMNS = ("kind", "metadata", "namespace_id", "repository_id", "performer_id", "ip", "created_at_ms")


async def append_many(rows: Sequence[AuditRow]) -> None:
    """Insert entries, in the open transaction if there is one.

    Metadata that entries share as one object, as equal pulls do, is encoded once.
    """
    shared = {id(row.metadata): row.metadata for row in rows}
    texts = {key: log_text.encode(metadata) for key, metadata in shared.items()}
    await insert_many(
        "audit_log",
        _COLUMNS,
        [(kind, texts[id(metadata)], *rest) for kind, metadata, *rest in rows],
    )

"""Imports of advisories: each batch in one transaction, so that what was killed has written whole ones.

A record replaces the one of its name if it was modified later, whatever order they come in.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final, TypeVar

import orjson

from resolvers.advisories.locks import writing
from resolvers.advisories.osv import Outline, Record
from storage.clock import now_ms
from storage.faults import fault
from storage.jobs import enqueue, open_states
from storage.site_settings import set_site_setting
from storage.statements import Row, batches, execute, fetch, insert_many, placeholders
from storage.transactions import transaction

R = TypeVar("R", Outline, Record)

JOB: Final = "advisories.compare"
"""The job that compares advisories that an import changed with packages."""

IMPORTED_AT: Final = "advisories_imported_at_ms"
"""The setting with the time of the last import."""

BATCH_RECORDS: Final = 150
BATCH_PACKAGES: Final = 2_000
"""A batch has at most as many records, and ends with the record that brings it to as many packages."""

_ROWS: Final = 50
"""Rows of advisories in one statement, since their texts are long."""

_COLUMNS: Final = (
    *("osv_id", "summary", "details", "severity", "score", "vector", "word", "links"),
    *("published_at_ms", "modified_at_ms", "withdrawn_at_ms"),
)


@dataclass(frozen=True, slots=True)
class Written:
    """How many records were new, newer than what was there, withdrawn now, and known already."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(*(mine + more for mine, more in zip(astuple(self), astuple(other), strict=True)))


async def fresh(outlines: Sequence[Outline]) -> list[Outline]:
    """Of outlined records those that are not known yet, or were modified since."""
    return _newer(outlines, await _known([one.id for one in outlines]))


def _newer(records: Iterable[R], known: Mapping[str, Row]) -> list[R]:
    return [
        one for one in records if one.id not in known or known[one.id]["modified_at_ms"] < one.modified_at_ms
    ]


def in_batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records in batches for one transaction each."""
    batch: list[Record] = []
    packages = 0
    for record in records:
        batch.append(record)
        packages += len(record.affected)
        if len(batch) == BATCH_RECORDS or packages >= BATCH_PACKAGES:
            yield batch
            batch, packages = [], 0
    if batch:
        yield batch


async def note() -> None:
    """Remember that advisories were imported, be it that none was new; and have those compared that are."""
    await set_site_setting(IMPORTED_AT, str(now_ms()))
    # One that runs may have looked already, so that one has to wait.
    if await fetch("SELECT 1 FROM advisory_change LIMIT 1") and "waiting" not in await open_states(JOB):
        await enqueue(JOB, {})


async def write(records: Sequence[Record]) -> Written:
    """Write a batch of records, in one transaction."""
    newest: dict[str, Record] = {}
    for record in records:
        if record.id not in newest or newest[record.id].modified_at_ms < record.modified_at_ms:
            newest[record.id] = record
    async with transaction("advisories.import"):
        await writing()
        known = await _known(list(newest))
        written = _newer(newest.values(), known)
        ids = await _upsert(written)
        await _replace_packages(written, ids, [record for record in written if record.id in known])
        await insert_many(
            "advisory_change", ("advisory_id",), [(id_,) for id_ in ids.values()], unless="advisory_id"
        )
        await note()
        fault("advisories.before_commit")
    fault("advisories.after_commit")
    withdrawn = sum(
        record.withdrawn_at_ms is not None
        and (record.id not in known or known[record.id]["withdrawn_at_ms"] is None)
        for record in written
    )
    added = sum(record.id not in known and record.withdrawn_at_ms is None for record in written)
    return Written(added, len(written) - added - withdrawn, withdrawn, len(records) - len(written))


async def _known(names: list[str]) -> dict[str, Row]:
    return {
        row["osv_id"]: row
        for some in batches(names)
        for row in await fetch(
            "SELECT osv_id, modified_at_ms, withdrawn_at_ms FROM advisory"
            f" WHERE osv_id IN ({placeholders(some)})",
            *some,
        )
    }


async def _upsert(records: Sequence[Record]) -> dict[str, int]:
    """Write the rows of advisories, in place of those that are there; the ids by name."""
    ids: dict[str, int] = {}
    updates = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS if column != "osv_id")
    for some in batches(records, _ROWS):
        row = f"({placeholders(_COLUMNS)})"
        for written in await fetch(
            f"INSERT INTO advisory ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * len(some))}"
            f" ON CONFLICT (osv_id) DO UPDATE SET {updates} RETURNING id, osv_id",
            *(value for record in some for value in _values(record)),
        ):
            ids[written["osv_id"]] = written["id"]
    return ids


def _values(record: Record) -> tuple[Any, ...]:
    return (
        *(record.id, record.summary, record.details, record.severity.number, record.score, record.vector),
        *(record.word, _json(list(record.links))),
        *(record.published_at_ms, record.modified_at_ms, record.withdrawn_at_ms),
    )


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _replace_packages(
    records: Sequence[Record], ids: Mapping[str, int], replaced: Sequence[Record]
) -> None:
    """Write names and packages of advisories, in place of what `replaced` had of them."""
    for some in batches([ids[record.id] for record in replaced]):
        for table in ("advisory_name", "affected_package"):
            await execute(f"DELETE FROM {table} WHERE advisory_id IN ({placeholders(some)})", *some)
    await insert_many(
        "advisory_name",
        ("advisory_id", "name", "is_alias"),
        [
            (ids[record.id], name, name in record.aliases)
            for record in records
            for name in dict.fromkeys((*record.aliases, *record.related))
        ],
    )
    await insert_many(
        "affected_package",
        ("advisory_id", "ecosystem", "name", "severity", "spans", "versions"),
        [
            (
                *(ids[record.id], one.ecosystem, one.name, one.severity.number),
                *(_json(one.spans), _json(one.versions)),
            )
            for record in records
            for one in record.affected
        ],
    )

"""A plan and a run of auto-prune policies over 100,000 tags of one repository, each with its own manifest.

    python -m tests.bench.pruning

Works in this process, on SQLite and PostgreSQL. Memory is the growth of the peak of resident memory.
"""

import os
import time
from collections.abc import Awaitable, Callable

from resolvers.accounts.namespace import Owner
from resolvers.pruning import policy
from resolvers.pruning.policy import PruneMethod
from resolvers.pruning.run import prune
from storage.clock import DAY_MS, now_ms
from storage.statements import count_statements, execute, fetch_one, is_postgres
from storage.transactions import transaction
from tests.bench.flat import on_every_database
from tests.bench.many import numbers
from tests.bench.servers import forget_peak, peak_bytes
from tests.factories import Factory

TAGS = 100_000
STEP = 10_000
KEPT = 1_000
DAYS = 200
MIB = 1024 * 1024


async def fill(repository_id: int) -> None:
    """Write manifests and tags as rows; the tags began in the last 200 days."""
    padded = "lpad(CAST(n AS TEXT), 6, '0')" if is_postgres() else "printf('%06d', n)"
    for start in range(0, TAGS, STEP):
        span = (start, start + STEP - 1)
        async with transaction("bench.fill"):
            await execute(
                "INSERT INTO manifest (repository_id, digest, media_type, size_bytes, layers_size_bytes,"
                f" is_index, created_at_ms) SELECT CAST(? AS BIGINT), 'sha256:{'0' * 58}' || {padded},"
                f" 'application/vnd.oci.image.manifest.v1+json', 500, 0, FALSE, 1 FROM ({numbers()}) numbers",
                *(repository_id, *span),
            )
            await execute(
                "INSERT INTO tag (repository_id, name, manifest_id, started_at_ms, is_reversion,"
                " is_immutable)"
                " SELECT m.repository_id, 'v' || SUBSTR(m.digest, 66), m.id,"
                " CAST(? AS BIGINT) - (m.id % ?) * CAST(? AS BIGINT) - m.id, FALSE, FALSE FROM manifest m"
                f" JOIN ({numbers()}) numbers ON m.digest = 'sha256:{'0' * 58}' || {padded}"
                " WHERE m.repository_id = ?",
                *(now_ms(), DAYS, DAY_MS, *span, repository_id),
            )


async def measured(name: str, work: Callable[[], Awaitable[int]], unit: str = "tags") -> None:
    """Print a line: how many tags or other things, time, statements and memory."""
    pid = os.getpid()
    forget_peak(pid)
    before = peak_bytes(pid)
    started = time.perf_counter()
    with count_statements() as count:
        number = await work()
    seconds = time.perf_counter() - started
    print(
        f"{name:40} {number:7,} {unit} {seconds:7.2f} s {len(count.statements):7,} statements"
        f" {(peak_bytes(pid) - before) / MIB:7.1f} MiB",
        flush=True,
    )


async def measure(factory: Factory) -> None:
    """Fill a repository, then plan, run and run again."""
    account = await factory.user("ada")
    record = await factory.repository("ada/app")
    await fill(record.id)
    await execute("ANALYZE")
    row = await fetch_one("SELECT COUNT(*) AS number FROM tag")
    assert row is not None
    assert row["number"] == TAGS
    context = await factory.as_account("ada")
    rule = policy.rule_of(PruneMethod.NUMBER_OF_TAGS, KEPT, tag_pattern="^v")
    made = await policy.create(context, Owner(namespace="ada"), rule)

    async def run(*, is_dry_run: bool) -> int:
        return sum(
            [len(done.tags) async for done in prune(factory.context(), account.id, is_dry_run=is_dry_run)]
        )

    await measured("prune, dry run", lambda: run(is_dry_run=True))
    await policy.update(context, Owner(namespace="ada"), made.uuid, {"kept_if_pulled_within_days": 30})
    await measured("prune, dry run that asks for pulls", lambda: run(is_dry_run=True))
    await measured("prune, run", lambda: run(is_dry_run=False))
    await measured("prune, run with nothing left to delete", lambda: run(is_dry_run=False))


if __name__ == "__main__":
    on_every_database(measure, module="tests.bench.pruning")

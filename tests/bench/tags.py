"""Lists of tags and their history with 1,000, 10,000 and 100,000 tags.

    python -m tests.bench.tags

Queries GraphQL in this process. Each tag has moved twice. A flat query costs with 100,000 what it costs with
1,000.
"""

import asyncio
from functools import partial

from storage.statements import execute, fetch_one
from storage.transactions import transaction
from tests.bench.flat import SIZES, measured, on_fresh_database, report
from tests.factories import Factory
from tests.schema.client import endpoint

DAY_MS = 86_400_000
SPANS = 3
IN_HISTORY = "1970-01-02T12:00:00Z"
RECENT = "1970-01-03T00:00:00.950Z"


def _tags(arguments: str) -> str:
    return f'{{ repository(path: "ada/app") {{ tags({arguments}) {{ {PAGE} }} }} }}'


PAGE = "pageInfo { nextCursor } nodes { name startedAt manifest { digest layersSizeBytes } }"
QUESTIONS = {
    "page of 100 tags": _tags("first: 100"),
    "page of 100 spans": _tags("first: 100, isActive: false"),
    "page of 100 tags, as of": _tags(f'first: 100, asOf: "{IN_HISTORY}"'),
    "tag by name": '{ repository(path: "ada/app") { tag(name: "tag-000500") { startedAt } } }',
    "history of a tag": """{ repository(path: "ada/app") {
      tagHistory(name: "tag-000500") { nodes { kind changedAt manifest { digest } } } } }""",
    "difference, 50 changes": f"""{{ repository(path: "ada/app") {{
      tagDifference(from: "{RECENT}", to: "1970-01-03T00:00:01Z") {{
        nodes {{ name before {{ digest }} after {{ digest }} }} }} }} }}""",
}


async def fill(first: int, last: int) -> None:
    """Write tags as rows, with earlier spans that alternate between two manifests."""
    row = await fetch_one(
        "SELECT MIN(id) AS one, MAX(id) AS other, MIN(repository_id) AS place FROM manifest"
    )
    assert row is not None
    for start in range(first, last, 10_000):
        for span in range(SPANS):
            async with transaction("bench.fill"):
                await execute(
                    "WITH RECURSIVE s(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM s WHERE n < ?)"
                    " INSERT INTO tag (repository_id, name, manifest_id, started_at_ms, ended_at_ms,"
                    " is_reversion, is_immutable) SELECT ?, printf('tag-%06d', n), ?, ? + n,"
                    " CASE WHEN ? THEN NULL ELSE ? + n END, 0, 0 FROM s",
                    *(start, min(start + 10_000, last) - 1, row["place"]),
                    row["other"] if span % 2 else row["one"],
                    *(span * DAY_MS, span == SPANS - 1, (span + 1) * DAY_MS),
                )


async def measure(factory: Factory) -> None:
    """Fill the repository step by step, and print a line for each query."""
    await factory.user("ada")
    await factory.repository("ada/app")
    for layer in (b"one", b"other"):
        await factory.image("ada/app", layer)
    token = await factory.token("ada")
    found: dict[str, list[tuple[float, int]]] = {}
    size = 0
    async with endpoint(factory) as client:
        for target in SIZES:
            await fill(size, target)
            size = target
            await execute("ANALYZE")
            for question, document in QUESTIONS.items():
                ask = partial(client.with_token(token).data, document)
                found.setdefault(question, []).append(await measured(ask))
    report(found)


if __name__ == "__main__":
    asyncio.run(on_fresh_database(measure))

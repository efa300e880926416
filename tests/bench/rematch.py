"""The comparison of 200,000 new advisories with the packages of 10,000 images.

    python -m tests.bench.rematch

Works in this process, on SQLite and PostgreSQL; no layer is read. Every hundredth advisory is about a package
that images have, in versions that some of them have. The second run finds everything known. Memory is the
growth of the peak of resident memory.
"""

from resolvers.job_kinds import Run
from resolvers.repositories.repository import Visibility
from resolvers.scan.rematch import compare
from storage.statements import execute, fetch_one
from storage.transactions import transaction
from tests.bench.flat import on_every_database
from tests.bench.inside import OWN, SHARED, each, fill
from tests.bench.pruning import measured
from tests.factories import Factory
from tests.scanning import tools

ADVISORIES = 200_000


async def fill_advisories() -> None:
    """Write advisories as rows, each about one package."""
    names = f"CASE WHEN n % 200 = 0 THEN 'base-' || (n / 200 % {SHARED})"
    names += f" WHEN n % 100 = 0 THEN 'own-' || (n / 100 % {OWN}) ELSE 'other-' || (n / 4) END"
    await each(
        ADVISORIES,
        "INSERT INTO advisory (id, osv_id, summary, details, severity, links, modified_at_ms)"
        " SELECT 1000000 + n, 'R-' || n, 'A flaw.', 'It is bad.', n % 6, '[]', 0 FROM {numbers}",
    )
    await each(
        ADVISORIES,
        "INSERT INTO affected_package (advisory_id, ecosystem, name, severity, spans, versions)"
        f" SELECT 1000000 + n, 'PyPI', {names}, n % 6, '[[\"0\", \"1.2\", null]]', '[]' FROM {{numbers}}",
    )
    await note_changes()
    await execute("ANALYZE")


async def note_changes() -> None:
    """Have all of them compared by the next run."""
    async with transaction("bench.fill"):
        await execute("INSERT INTO advisory_change (advisory_id) SELECT id FROM advisory WHERE id > 1000000")


async def measure(factory: Factory) -> None:
    """Fill, compare, and compare again."""
    await factory.user("ada")
    private = await factory.repository("ada/private")
    public = await factory.repository("ada/public", visibility=Visibility.PUBLIC)
    await fill(private.id, public.id)
    await execute("INSERT INTO compared_package (package_id) SELECT id FROM package")
    await fill_advisories()

    async def run() -> int:
        assert await compare(Run({}, tools(factory)))
        return ADVISORIES

    await measured("advisories, all new", run, "advisories")
    await note_changes()
    await measured("advisories, known", run, "advisories")
    row = await fetch_one("SELECT COUNT(*) AS found FROM vulnerability")
    told = await fetch_one("SELECT COUNT(*) AS told FROM event WHERE kind = 'vulnerability_found'")
    assert row is not None
    assert told is not None
    print(f"{row['found']:,} packages are concerned, and {told['told']:,} times an image was told of.")


if __name__ == "__main__":
    on_every_database(measure, module="tests.bench.rematch")

"""Which images have a package or flaws, among 10,000 with 300 packages each; and what charts of all cost.

    python -m tests.bench.inside

Queries GraphQL in this process, on SQLite and PostgreSQL. A hundred images share a base of 250 packages each;
50 are of each image itself. `ada` owns all; `bob` may see every hundredth, whose repository is public. Each
package has an advisory, of 400, for charts.
"""

import time
from functools import partial

from resolvers.repositories.repository import Visibility
from resolvers.scan import sampling
from storage.statements import execute, fetch_one
from storage.transactions import transaction
from tests.bench.flat import measured, on_every_database
from tests.bench.many import numbers
from tests.factories import Factory
from tests.schema.client import GraphQL, endpoint

IMAGES, SHARED, OWN, BASES = 10_000, 250, 50, 100
CONFIG = "application/vnd.oci.image.config.v1+json"

ASK = """{{ packageSearch(name: "{}"{}) {{ images(first: 50) {{ nodes {{
  repository {{ path }} manifest {{ digest }} packages {{ version }} }} }} }} }}"""
COUNT = """{{ packageSearch(name: "{}") {{ images(first: 50) {{ totalCount nodes {{
  repository {{ path }} manifest {{ digest }} }} }} }} }}"""
CONCERNED = """{{ vulnerabilitySearch(id: "A-1") {{ images(first: 50{}) {{ {} nodes {{
  repository {{ path }} manifest {{ digest }} }} }} }} }}"""
VULNERABLE = """{ repository(path: "ada/public") { manifests(first: 50) { nodes { digest
  vulnerabilities(first: 20) { nodes { severity fixedVersion advisory { name summary }
    package { path addedBy package { name version } } } } } } } }"""
SUMMED = """{ repository(path: "ada/public") { manifests(first: 50) { nodes { digest
  vulnerabilitySummary { count fixableCount suppressedCount worst } } } } }"""
QUESTIONS = {
    "in all, of their bases": ASK.format("base-7", ""),
    "in all, of their own": ASK.format("own-7", ""),
    "in all, some versions": ASK.format("own-7", ', versionRange: ">=1.2 <1.4", ecosystem: PYPI'),
    "in the oldest fifth": ASK.format("old", ""),
    "in ten": ASK.format("rare", ""),
    "in none": ASK.format("absent", ""),
    "in all, counted": COUNT.format("base-7"),
    "in all, of their own, counted": COUNT.format("own-7"),
    "in the oldest fifth, counted": COUNT.format("old"),
    "in ten, counted": COUNT.format("rare"),
    "with an advisory, in all": CONCERNED.format("", ""),
    "with an advisory, counted": CONCERNED.format("", "totalCount"),
    "with an advisory that counts": CONCERNED.format(", suppressed: false", "totalCount"),
    "vulnerabilities of 50 images": VULNERABLE,
    "summaries of 50 images": SUMMED,
}


async def each(last: int, statement: str, *values: object) -> None:
    """Execute an INSERT … SELECT for the numbers from 1 to the last, as `n`."""
    async with transaction("bench.fill"):
        await execute(statement.format(numbers=f"({numbers()}) numbers"), *values, 1, last)


async def fill(private: int, public: int) -> None:
    """Write images as rows: layers, packages, tags. Layers 1 to 100 are bases."""
    layers = BASES + IMAGES
    await each(
        layers,
        "INSERT INTO blob (id, digest, size_bytes, state, created_at_ms)"
        " SELECT n, 'sha256:l' || n, 1, 'stored', 0 FROM {numbers}",
    )
    await each(
        layers,
        "INSERT INTO scanned_layer (id, blob_id, digest, state, version, scanned_at_ms, size_bytes,"
        " entry_count, problems) SELECT n, n, 'sha256:l' || n, 'scanned', 1, 0, 1, 1, '[]' FROM {numbers}",
    )
    await each(
        layers,
        "INSERT INTO package_file (id, layer_id, path, parser) SELECT n, n, 'p' || n, 'x' FROM {numbers}",
    )
    # 20 versions of each package of images, two of those of bases.
    version = "'1.' || (n / {})".format
    package = (
        "INSERT INTO package (id, key, ecosystem, distribution_name, distribution_version, name, version,"
        " source_name, source_version, architecture) SELECT {id}, '{kind}' || n, 'pypi', '', '', {name},"
        " {version}, '', '', '' FROM {{numbers}}"
    )
    await each(
        2 * SHARED,
        package.format(id="n", kind="b", name=f"'base-' || (n % {SHARED})", version=version(SHARED)),
    )
    await each(
        20 * OWN,
        package.format(id="1000 + n", kind="o", name=f"'own-' || (n % {OWN})", version=version(OWN)),
    )
    await each(
        2,
        package.format(
            id="5000 + n", kind="s", name="CASE n WHEN 1 THEN 'old' ELSE 'rare' END", version="'1.0'"
        ),
    )
    found = "INSERT INTO found_package (file_id, package_id) SELECT {} FROM {{numbers}}"
    await each(BASES * SHARED, found.format(f"1 + (n - 1) / {SHARED}, 1 + (n - 1) % {2 * SHARED}"))
    await each(
        IMAGES * OWN, found.format(f"{BASES + 1} + (n - 1) / {OWN}, 1001 + (n * 7 + n / {OWN}) % {20 * OWN}")
    )
    await each(IMAGES // 5, found.format(f"{BASES} + n, 5001"))
    await each(10, found.format(f"{BASES} + n * 1000, 5002"))
    await each(
        IMAGES,
        "INSERT INTO manifest (id, repository_id, digest, media_type, size_bytes, is_index,"
        " layers_size_bytes, created_at_ms, config_media_type) SELECT n,"
        " CASE WHEN n % 100 = 0 THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) END,"
        f" 'sha256:m' || n, 'x', 1, FALSE, 1, n, '{CONFIG}' FROM {{numbers}}",
        public,
        private,
    )
    for position, layer in ((0, f"1 + n % {BASES}"), (1, f"{BASES} + n")):
        await each(
            IMAGES,
            "INSERT INTO manifest_blob (manifest_id, digest, role, position, media_type, size_bytes,"
            f" is_distributable) SELECT n, 'sha256:l' || ({layer}), 'layer', {position}, 'x', 1, TRUE"
            " FROM {numbers}",
        )
    await each(
        IMAGES,
        "INSERT INTO manifest_scan (manifest_id, state, version) SELECT n, 'scanned', 1 FROM {numbers}",
    )
    await each(
        IMAGES,
        "INSERT INTO tag (repository_id, name, manifest_id, started_at_ms, is_reversion, is_immutable)"
        " SELECT CASE WHEN n % 100 = 0 THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) END, 't' || n, n, 1,"
        " FALSE, FALSE FROM {numbers}",
        public,
        private,
    )
    await execute(
        "INSERT INTO advisory (id, osv_id, summary, details, severity, links, modified_at_ms)"
        " VALUES (1, 'A-1', '', '', 0, '[]', 0)"
    )
    await execute(
        "INSERT INTO vulnerability (package_id, advisory_id, severity)"
        " SELECT p.id, 1, 0 FROM package p WHERE p.name = 'base-7'"
    )
    await each(
        400,
        "INSERT INTO advisory (id, osv_id, summary, details, severity, links, modified_at_ms)"
        " SELECT 1 + n, 'B-' || n, '', '', 0, '[]', 0 FROM {numbers}",
    )
    await execute(
        "INSERT INTO vulnerability (package_id, advisory_id, severity)"
        " SELECT p.id, 2 + p.id % 400, p.id % 6 FROM package p"
    )
    await execute("ANALYZE")


async def fill_vulnerabilities() -> None:
    """Write an advisory with a long text for each package, beside that of the searches."""
    await each(
        6_000,
        "INSERT INTO advisory (id, osv_id, summary, details, severity, links, modified_at_ms)"
        " SELECT 1000 + n, 'V-' || n, 'A flaw.', CAST(? AS TEXT), n % 6, '[]', 0 FROM {numbers}",
        "It is bad. " * 200,
    )
    await execute(
        "INSERT INTO vulnerability (package_id, advisory_id, severity, fixed_version)"
        " SELECT p.id, 1000 + p.id, p.id % 6, CASE WHEN p.id % 2 = 0 THEN '2' END FROM package p"
    )
    await execute("ANALYZE")


HISTORY = """{{ repository(path: "ada/{}") {{ vulnerabilityHistory {{ count severities {{ count }} }} }} }}"""


async def measure_charts(client: GraphQL, private_id: int) -> None:
    """The job that counts for charts, on its first run and later ones, and what a chart costs."""
    reasons = {
        "first": None,
        "nothing changed": None,
        "a tag fewer": f"UPDATE tag SET has_ended = TRUE WHERE repository_id = {private_id} AND name = 't7'",
        "advisories changed": "INSERT INTO findings_revision (id, number) VALUES (2, 1)",
    }
    for reason, change in reasons.items():
        if change:
            await execute(change)
        started = time.perf_counter()
        counted = await sampling.sample()
        print(f"counts for charts, {reason:20}{time.perf_counter() - started:8.2f} s  {counted} repositories")
    for name in ("public", "private"):
        ms, count = await measured(partial(client.data, HISTORY.format(name)))
        print(f"chart of the repository {name:10}{ms:10.2f} ms {count:2} stmts")
    await execute("DELETE FROM repository_severity")
    ms, _ = await measured(partial(client.data, HISTORY.format("public")))
    print(f"the same, counted at the moment   {ms:10.2f} ms", flush=True)


async def measure(factory: Factory) -> None:
    """Fill, and ask everything as either."""
    await factory.user("ada")
    await factory.user("bob")
    private = await factory.repository("ada/private")
    public = await factory.repository("ada/public", visibility=Visibility.PUBLIC)
    await fill(private.id, public.id)
    await fill_vulnerabilities()
    row = await fetch_one("SELECT COUNT(*) AS number FROM found_package")
    assert row is not None
    print(f"{IMAGES:,} images, {row['number']:,} places of packages{'ada':>12}{'bob':>22}")
    async with endpoint(factory) as client:
        clients = [client.with_token(await factory.token(name)) for name in ("ada", "bob")]
        for question, asked in QUESTIONS.items():
            cells = [await measured(partial(one.data, asked)) for one in clients]
            print(
                f"{question:34}" + "".join(f"{ms:10.2f} ms {count:2} stmts" for ms, count in cells),
                flush=True,
            )
        await measure_charts(clients[0], private.id)


if __name__ == "__main__":
    on_every_database(measure, module="tests.bench.inside")

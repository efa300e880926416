"""What is in images through GraphQL: how far it is known, and packages, as layers combine them."""

import asyncio

import pytest

from quayside.scan import driver
from resolvers.job_kinds import Run
from resolvers.manifests import examination
from resolvers.scan import jobs
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quayside.workers.contents import DAY_MS, backdate, collected, end_tags
from tests.scanning import RELEASE, STATUS, layer, python_package, scan_others, scan_pushed, status, tools
from tests.schema.client import GraphQL, Json

SCAN = """
query ($path: RepositoryPath! = "ada/app", $digest: Digest!, $search: String, $ecosystem: PackageEcosystem,
       $first: Int! = 50, $after: Cursor) {
  repository(path: $path) { manifest(digest: $digest) {
    scan {
      state reason scannedAt distribution { name version } images { state count } problems { path reason } }
    packages(search: $search, ecosystem: $ecosystem, first: $first, after: $after) {
      totalCount pageInfo { nextCursor }
      nodes { path layerDigest addedBy package {
        ecosystem name version sourceName sourceVersion architecture purl
        distribution { name version } } } } } } }
"""


async def look(client: GraphQL, digest: str, **variables: object) -> Json:
    """The scan and the packages of a manifest."""
    found: Json = (await client.data(SCAN, digest=digest, **variables))["repository"]["manifest"]
    return found


async def versions(client: GraphQL, digest: str) -> dict[str, str]:
    """The versions of its packages by name."""
    nodes = (await look(client, digest))["packages"]["nodes"]
    return {node["package"]["name"]: node["package"]["version"] for node in nodes}


async def test_layers_combine_to_the_packages_of_an_image(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    base = layer({**RELEASE, STATUS: status(bash="5.2-1", curl="8.0-1")})
    upgrade = layer({STATUS: status(bash="5.2-1", curl="8.0-2"), **python_package("flask", "3.0.0")})
    top = layer({**python_package("jinja2", "3.1.4")})
    digest = await factory.image("ada/app", base, upgrade, top, tag="v1")
    queued = await look(ada, digest)
    assert queued["scan"]["state"] == "QUEUED"
    assert queued["scan"]["scannedAt"] is None
    assert queued["packages"] is None

    assert await scan_pushed(factory) == ["The image is scanned."]

    found = await look(ada, digest)
    scan = found["scan"]
    assert scan.pop("scannedAt") is not None
    assert scan == {
        "state": "SCANNED",
        "reason": None,
        "distribution": {"name": "debian", "version": "12"},
        "images": None,
        "problems": [],
    }
    first, second, third = map(kit.digest_of, (base, upgrade, top))
    site_packages = "usr/lib/python3/site-packages/{}.dist-info/METADATA"
    nodes = found["packages"]["nodes"]
    assert [
        (node["package"]["name"], node["path"], node["layerDigest"], node["addedBy"]) for node in nodes
    ] == [
        ("bash", STATUS, second, first),
        ("curl", STATUS, second, second),
        ("flask", site_packages.format("flask-3.0.0"), second, second),
        ("jinja2", site_packages.format("jinja2-3.1.4"), third, third),
    ]
    assert nodes[1]["package"] == {
        "ecosystem": "DEB",
        "name": "curl",
        "version": "8.0-2",
        "sourceName": None,
        "sourceVersion": None,
        "architecture": "amd64",
        "distribution": {"name": "debian", "version": "12"},
        "purl": "pkg:deb/debian/curl@8.0-2?arch=amd64&distro=debian-12",
    }
    assert nodes[2]["package"]["distribution"] is None
    found = await look(ada, digest, ecosystem="PYPI", search="NJA")
    assert [node["package"]["name"] for node in found["packages"]["nodes"]] == ["jinja2"]
    seen, cursor = [], None
    for _ in range(4):
        page = (await look(ada, digest, first=1, after=cursor))["packages"]
        assert page["totalCount"] == 4
        seen += [node["package"]["name"] for node in page["nodes"]]
        cursor = page["pageInfo"]["nextCursor"]
    assert seen == ["bash", "curl", "flask", "jinja2"]
    assert cursor is None


@pytest.mark.parametrize(
    ("upper", "left"),
    [
        ({}, {"flask", "bash"}),
        ({"usr/lib/python3/site-packages/.wh.flask-3.0.0.dist-info": b""}, {"bash"}),
        ({"usr/lib/.wh.python3": b""}, {"bash"}),
        ({"usr/lib/python3/.wh..wh..opq": b""}, {"bash"}),
        ({"usr/lib/python3/.wh..wh..opq": b"", **python_package("new", "1")}, {"bash", "new"}),
        ({".wh..wh..opq": b""}, set()),
        # A link in the place of the directory hides what was in it.
        ({"usr/lib/python3": "../python"}, {"bash"}),
        ({STATUS: "elsewhere"}, {"flask"}),
        ({STATUS: b""}, {"flask"}),
        # Names that only begin alike are others.
        ({"usr/lib/.wh.python": b"", "var/lib/dpkg/.wh.stat": b""}, {"flask", "bash"}),
    ],
)
async def test_what_layers_take_away_is_not_in_the_image(
    factory: Factory, ada: GraphQL, upper: dict[str, bytes | str], left: set[str]
) -> None:
    await factory.repository("ada/app")
    lower = layer({STATUS: status(bash="1"), **python_package("flask", "3.0.0")})
    whole = await factory.image("ada/app", lower)
    digest = await factory.image("ada/app", lower, layer(upper))
    await scan_pushed(factory)
    assert set(await versions(ada, digest)) == left
    assert set(await versions(ada, whole)) == {"bash", "flask"}


async def test_layers_are_read_once_and_may_learn_their_distribution_from_another(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    read = []
    scan = driver.ChildScanner.scan

    async def noting(self: driver.ChildScanner, content: object, size_bytes: int) -> object:
        read.append(size_bytes)
        return await scan(self, content, size_bytes)  # type: ignore[arg-type]

    monkeypatch.setattr(driver.ChildScanner, "scan", noting)
    # As images are that have a layer for each package, in the order of their names.
    packages, release = layer({"var/lib/dpkg/status.d/a": status(a="1")}), layer(RELEASE)
    one = await factory.image("ada/app", packages, release)
    two = await factory.image("ada/app", packages, release, release, layer({"x": b""}))
    await scan_pushed(factory)
    assert len(read) == 3
    for digest in (one, two):
        (node,) = (await look(ada, digest))["packages"]["nodes"]
        assert node["package"]["distribution"] == {"name": "debian", "version": "12"}


async def test_states_say_why_there_is_nothing(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    good, bad = layer(python_package("flask", "3.0.0")), layer({"../x": b""})
    scanned = await factory.image("ada/app", good)
    failed = await factory.image("ada/app", good, bad)
    chart = kit.image_document(good) | {
        "config": kit.descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json")
    }
    await factory.blob("ada/app", b"{}")
    unsupported = await factory.manifest("ada/app", chart)
    attestation = kit.image_document() | {"layers": [kit.descriptor(b"{}", "application/vnd.in-toto+json")]}
    attested = await factory.manifest("ada/app", attestation)
    await scan_pushed(factory)

    async def state(digest: str) -> tuple[str, str | None]:
        found = await look(ada, digest)
        assert (found["packages"] is None) == (found["scan"]["state"] != "SCANNED")
        return found["scan"]["state"], found["scan"]["reason"]

    assert await state(scanned) == ("SCANNED", None)
    assert await state(failed) == ("FAILED", "The layer has a path that leads out of it: ../x.")
    assert await state(unsupported) == ("UNSUPPORTED", "It is no image of a container.")
    assert await state(attested) == (
        "UNSUPPORTED",
        "A layer has the media type application/vnd.in-toto+json, which is no tar.",
    )

    async def index(*digests: str) -> Json:
        children = [await factory.descriptor(digest) for digest in digests]
        made = await factory.manifest("ada/app", kit.index_document(manifests=children))
        found = await look(ada, made)
        assert found["packages"] is None
        return found["scan"]

    whole = await index(scanned, attested)
    assert (whole["state"], whole["images"]) == (
        "SCANNED",
        [{"state": "SCANNED", "count": 1}, {"state": "UNSUPPORTED", "count": 1}],
    )
    assert (await index(scanned, failed))["state"] == "FAILED"
    assert (await index(attested))["state"] == "UNSUPPORTED"
    late = await factory.image("ada/app", good, config=b'{"os":"linux"}')
    assert (await index(scanned, late))["state"] == "QUEUED"


async def test_images_that_no_job_is_for_are_scanned_in_time(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", layer(python_package("flask", "3.0.0")))
    await execute("DELETE FROM job")
    assert await scan_others(factory) == "0 images were scanned."
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - 700000")
    assert await scan_others(factory) == "1 images were scanned."
    assert await versions(ada, digest) == {"flask": "3.0.0"}
    assert await scan_others(factory) == "0 images were scanned."
    # A later version of the scanner finds more, and leaves nothing behind that nobody has.
    await execute("UPDATE scanned_layer SET version = 0")
    await execute("UPDATE manifest_scan SET version = 0")
    await execute("UPDATE package SET name = 'old', key = 'old'")
    assert await scan_others(factory) == "1 images were scanned."
    assert await versions(ada, digest) == {"flask": "3.0.0"}
    assert [row["name"] for row in await fetch("SELECT name FROM package")] == ["flask"]


async def test_two_scans_of_one_image_at_once_do_no_harm(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", layer({STATUS: status(a="1")}), layer({STATUS: status(b="1")}))
    (row,) = await fetch("SELECT id FROM manifest WHERE digest = ?", digest)
    made = tools(factory)
    scans = [jobs.scan(Run({}, made), made.scanner, row["id"]) for _ in range(2)]
    outcomes = await asyncio.gather(*scans)
    assert [outcome.state for outcome in outcomes if outcome] == ["scanned", "scanned"]
    assert await versions(ada, digest) == {"b": "1"}


async def test_an_image_whose_layer_is_not_there_waits(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.repository("ada/other")
    content = layer(python_package("flask", "3.0.0"))
    digest = await factory.image("ada/app", content)
    await execute(
        "DELETE FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)",
        kit.digest_of(content),
    )
    # Whoever else has it, its content is not told.
    await factory.blob("ada/other", content)
    await scan_pushed(factory)
    found = await look(ada, digest)
    assert (found["scan"]["state"], found["scan"]["reason"]) == (
        "QUEUED",
        "Layers of the image are not in the registry yet.",
    )
    assert found["packages"] is None
    # It is looked at again soon, later, and in the end with all others.
    waits = []
    while rows := await fetch(
        "SELECT run_at_ms - created_at_ms AS waits FROM job WHERE kind = ?", examination.SCAN
    ):
        waits += [row["waits"] // 1000 for row in rows]
        await scan_pushed(factory)
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1920]
    await factory.blob("ada/app", content)
    await execute("UPDATE manifest SET created_at_ms = 0")
    assert await scan_others(factory) == "0 images were scanned."
    await execute("UPDATE manifest_scan SET due_at_ms = 0")
    assert await scan_others(factory) == "1 images were scanned."
    assert await versions(ada, digest) == {"flask": "3.0.0"}


async def test_who_names_a_layer_of_others_learns_nothing_of_it(factory: Factory, ada: GraphQL) -> None:
    for name in ("app", "other"):
        await factory.repository(f"ada/{name}")
    content = layer({"srv/node_modules/left/package.json": b"{"})
    digest = await factory.image("ada/app", content)
    document = kit.image_document(content)
    document["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    await factory.blob("ada/other", kit.CONFIG)
    other = await factory.manifest("ada/other", document)
    await scan_pushed(factory)

    (problem,) = (await look(ada, digest))["scan"]["problems"]
    assert problem["path"] == "srv/node_modules/left/package.json"
    scan = (await look(ada, other, path="ada/other"))["scan"]
    assert (scan["state"], scan["problems"]) == ("UNSUPPORTED", [])


async def test_images_that_came_while_nothing_was_scanned_are_scanned_later(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.repository("ada/app")
    without = factory.without_features("SECURITY_SCANNER")
    digest = await without.image("ada/app", layer(python_package("flask", "3.0.0")))
    assert await fetch("SELECT id FROM job WHERE kind = ?", examination.SCAN) == []
    assert (await look(ada, digest))["scan"]["state"] == "QUEUED"
    await execute("UPDATE manifest SET created_at_ms = created_at_ms - 700000")
    assert await scan_others(factory) == "1 images were scanned."
    assert await versions(ada, digest) == {"flask": "3.0.0"}


async def test_what_was_found_goes_with_the_content(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    for tag in ("v1", "v2"):
        layers = (layer({STATUS: status(a="1")}), layer({STATUS: status(b=tag)}))
        await factory.image("ada/app", *layers, tag=tag)
    await scan_pushed(factory)
    tables = (
        "scanned_layer",
        "layer_listing",
        "package_file",
        "found_package",
        "manifest_scan",
        "hidden_file",
    )

    async def left() -> list[str]:
        return [table for table in tables if await fetch(f"SELECT 1 AS one FROM {table} LIMIT 1")]

    assert await left() == list(tables)
    # The history of tags still names them.
    await end_tags("v%", ago_ms=10 * DAY_MS)
    await execute("UPDATE account SET tag_expiration_s = 604800")
    await backdate()
    await collected(factory.blobs)
    await backdate()
    await collected(factory.blobs)
    assert await left() == []
    await scan_others(factory)
    assert await fetch("SELECT 1 AS one FROM package") == []


async def test_lists_of_images_cost_as_much_as_one(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    document = """{ repository(path: "ada/app") { manifests(first: %s) { nodes {
      scan { state problems { path } } packages { nodes { addedBy package { name } } } } } } }"""
    for number in range(4):
        await factory.image("ada/app", layer(python_package(f"p{number}", "1")))
    await scan_pushed(factory)
    counted = []
    for first in (1, 4):
        with count_statements() as count:
            found = await ada.data(document % first)
        nodes = found["repository"]["manifests"]["nodes"]
        assert [len(node["packages"]["nodes"]) for node in nodes] == [1] * first
        counted.append(len(count.statements))
    assert counted[0] == counted[1]


async def test_a_copy_is_scanned_as_soon_as_a_push(factory: Factory, ada: GraphQL) -> None:
    for name in ("app", "prod"):
        await factory.repository(f"ada/{name}")
    digests = [await factory.image("ada/app", layer(python_package(name, "1"))) for name in ("a", "b")]
    children = [await factory.descriptor(digest) for digest in digests]
    index = await factory.manifest("ada/app", kit.index_document(manifests=children))
    await scan_pushed(factory)
    copy = """mutation { tagCopy(from: { repository: "ada/app", manifestDigest: "%s" },
      to: [{ repository: "ada/prod", tag: "v1" }]) { errors { message } } }"""

    assert (await ada.data(copy % index))["tagCopy"]["errors"] == []
    assert (await look(ada, digests[0], path="ada/prod"))["scan"]["state"] == "QUEUED"
    assert await scan_pushed(factory) == ["The image is scanned."] * 2

    assert (await look(ada, index, path="ada/prod"))["scan"]["state"] == "SCANNED"
    nodes = (await look(ada, digests[1], path="ada/prod"))["packages"]["nodes"]
    assert [node["package"]["name"] for node in nodes] == ["b"]
    # What is there already is not scanned anew.
    await ada.data(copy % index)
    assert await scan_pushed(factory) == []

"""Two images compared: configurations, layers, packages and vulnerabilities, and what is told to whom."""

import json
from typing import Any

import pytest

from resolvers.advisories import imports
from resolvers.job_kinds import Run
from resolvers.scan import rematch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.resolvers.advisories.records import SCORE_7_5, concerned, record, write
from tests.scanning import RELEASE, STATUS, layer, python_package, scan_pushed, status, tools
from tests.schema.client import GraphQL, Json

DIFF = """
query ($from: ManifestInput!, $to: ManifestInput!) { manifestDiff(from: $from, to: $to) { %s } }
"""
HINDRANCES = "from { digest } to { digest } hindrances { part reason }"


async def look(client: GraphQL, wanted: str, before: Json, later: Json) -> Json:
    """What is wanted of a comparison."""
    data = await client.data(DIFF % wanted, **{"from": before, "to": later})
    found: Json = data["manifestDiff"]
    return found


def image(digest: str, repository: str = "ada/app") -> Json:
    """An image by its digest."""
    return {"repository": repository, "digest": digest}


def config(**settings: Any) -> bytes:
    """A configuration with settings."""
    inside = {key: settings.pop(key) for key in [*settings] if key[0].isupper()}
    return json.dumps({"os": "linux", "architecture": "amd64", **settings, "config": inside}).encode()


async def test_configurations_are_compared_by_setting(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.repository("ada/other")
    before = config(
        Env=["PATH=/bin", "A=1", "B=x=y"],
        Cmd=["run"],
        Entrypoint=["/init", "--"],
        Labels={"v": "1", "kept": "k", "odd": 5},
        User="root",
        ExposedPorts={"80/tcp": {}},
        Healthcheck={"Test": ["CMD", "true"]},
        created="2026-01-01T00:00:00Z",
    )
    later = config(
        Env=["PATH=/bin", "B=x=z", "C="],
        Cmd=["run", "fast"],
        Labels={"v": "2", "kept": "k"},
        User="",
        WorkingDir="/srv",
        ExposedPorts={"443/tcp": {}},
        Volumes={"/data": {}},
        StopSignal="SIGINT",
        architecture="arm64",
        variant="v8",
        created="2026-02-01T00:00:00Z",
    )
    one = await factory.image("ada/app", b"layer", config=before)
    await factory.image("ada/other", b"layer", config=later, tag="v2")
    wanted = """config(first: 100) { totalCount nodes { setting key change from to } }
      hindrances { part reason }"""
    found = await look(ada, wanted, image(one), {"repository": "ada/other", "tag": "v2"})
    assert [tuple(node.values()) for node in found["config"]["nodes"]] == [
        ("ENTRYPOINT", None, "REMOVED", ["/init", "--"], None),
        ("CMD", None, "CHANGED", ["run"], ["run", "fast"]),
        ("USER", None, "REMOVED", ["root"], None),
        ("WORKING_DIR", None, "ADDED", None, ["/srv"]),
        ("STOP_SIGNAL", None, "ADDED", None, ["SIGINT"]),
        ("HEALTHCHECK", None, "REMOVED", ["CMD", "true"], None),
        ("ENV", "A", "REMOVED", ["1"], None),
        ("ENV", "B", "CHANGED", ["x=y"], ["x=z"]),
        ("ENV", "C", "ADDED", None, [""]),
        ("LABEL", "v", "CHANGED", ["1"], ["2"]),
        ("EXPOSED_PORT", "443/tcp", "ADDED", None, []),
        ("EXPOSED_PORT", "80/tcp", "REMOVED", [], None),
        ("VOLUME", "/data", "ADDED", None, []),
        ("ARCHITECTURE", None, "CHANGED", ["amd64"], ["arm64"]),
        ("VARIANT", None, "ADDED", None, ["v8"]),
        ("CREATED", None, "CHANGED", ["2026-01-01T00:00:00Z"], ["2026-02-01T00:00:00Z"]),
    ]
    assert found["config"]["totalCount"] == 16
    waits = "`from` waits for its scan."
    assert found["hindrances"] == [
        {"part": part, "reason": waits} for part in ("FILES", "PACKAGES", "VULNERABILITIES")
    ]
    same = await look(ada, "config { totalCount }", image(one), image(one))
    assert same == {"config": {"totalCount": 0}}


async def test_layers_are_compared_by_digest(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    base, old, moved, new = b"base" * 10, b"old", b"moved!", b"new" * 5
    before = await factory.image("ada/app", base, old, moved)
    later = await factory.image("ada/app", base, moved, new, new)
    found = await look(
        ada,
        """layers { common { index digest } shared { index digest } removed { index digest }
        added { index digest } commonBytes sharedBytes removedBytes addedBytes }""",
        image(before),
        image(later),
    )
    assert found["layers"] == {
        "common": [{"index": 0, "digest": kit.digest_of(base)}],
        "shared": [{"index": 1, "digest": kit.digest_of(moved)}],
        "removed": [{"index": 1, "digest": kit.digest_of(old)}],
        "added": [{"index": 2, "digest": kit.digest_of(new)}, {"index": 3, "digest": kit.digest_of(new)}],
        "commonBytes": 40,
        "sharedBytes": 6,
        "removedBytes": 3,
        "addedBytes": 15,
    }


PACKAGES = """packages { addedCount removedCount changedCount
  changes(first: %d%s) { totalCount pageInfo { nextCursor }
    nodes { ecosystem name change fromVersions toVersions } } }"""


@pytest.fixture
async def pair(factory: Factory) -> tuple[Json, Json]:
    """Two scanned images with packages and vulnerabilities."""
    await factory.repository("ada/app")
    base = layer({**RELEASE, STATUS: status(libflaw="1.2-1", curl="8.0-1", gone="1")})
    upper = layer({STATUS: status(libflaw="1.3-1", curl="8.0-1"), **python_package("flask", "3.0.0")})
    twice = layer(
        {
            "a/node_modules/x/package.json": b'{"name": "x", "version": "1.0.0"}',
            "b/node_modules/x/package.json": b'{"name": "x", "version": "2.0.0"}',
        }
    )
    once = layer({"a/node_modules/x/package.json": b'{"name": "x", "version": "2.0.0"}'})
    before = await factory.image("ada/app", base, twice)
    later = await factory.image("ada/app", base, upper, once)
    await scan_pushed(factory, is_near=True)
    return image(before), image(later)


async def test_packages_are_compared_by_their_versions(ada: GraphQL, pair: tuple[Json, Json]) -> None:
    found = (await look(ada, PACKAGES % (50, ""), *pair))["packages"]
    assert (found["addedCount"], found["removedCount"], found["changedCount"]) == (1, 1, 2)
    nodes = [tuple(node.values()) for node in found["changes"]["nodes"]]
    assert nodes == [
        ("PYPI", "flask", "ADDED", [], ["3.0.0"]),
        ("DEB", "gone", "REMOVED", ["1"], []),
        ("DEB", "libflaw", "CHANGED", ["1.2-1"], ["1.3-1"]),
        ("NPM", "x", "CHANGED", ["1.0.0", "2.0.0"], ["2.0.0"]),
    ]
    seen, more = [], ""
    while True:
        page = (await look(ada, PACKAGES % (1, more), *pair))["packages"]["changes"]
        assert page["totalCount"] == 4
        seen += [tuple(node.values()) for node in page["nodes"]]
        if page["pageInfo"]["nextCursor"] is None:
            break
        more = f', after: "{page["pageInfo"]["nextCursor"]}"'
    assert seen == nodes
    for more, names in (
        (", change: CHANGED", ["libflaw", "x"]),
        (", ecosystem: DEB", ["gone", "libflaw"]),
        (", ecosystem: DEB, change: ADDED", []),
    ):
        changes = (await look(ada, PACKAGES % (50, more), *pair))["packages"]["changes"]
        assert [node["name"] for node in changes["nodes"]] == names
        assert changes["totalCount"] == len(names)
    back = (await look(ada, PACKAGES % (1, ""), pair[1], pair[0]))["packages"]
    assert (back["addedCount"], back["removedCount"], back["changedCount"]) == (1, 1, 2)
    same = (await look(ada, PACKAGES % (50, ""), pair[0], pair[0]))["packages"]
    assert (same["addedCount"], same["removedCount"], same["changedCount"]) == (0, 0, 0)
    assert same["changes"]["nodes"] == []


VULNERABILITIES = """vulnerabilities { newCount goneCount stayingCount
  severities { severity newCount goneCount stayingCount }
  vulnerabilities(first: %d%s) { totalCount pageInfo { nextCursor }
    nodes { advisory { name } change fromSeverity toSeverity } } }"""


async def test_vulnerabilities_are_new_gone_or_stay(
    factory: Factory, ada: GraphQL, pair: tuple[Json, Json]
) -> None:
    severe = [{"type": "CVSS_V2", "score": SCORE_7_5}]
    flaw = concerned("Debian:12", "libflaw", ("introduced", "0"), ("fixed", "1.3-1"))
    await write(
        record("DSA-1", severity=severe, affected=[flaw]),
        record("DSA-2", severity=severe, affected=[concerned("Debian:12", "curl", ("introduced", "0"))]),
        record("PYSEC-1", severity=None, affected=[concerned("PyPI", "flask", ("introduced", "2"))]),
        record("GHSA-1", severity=severe, affected=[concerned("PyPI", "flask", ("introduced", "2"))]),
        record("NPM-9", affected=[concerned("npm", "other", ("introduced", "0"))]),
    )
    await imports.note()
    await rematch.compare(Run({}, tools(factory)))
    found = (await look(ada, VULNERABILITIES % (50, ""), *pair))["vulnerabilities"]
    assert (found["newCount"], found["goneCount"], found["stayingCount"]) == (2, 1, 1)
    assert [tuple(one.values()) for one in found["severities"]] == [("HIGH", 1, 1, 1), ("UNKNOWN", 1, 0, 0)]
    nodes = [
        (node["advisory"]["name"], node["change"], node["fromSeverity"], node["toSeverity"])
        for node in found["vulnerabilities"]["nodes"]
    ]
    assert sorted(nodes[:3]) == [
        ("DSA-1", "GONE", "HIGH", None),
        ("DSA-2", "STAYING", "HIGH", "HIGH"),
        ("GHSA-1", "NEW", None, "HIGH"),
    ]
    assert nodes[3:] == [("PYSEC-1", "NEW", None, "UNKNOWN")]
    for more, names in (
        (", change: NEW", ["GHSA-1", "PYSEC-1"]),
        (", change: GONE", ["DSA-1"]),
        (", minSeverity: HIGH, change: NEW", ["GHSA-1"]),
    ):
        listed = (await look(ada, VULNERABILITIES % (50, more), *pair))["vulnerabilities"]["vulnerabilities"]
        assert [node["advisory"]["name"] for node in listed["nodes"]] == names
    page = (await look(ada, VULNERABILITIES % (3, ""), *pair))["vulnerabilities"]["vulnerabilities"]
    assert page["totalCount"] == 4
    more = f', after: "{page["pageInfo"]["nextCursor"]}"'
    page = (await look(ada, VULNERABILITIES % (3, more), *pair))["vulnerabilities"]["vulnerabilities"]
    assert [node["advisory"]["name"] for node in page["nodes"]] == ["PYSEC-1"]


async def test_parts_that_cannot_be_compared_say_why(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    good = await factory.image("ada/app", layer({"a": b""}))
    bad = await factory.image("ada/app", layer({"../x": b""}))
    chart = kit.image_document(layer({"a": b""})) | {
        "config": kit.descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json")
    }
    await factory.blob("ada/app", b"{}")
    artifact = await factory.manifest("ada/app", chart)
    document = kit.index_document(manifests=[await factory.descriptor(good)])
    index = await factory.manifest("ada/app", document, tag="all")
    await scan_pushed(factory, is_near=True)
    everything = f"""{HINDRANCES} config {{ totalCount }} layers {{ commonBytes }} files {{ totalCount }}
      packages {{ addedCount }} vulnerabilities {{ newCount }}"""
    parts = ["config", "layers", "files", "packages", "vulnerabilities"]

    async def null(before: str, later: str) -> dict[str, str]:
        found = await look(ada, everything, image(before), image(later))
        assert (found["from"]["digest"], found["to"]["digest"]) == (before, later)
        reasons = {one["part"].lower(): one["reason"] for one in found["hindrances"]}
        assert [part for part in parts if found[part] is None] == list(reasons)
        return reasons

    assert await null(good, good) == {}
    reason = "`to` is an index; compare the images that it holds."
    assert await null(good, index) == dict.fromkeys(parts, reason)
    reason = "`from` could not be scanned. The layer has a path that leads out of it: ../x."
    assert await null(bad, good) == dict.fromkeys(parts[2:], reason)
    assert await null(good, artifact) == {
        "config": "`to` has no configuration of an image that can be read.",
        **dict.fromkeys(parts[2:], "`to` cannot be scanned. It is no image of a container."),
    }


async def test_private_images_are_not_told_of(factory: Factory, ada: GraphQL, graphql: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", layer({"secret": b""}), tag="v1")
    await factory.user("bob")
    bob = graphql.with_token(await factory.token("bob"))
    await factory.repository("bob/app")
    own = await factory.image("bob/app", layer({"mine": b""}))
    asked = DIFF % HINDRANCES
    for path, named in (
        ("ada/app", {"digest": digest}),
        ("ada/app", {"tag": "v1"}),
        ("ada/app", {"tag": "none"}),
        ("ada/none", {"digest": digest}),
        ("nobody/none", {"digest": digest}),
    ):
        other, mine = {"repository": path, **named}, image(own, "bob/app")
        for one, two in ((other, mine), (mine, other), (image("sha256:" + "0" * 64, "bob/app"), other)):
            answer = await bob.answer(asked, **{"from": one, "to": two})
            assert answer["data"] == {"manifestDiff": None}
            (error,) = answer["errors"]
            assert error["extensions"]["code"] == "FORBIDDEN"
            answer = await graphql.answer(asked, **{"from": one, "to": two})
            assert answer["data"] == {"manifestDiff": None}
            assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await look(ada, HINDRANCES, image(digest), {"repository": "ada/app", "tag": "none"}) is None


async def test_images_are_named_by_tag_or_digest(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", layer({"a": b""}), tag="v1")
    for named in ({}, {"tag": "v1", "digest": digest}):
        asked = {"from": {"repository": "ada/app", "tag": "v1"}, "to": {"repository": "ada/app", **named}}
        answer = await ada.answer(DIFF % HINDRANCES, **asked)
        (error,) = answer["errors"]
        assert error["message"] == "to.tag: give either a tag or a digest."
        assert error["extensions"]["code"] == "BAD_REQUEST"

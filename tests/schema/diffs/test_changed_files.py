"""Files that differ between two images, and directories of images, beside what unpacking them comes to."""

from collections.abc import Sequence
from random import Random

import pytest

from resolvers.diffs import files as diff_of_files
from resolvers.pages import keyset_cursor
from resolvers.scan import listing, parts
from tests.factories import Factory
from tests.scanning import OPAQUE, layer, scan_pushed
from tests.schema.client import GraphQL, Json
from tests.schema.diffs import overlay
from tests.schema.diffs.overlay import Content

DIFF = """
query ($from: Digest!, $to: Digest!, $path: String = "", $first: Int! = 50, $after: Cursor) {
  manifestDiff(from: { repository: "ada/app", digest: $from }, to: { repository: "ada/app", digest: $to }) {
    files(path: $path, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage nextCursor }
      nodes { path change from { ...file } to { ...file } } } } }
fragment file on ImageFile { type mode digest linkTarget }
"""
FILES = """
query ($digest: Digest!, $path: String!) { repository(path: "ada/app") { manifest(digest: $digest) {
  files(path: $path, first: 100) { nodes { path type mode digest linkTarget } } } } }
"""


async def image(factory: Factory, layers: Sequence[Content]) -> str:
    """The digest of an image with these layers."""
    return await factory.image("ada/app", *map(layer, layers))


async def pages(
    client: GraphQL, before: str, later: str, path: str = "", first: int = 100
) -> list[list[Json]]:
    """What differs, page by page."""
    found: list[list[Json]] = []
    after = None
    while True:
        asked = {"from": before, "to": later, "path": path, "first": first, "after": after}
        page = (await client.data(DIFF, **asked))["manifestDiff"]["files"]
        assert page["totalCount"] is None
        found.append(page["nodes"])
        after = page["pageInfo"]["nextCursor"]
        assert page["pageInfo"]["hasNextPage"] is (after is not None)
        if after is None:
            return found


async def changed(client: GraphQL, before: str, later: str, path: str = "") -> list[tuple[str, str]]:
    """Paths that differ, and how."""
    (page,) = await pages(client, before, later, path)
    return [(node["path"], node["change"]) for node in page]


async def test_files_are_added_removed_or_changed(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    base = {"etc/a": b"1", "etc/b": b"1", "lib/x/1": b"1", "lib/x/2": b"2", "lib.so": b"", "link": "etc/a"}
    before = await image(factory, [base, {"etc/own": b"o"}])
    later = await image(
        factory,
        [
            base,
            {"etc/a": b"2", "etc/.wh.b": b"", "new/file": b"n", "link": "etc/b"},
            {f"lib/x/{OPAQUE}": b""},
        ],
    )
    await scan_pushed(factory, is_near=True)
    assert await changed(ada, before, later) == [
        ("etc/a", "CHANGED"),
        ("etc/b", "REMOVED"),
        ("etc/own", "REMOVED"),
        ("lib/x/1", "REMOVED"),
        ("lib/x/2", "REMOVED"),
        ("link", "CHANGED"),
        ("new/file", "ADDED"),
    ]
    assert await changed(ada, later, before, "/etc/") == [
        ("etc/a", "CHANGED"),
        ("etc/b", "ADDED"),
        ("etc/own", "ADDED"),
    ]
    assert await changed(ada, before, later, "lib/x/2") == [("lib/x/2", "REMOVED")]
    assert await changed(ada, before, later, "nothing") == []
    assert await changed(ada, before, before) == []
    (page,) = await pages(ada, before, later, "link")
    assert page == [
        {
            "path": "link",
            "change": "CHANGED",
            "from": {"type": "SYMLINK", "mode": 0o644, "digest": None, "linkTarget": "etc/a"},
            "to": {"type": "SYMLINK", "mode": 0o644, "digest": None, "linkTarget": "etc/b"},
        }
    ]
    answer = await ada.answer(DIFF, **{"from": before, "to": later, "path": "../x"})
    assert answer["data"] == {"manifestDiff": {"files": None}}
    assert answer["errors"][0]["message"] == "path: must be a path without empty steps, `.` and `..`."


async def test_a_cursor_is_no_longer_than_a_path(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, [{"a": b""}])
    await scan_pushed(factory, is_near=True)
    asked = {"from": digest, "to": digest, "after": keyset_cursor("!" * 4_096)}
    assert (await ada.data(DIFF, **asked))["manifestDiff"]["files"]["nodes"] == []
    answer = await ada.answer(DIFF, **asked | {"after": keyset_cursor("!" * 4_097)})
    assert answer["data"] == {"manifestDiff": {"files": None}}
    assert answer["errors"][0]["message"] == "after: the cursor belongs to another list."


@pytest.mark.parametrize("seed", range(4))
async def test_images_at_random_are_as_they_are_unpacked(
    factory: Factory, ada: GraphQL, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    # Whatever is looked for is at the border of a part.
    monkeypatch.setattr(listing, "ENTRIES_OF_PART", random.randint(1, 3))
    await factory.repository("ada/app")
    pool = [overlay.random_layer(random) for _ in range(6)]
    common = random.choices(pool, k=random.randint(0, 3))
    some = [common + random.choices(pool, k=random.randint(0, 3)) for _ in range(3)]
    digests = [await image(factory, layers) for layers in some]
    await scan_pushed(factory, is_near=True)
    trees = [overlay.made(layers) for layers in some]

    for digest, tree in zip(digests, trees, strict=True):
        for path in ["", *(one for one, node in tree.items() if node["type"] == "DIRECTORY")]:
            data = await ada.data(FILES, digest=digest, path=path)
            nodes = data["repository"]["manifest"]["files"]["nodes"]
            assert [node.pop("path") for node in nodes] == sorted(
                one for one in tree if one.rpartition("/")[0] == path
            )
            assert nodes == [tree[one] for one in sorted(tree) if one.rpartition("/")[0] == path]
    for one, other in ((0, 1), (1, 2), (2, 2)):
        wanted = overlay.differing(trees[one], trees[other])
        for path, first in (("", 100), ("", 2), ("a", 100), ("a/a-", 1)):
            found = await pages(ada, digests[one], digests[other], path, first)
            inside = [at for at in wanted if not path or at == path or at.startswith(f"{path}/")]
            assert [(node["path"], (node["from"], node["to"])) for page in found for node in page] == [
                (at, wanted[at]) for at in inside
            ]


async def test_what_is_the_same_is_skipped(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ENTRIES_OF_PART", 10)
    await factory.repository("ada/app")
    many: Content = {f"usr/{number:03}": b"" for number in range(200)}
    one, other = {**many, "usr/150": b"1"}, {**many, "usr/150": b"2", "usr/151x": b""}
    before = await image(factory, [many, {"usr/100": b"1"}])
    later = await image(factory, [many, {"usr/100": b"2"}])
    left, right = await image(factory, [one]), await image(factory, [other])
    await scan_pushed(factory, is_near=True)
    read: list[int] = []
    contents = parts._contents

    async def noting(wanted: list[tuple[int, int]]) -> list[bytes]:
        read.extend(number for _, number in wanted)
        return await contents(wanted)

    monkeypatch.setattr(parts, "_contents", noting)
    assert await changed(ada, before, later) == [("usr/100", "CHANGED")]
    # The layers that differ, and of the one that both have what is at the path.
    assert sorted(read) == [0, 0, 9, 10]
    read.clear()
    assert await changed(ada, left, right) == [("usr/150", "CHANGED"), ("usr/151x", "ADDED")]
    assert len(read) == 41
    # A page that would take too much ends before it is full.
    monkeypatch.setattr(diff_of_files, "MOST_WORK", 180)
    found = await pages(ada, left, right)
    assert len(found) > 2
    assert [node["path"] for page in found for node in page] == ["usr/150", "usr/151x"]
    monkeypatch.setattr(diff_of_files, "MOST_PARTS", 12)
    found = await pages(ada, left, right)
    assert [node["path"] for page in found for node in page] == ["usr/150", "usr/151x"]


async def test_a_page_looks_ahead_so_often(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    base: Content = {"a": b"", "d": b"", "x": b""}
    before = await image(factory, [base, {"a!!!": b"1", "b!!": b"1", "c": b"1", "c0": b"1", "d/e": b"1"}])
    later = await image(factory, [base])
    await scan_pushed(factory, is_near=True)
    whole = ["a!!!", "b!!", "c", "c0", "d", "d/e"]
    (page,) = await pages(ada, before, later)
    assert [node["path"] for node in page] == whole
    monkeypatch.setattr(diff_of_files, "PROBE_COST", diff_of_files.MOST_WORK)
    found = await pages(ada, before, later)
    assert [[node["path"] for node in page] for page in found] == [["a!!!"], ["b!!"], whole[2:]]

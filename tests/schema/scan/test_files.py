"""Directories of images through GraphQL, as layers combine to them."""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping

import pytest

from resolvers.pages import keyset_cursor
from resolvers.scan import cursor, files, listing, parts
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.scanning import OPAQUE, layer, scan_pushed
from tests.schema.client import GraphQL, Json

FILES = """
query ($repository: RepositoryPath! = "ada/app", $digest: Digest!, $path: String = "", $first: Int! = 50,
       $after: Cursor) {
  repository(path: $repository) { manifest(digest: $digest) { scan { state }
    files(path: $path, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage nextCursor }
      nodes { path name type mode sizeBytes digest linkTarget layerDigest } } } } }
"""


def entry(name: str, kind: bytes, mode: int = 0o644, target: str = "") -> tarfile.TarInfo:
    """An entry of an archive that is no regular file."""
    made = tarfile.TarInfo(name)
    made.type, made.mode, made.linkname = kind, mode, target
    return made


def directory(*names: str, mode: int = 0o755) -> dict[str, tarfile.TarInfo]:
    """Entries of directories."""
    return {name: entry(name, tarfile.DIRTYPE, mode) for name in names}


async def look(client: GraphQL, digest: str, path: str = "", **variables: object) -> Json:
    """A page of a directory."""
    data = await client.data(FILES, digest=digest, path=path, **variables)
    found: Json = data["repository"]["manifest"]["files"]
    return found


async def names(client: GraphQL, digest: str, path: str = "") -> list[str]:
    """The names in a directory, those of directories with a `/` behind."""
    nodes = (await look(client, digest, path))["nodes"]
    return [node["name"] + "/" * (node["type"] == "DIRECTORY") for node in nodes]


async def pages(client: GraphQL, digest: str, path: str, first: int) -> list[list[str]]:
    """The names in a directory, page by page."""
    found: list[list[str]] = []
    after = None
    while True:
        page = await look(client, digest, path, first=first, after=after)
        found.append([node["name"] for node in page["nodes"]])
        after = page["pageInfo"]["nextCursor"]
        assert page["pageInfo"]["hasNextPage"] is (after is not None)
        if after is None:
            return found


async def image(factory: Factory, *layers: Mapping[str, bytes | str | tarfile.TarInfo]) -> str:
    """The digest of a scanned image with these layers."""
    digest = await factory.image("ada/app", *map(layer, layers))
    await scan_pushed(factory, is_near=True)
    return digest


async def refused(client: GraphQL, digest: str, path: str, **variables: object) -> str:
    """Why a directory is not shown, though the image is."""
    answer = await client.answer(FILES, digest=digest, path=path, **variables)
    assert answer["data"]["repository"]["manifest"] == {"scan": {"state": "SCANNED"}, "files": None}
    (error,) = answer["errors"]
    assert error["path"] == ["repository", "manifest", "files"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    message: str = error["message"]
    return message


async def test_a_directory_shows_what_its_layers_come_to(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    base = {
        **directory("usr/", "usr/lib/"),
        **directory("usr/tmp", mode=0o1777),
        "usr/lib/libc.so": b"old",
        "usr/motd": b"welcome",
    }
    top = {
        "usr/lib/libc.so": b"new",
        "usr/link": "lib/libc.so",
        "usr/hard": entry("usr/hard", tarfile.LNKTYPE, 0o600, "usr/motd"),
        "usr/null": entry("usr/null", tarfile.CHRTYPE, 0o666),
        "usr/pipe": entry("usr/pipe", tarfile.FIFOTYPE),
        "usr/share/doc/readme": b"",
        "usr/set": entry("usr/set", tarfile.DIRTYPE, 0o104755),
    }
    digest = await image(factory, base, top)
    lower, upper = (kit.digest_of(layer(one)) for one in (base, top))

    found = await look(ada, digest, "usr")

    assert found["totalCount"] is None
    assert found["pageInfo"] == {"hasNextPage": False, "nextCursor": None}
    welcome = "sha256:" + hashlib.sha256(b"welcome").hexdigest()
    assert [tuple(node.values()) for node in found["nodes"]] == [
        ("usr/hard", "hard", "HARD_LINK", 0o600, None, None, "usr/motd", upper),
        ("usr/lib", "lib", "DIRECTORY", 0o755, None, None, None, lower),
        ("usr/link", "link", "SYMLINK", 0o644, None, None, "lib/libc.so", upper),
        ("usr/motd", "motd", "FILE", 0o644, 7, welcome, None, lower),
        ("usr/null", "null", "DEVICE", 0o666, None, None, None, upper),
        ("usr/pipe", "pipe", "FIFO", 0o644, None, None, None, upper),
        ("usr/set", "set", "DIRECTORY", 0o4755, None, None, None, upper),
        ("usr/share", "share", "DIRECTORY", None, None, None, None, upper),
        ("usr/tmp", "tmp", "DIRECTORY", 0o1777, None, None, None, lower),
    ]
    (libc,) = (await look(ada, digest, "/usr/lib/"))["nodes"]
    assert libc["digest"] == "sha256:" + hashlib.sha256(b"new").hexdigest()
    assert libc["layerDigest"] == upper
    assert await names(ada, digest) == ["usr/"]
    assert await names(ada, digest, "usr/tmp") == []


@pytest.mark.parametrize(
    ("upper", "path", "left"),
    [
        ({"a/.wh.x": b""}, "a", ["sub/"]),
        ({"a/.wh.x": b"", "a/x": "elsewhere"}, "a", ["sub/", "x"]),
        ({".wh.a": b""}, "", ["a.d/", "b"]),
        ({".wh.a": b"", "a/new": b""}, "a", ["new"]),
        ({f"a/{OPAQUE}": b"", "a/new": b""}, "a", ["new"]),
        ({f"a/{OPAQUE}": b""}, "", ["a/", "a.d/", "b"]),
        ({f"a/{OPAQUE}": b""}, "a", []),
        ({OPAQUE: b"", "c": b""}, "", ["c"]),
        # Something else stands in the place of the directory, and the other way round.
        ({"a": b""}, "", ["a", "a.d/", "b"]),
        ({"a": b"", "b/c": b""}, "b", ["c"]),
        ({"b/c": b""}, "", ["a/", "a.d/", "b/"]),
        ({**directory("b/"), "b/c": b""}, "", ["a/", "a.d/", "b/"]),
        # Names that only begin alike are others.
        ({".wh.a.": b"", "a/.wh.su": b""}, "a", ["sub/", "x"]),
        # What unions keep for themselves is nothing of the image.
        ({".wh..wh.plnk": b"", "a-b": b""}, "", ["a/", "a-b", "a.d/", "b"]),
    ],
)
async def test_layers_take_away_and_replace_what_is_beneath(
    factory: Factory, ada: GraphQL, upper: dict[str, bytes | str], path: str, left: list[str]
) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, {"a/x": b"", "a/sub/y": b"", "a.d/z": b"", "b": b""}, {}, upper)
    assert await names(ada, digest, path) == left


async def test_directories_come_back_without_what_was_in_them(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(
        factory,
        {"a/old": b"", "a/kept/deep/old": b""},
        {"a/kept": b"now a file", "a/middle": b""},
        {"a/kept/deep/new": b""},
        {".wh.gone": b"", "a/.wh.middle": b""},
    )
    assert await names(ada, digest, "a") == ["kept/", "old"]
    assert await names(ada, digest, "a/kept/deep") == ["new"]


async def test_paths_that_are_no_directories_are_refused(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await image(
        factory, {"a/x": b"", "gone/x": b""}, {"lib": "usr/lib", ".wh.gone": b"", "a/y": b"", "z/w": b""}
    )
    assert await refused(ada, digest, "b") == "path: the image has no 'b'."
    assert await refused(ada, digest, "gone") == "path: the image has no 'gone'."
    assert await refused(ada, digest, "a/x") == "path: 'a/x' is no directory."
    assert await refused(ada, digest, "a/x/y") == "path: 'a/x' is no directory."
    assert await refused(ada, digest, "lib/x") == (
        "path: 'lib' is a symbolic link to 'usr/lib', no directory."
    )
    for path in ("a/../b", "a//x", ".", "///"):
        assert await refused(ada, digest, path) == "path: must be a path without empty steps, `.` and `..`."
    assert await refused(ada, digest, "a" * 4_097) == "path: must be at most 4,096 bytes long."
    assert await refused(ada, digest, "a", after="x") == "after: must be a cursor of this server."
    foreign = keyset_cursor("!" * 4_097)
    assert await refused(ada, digest, "a", after=foreign) == "after: the cursor belongs to another list."
    assert "between 1 and 100" in (await ada.answer(FILES, digest=digest, first=0))["errors"][0]["message"]


async def test_names_are_in_order_over_pages_parts_and_layers(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    lower = {
        f"top/{name}": b"" for name in ("c-1/in", "c.d/in/deeper", "c/in", "c0", "d e", "ü", "\U0001f40b")
    }
    upper = {"top/c/more": b"", "top/c!": b"", "top/.wh.c0": b"", "top/c.d/.wh.in": b"", "top/c/sub/x": b""}
    digest = await image(factory, lower, {"other": b""}, upper)
    # So that whatever is asked for is at the border of some parts.
    await cut(3)
    whole = ["c", "c!", "c-1", "c.d", "d e", "ü", "\U0001f40b"]
    assert await pages(ada, digest, "top", 100) == [whole]
    assert await pages(ada, digest, "top", 1) == [[name] for name in whole]
    assert await pages(ada, digest, "top", 3) == [whole[:3], whole[3:6], whole[6:]]
    assert await names(ada, digest, "top/c") == ["in", "more", "sub/"]
    assert await names(ada, digest, "top/c.d") == []


async def cut(entries: int) -> None:
    """Cut the listings of all layers into parts of so many entries."""
    rows = await fetch("SELECT layer_id, content FROM layer_listing ORDER BY layer_id, number")
    lines: dict[int, list[tuple[str, bytes]]] = {}
    for row in rows:
        for line in listing.lines_of(bytes(row["content"])):
            lines.setdefault(row["layer_id"], []).append((listing.path_of(line), line + b"\n"))
    await execute("DELETE FROM layer_listing")
    for layer_id, some in lines.items():
        for number, start in enumerate(range(0, len(some), entries)):
            (part,) = listing.parts(some[start : start + entries])
            await execute(
                "INSERT INTO layer_listing (layer_id, number, first_path, content) VALUES (?, ?, ?, ?)",
                *(layer_id, number, part.first_path, part.content),
            )


async def test_odd_names_deep_paths_and_layers_that_are_there_twice(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    deep = "/".join("d" * 100 for _ in range(40))
    odd = io.BytesIO()
    with tarfile.open(fileobj=odd, mode="w", encoding="latin-1", format=tarfile.GNU_FORMAT) as tar:
        for name in ("caf\xe9", 'quo"te', "back\\slash", "new\nline"):
            tar.addfile(tarfile.TarInfo(f"odd/{name}"))
    twice = layer({"a": b"1", f"{deep}/x": b""})
    digest = await factory.image("ada/app", twice, odd.getvalue(), layer({".wh.a": b"", "b": b""}), twice)
    await scan_pushed(factory, is_near=True)
    assert await names(ada, digest, "odd") == ["back\\slash", "caf\ufffd", "new\nline", 'quo"te']
    assert await names(ada, digest, deep) == ["x"]
    assert await names(ada, digest) == ["a", "b", "d" * 100 + "/", "odd/"]


async def test_only_parts_that_may_hold_the_directory_are_read(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    monkeypatch.setattr(listing, "ENTRIES_OF_PART", 100)
    many = {f"many/{number:03}": b"" for number in range(450)}
    digest = await image(factory, {**many, "z/x": b""}, *({f"etc/{n}": b""} for n in range(10)))
    read: list[tuple[int, int]] = []
    contents = parts._contents

    async def noting(wanted: Iterable[tuple[int, int]]) -> list[bytes]:
        read.extend(wanted)
        return await contents(list(wanted))

    monkeypatch.setattr(parts, "_contents", noting)

    async def numbers(path: str, **variables: object) -> list[int]:
        read.clear()
        await look(ada, digest, path, **variables)
        first = min((layer_id for layer_id, _ in read), default=0)
        return [number for layer_id, number in read if layer_id == first]

    assert await numbers("") == [4]
    assert await numbers("z") == [4]
    assert await numbers("many", first=10) == [0]
    page = await look(ada, digest, "many", first=100)
    page = await look(ada, digest, "many", first=100, after=page["pageInfo"]["nextCursor"])
    assert page["nodes"][0]["name"] == "100"
    assert await numbers("many", first=50, after=page["pageInfo"]["nextCursor"]) == [1, 2]

    monkeypatch.setattr(parts, "REQUEST_PARTS", 2)
    message = "A request reads at most 2 parts of listings of layers; ask for fewer."
    assert await refused(ada, digest, "etc") == message
    monkeypatch.undo()
    monkeypatch.setattr(cursor, "HELD_BYTES", 1_000)
    assert await refused(ada, digest, "many") == (
        "The files of the image take too much memory to be looked at."
    )


async def test_a_page_looks_at_so_many_names(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    digest = await image(
        factory,
        {f"d/{number}": b"" for number in range(10)},
        {f"d/.wh.{number}": b"" for number in range(1, 8)},
    )
    monkeypatch.setattr(files, "MOST_NAMES", 4)
    assert await pages(ada, digest, "d", 50) == [["0"], [], ["8", "9"]]


async def test_a_page_looks_ahead_so_often(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, {"d/a!!!": b"", "d/b!/x": b"", "d/b!!!": b"", "d/c": b"", "d/c.d/e": b""})
    whole = ["a!!!", "b!", "b!!!", "c", "c.d"]
    assert await pages(ada, digest, "d", 50) == [whole]
    # A page may end within a name: after what it begins with.
    monkeypatch.setattr(files, "MOST_PROBES", 1)
    found = await pages(ada, digest, "d", 50)
    assert found == [[], [], [], ["a!!!"], ["b!"], [], ["b!!!", "c", "c.d"]]
    assert [name for page in await pages(ada, digest, "d", 1) for name in page] == whole


async def test_what_is_not_scanned_has_no_files(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", layer({"a": b""}))
    document = kit.index_document(manifests=[await factory.descriptor(digest)])
    index = await factory.manifest("ada/app", document, tag="all")
    assert await look(ada, digest) is None
    await scan_pushed(factory, is_near=True)
    assert await look(ada, index) is None
    assert await names(ada, digest) == ["a"]
    # A layer that a later version of the scanner cannot read, while the image is not looked at again.
    await execute("UPDATE scanned_layer SET state = 'failed', reason = 'It is damaged.'")
    assert await look(ada, digest) is None


async def test_a_layer_that_is_scanned_anew_meanwhile_is_read_again(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    digest = await image(factory, {"a": b""})
    contents = parts._contents

    async def anew(wanted: list[tuple[int, int]]) -> list[bytes]:
        (row,) = await fetch("SELECT MAX(id) AS id FROM scanned_layer")
        await execute("UPDATE layer_listing SET number = number + 7, first_path = 'a'")
        assert row["id"] is not None
        return await contents(wanted)

    monkeypatch.setattr(parts, "_contents", anew)
    assert await refused(ada, digest, "") == "The image is being scanned anew; ask again."


async def test_files_of_private_images_are_not_told(factory: Factory, ada: GraphQL, graphql: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.user("bob")
    bob = graphql.with_token(await factory.token("bob"))
    digest = await image(factory, {"secret": b""})
    assert await names(ada, digest) == ["secret"]
    for client in (bob, graphql):
        for asked in (digest, "sha256:" + "0" * 64):
            answer = await client.answer(FILES, digest=asked)
            assert answer["data"] == {"repository": None}
            assert "secret" not in str(answer)

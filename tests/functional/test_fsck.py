"""`quayside storage fsck`: planted damage is found, named and repaired, in files and in a bucket."""

import asyncio
import json
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import obstore
import pytest

from quayside.settings.settings import Settings, load_settings
from storage.blobs import BlobStore
from storage.blobs.s3 import open_s3_blob_store
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.functional.skopeo import skopeo
from tests.plugins.s3 import CREDENTIALS
from tests.process import run, run_here, serving
from tests.quayside.registry import kit
from tests.quayside.registry.people import PASSWORD

FLIPPED, CUT, LOST, SIZED, STRAY, UNLINKED = (
    b"flipped",
    b"cut off",
    b"lost",
    b"sized",
    b"stray",
    b"unlinked",
)
DIGEST = {content: kit.digest_of(content) for content in (FLIPPED, CUT, LOST, SIZED, STRAY, UNLINKED)}

Put = Callable[[bytes, bytes | None], None]
Fsck = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(params=["file", "s3"])
def settings_with_files(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Settings:
    """Settings of a registry whose blobs are in files, or in a bucket."""
    url = f"file://{tmp_path}/blobs" if request.param == "file" else request.getfixturevalue("s3_url")
    values = {"DATABASE_URL": database_url, "BLOB_URL": url, "SECRET_KEY": "k" * 32}
    return load_settings(values | {"DATA_DIR": str(tmp_path)}, {})


@pytest.fixture
def environ(tmp_path: Path, settings_with_files: Settings) -> dict[str, str]:
    """Environment for commands that use the database and blobs of the factory."""
    return CREDENTIALS | {
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }


@pytest.fixture
def put(tmp_path: Path, settings_with_files: Settings) -> Put:
    """Writes bytes in the place of a blob, behind the back of the store; None removes it."""
    url = settings_with_files.blob_url

    def put(blob: bytes, content: bytes | None) -> None:
        digest = kit.digest_of(blob)
        if url.startswith("file:"):
            name = digest.removeprefix("sha256:")
            path = tmp_path / "blobs" / "blobs" / "sha256" / name[:2] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink() if content is None else path.write_bytes(content)
            return
        bucket = open_s3_blob_store(url)._bucket._store
        if content is None:
            obstore.delete(bucket, f"blobs/{digest}")
        else:
            obstore.put(bucket, f"blobs/{digest}", content)

    return put


@pytest.fixture
def fsck(environ: dict[str, str]) -> Fsck:
    """Runs the command with --json; its exit code, and its output without the named images of findings."""

    def fsck(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(run_here, environ, "storage", "fsck", "--json", *arguments)
        code, output, errors = done.result()
        assert code in {0, 1}, errors
        return code, [json.loads(line) for line in output.splitlines()]

    return fsck


def short(findings: list[dict[str, Any]]) -> set[tuple[str, str, int, str | None]]:
    """Kind, digest, number of images and repair of each finding. But for figures none is found twice."""
    told = [
        (found["kind"], found["digest"], found["images"], found["repair"])
        for found in findings
        if found["kind"] != "total"
    ]
    others = [one for one in told if one[0] != "figure"]
    assert len({*others}) == len(others)
    return {*told}


async def push_everything(factory: Factory) -> tuple[str, str]:
    """Two images, which share a layer, and an index of one; the digest of that image and of the index."""
    first = kit.image_document(FLIPPED, CUT, LOST)
    for path, layers in (("ada/app", (FLIPPED, CUT, LOST)), ("ada/base", (LOST, SIZED, UNLINKED))):
        await factory.image(path, *layers, tag="v1")
    digest = await factory.manifest("ada/app", first, tag="also")
    return digest, await factory.manifest("ada/app", kit.index_document(kit.encode(first)), tag="multi")


async def test_every_damage_is_found_named_and_repaired(
    factory: Factory, blobs: BlobStore, put: Put, fsck: Fsck, tmp_path: Path, environ: dict[str, str]
) -> None:
    await factory.user("ada")
    app = await factory.repository("ada/app")
    await factory.repository("ada/base")
    image, index = await push_everything(factory)
    # Given each kind of damage
    put(FLIPPED, FLIPPED[::-1])
    put(CUT, CUT[:3])
    put(LOST, None)
    put(STRAY, STRAY)
    await execute("UPDATE blob SET size_bytes = 9 WHERE digest = ?", DIGEST[SIZED])
    await execute(
        "DELETE FROM repository_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = ?)", DIGEST[UNLINKED]
    )
    (row,) = await fetch(
        "SELECT m.id AS id, b.body AS body FROM manifest m JOIN manifest_body b ON b.manifest_id = m.id"
        " WHERE m.digest = ?",
        index,
    )
    await execute(
        "UPDATE manifest_body SET body = ? WHERE manifest_id = ?", bytes(row["body"])[::-1], row["id"]
    )

    # The sizes of blobs are part of kept figures.
    figures = {("figure", None, 0, None)}

    # When it is looked for, without reading everything, and reading it
    sizes = {
        ("missing", DIGEST[LOST], 4, None),
        ("damaged", DIGEST[CUT], 3, None),
        ("size", DIGEST[SIZED], 0, None),
        ("unlinked", DIGEST[UNLINKED], 1, None),
    }
    code, found = fsck()
    assert (code, short(found), found[-1]["young"]) == (1, sizes | figures, 1)
    (lost,) = [each for each in found if each["kind"] == "missing"]
    assert [(each["repository"], each["tag"]) for each in lost["named_images"]] == [
        ("ada/app", "also"), ("ada/app", "multi"), ("ada/app", "v1"), ("ada/base", "v1"),
    ]  # fmt: skip
    assert {each["digest"] for each in lost["named_images"][:3]} == {image, index}
    digests = {
        ("damaged", DIGEST[FLIPPED], 3, None),
        ("manifest", index, 1, None),
        ("stray", DIGEST[STRAY], 0, None),
    }
    assert short(fsck("--rehash", "--stray-age", "0")[1]) == sizes | digests | figures

    # When it is repaired
    code, found = fsck("--rehash", "--stray-age", "0", "--repair")
    assert (code, short(found)) == (
        1,
        {
            ("missing", DIGEST[LOST], 4, "awaits-push"),
            ("damaged", DIGEST[CUT], 3, "quarantined"),
            ("damaged", DIGEST[FLIPPED], 3, "quarantined"),
            ("size", DIGEST[SIZED], 0, "corrected"),
            ("stray", DIGEST[STRAY], 0, "removed"),
            ("manifest", index, 1, "quarantined"),
            ("unlinked", DIGEST[UNLINKED], 1, None),
        },
    )
    assert (found[-1]["quarantined"], found[-1]["figure"]) == (3, 0)
    left = {digest async for digest, _ in blobs.digests()}
    assert not left & {DIGEST[each] for each in (FLIPPED, CUT, LOST, STRAY)}
    assert await factory.context().blobs.stat(DIGEST[SIZED]) == len(SIZED)

    # Then a push makes everything whole
    assert await push_everything(factory) == (image, index)
    code, (total,) = fsck("--rehash", "--repair")
    assert (code, total["blobs"], total["manifests"], total["quarantined"]) == (0, 6, 3, 3)
    assert total["read_bytes"] > 1000
    tags = await fetch("SELECT name FROM tag WHERE repository_id = ? AND NOT has_ended", app.id)
    assert {tag["name"] for tag in tags} == {"v1", "also", "multi"}


@pytest.mark.parametrize("settings_with_files", ["file"], indirect=True)
async def test_a_repair_that_is_killed_is_finished_by_the_next(
    factory: Factory, put: Put, fsck: Fsck, tmp_path: Path, environ: dict[str, str]
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    await factory.image("ada/app", CUT, tag="v1")
    put(CUT, CUT[:3])

    more = {"QUAYSIDE_FAULT": "quarantine.before_row:kill"}
    killed = run(tmp_path, "storage", "fsck", "--repair", **environ, **more)
    assert killed.returncode == -signal.SIGKILL
    # Until the lease is over, somebody may be at work.
    assert short(fsck("--repair")[1]) == set()
    await execute("UPDATE blob SET deleting_until_ms = 1 WHERE state = 'deleting'")

    assert short(fsck("--repair")[1]) == {("missing", DIGEST[CUT], 1, "awaits-push")}
    await factory.image("ada/app", CUT, tag="v1")
    assert fsck("--rehash")[0] == 0


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("settings_with_files", ["s3"], indirect=True)
async def test_a_client_brings_again_what_was_damaged(
    factory: Factory, put: Put, fsck: Fsck, tmp_path: Path, environ: dict[str, str]
) -> None:
    await factory.user("ada", password=PASSWORD)
    layer = kit.layer_of(b"quay")
    config = kit.config_of("amd64", layer[1])
    body = kit.encode(kit.image_document(layer[0], config=config))
    kit.write_layout(tmp_path / "image", "v1", body, layer[0], config)
    with serving(tmp_path, "--no-jobs", environ=environ) as (client, _):
        address = f"docker://127.0.0.1:{client.base_url.port}/ada/app:v1"

        def copy(side: str, *ends: str) -> int:
            login = (f"--{side}-tls-verify=false", f"--{side}-creds=ada:{PASSWORD}")
            return skopeo(tmp_path, "copy", *login, *ends).returncode

        def push() -> int:
            return copy("dest", f"oci:{tmp_path}/image:v1", address)

        def pull(number: int) -> int:
            return copy("src", address, f"dir:{tmp_path}/pulled{number}")

        assert await asyncio.to_thread(push) == 0
        put(layer[0], layer[0][:-1] + b"!")
        assert await asyncio.to_thread(pull, 1) != 0
        found = await asyncio.to_thread(fsck, "--rehash", "--repair")
        assert short(found[1]) == {("damaged", kit.digest_of(layer[0]), 1, "quarantined")}

        assert await asyncio.to_thread(push) == 0
        assert await asyncio.to_thread(pull, 2) == 0
        assert (await asyncio.to_thread(fsck, "--rehash"))[0] == 0
    name = kit.digest_of(layer[0]).removeprefix("sha256:")
    assert (tmp_path / "pulled2" / name).read_bytes() == layer[0]

"""`quayside gc` as a command: dry run, killed in the middle, and concurrent with a real client."""

import asyncio
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from quayside.settings.settings import Settings, load_settings
from storage.blobs import BlobStore
from storage.database import Database
from storage.statements import execute, fetch
from tests.factories import Factory
from tests.functional.collecting import collector
from tests.functional.skopeo import skopeo
from tests.process import START_TIMEOUT_S, log_of, outcome, run, serving
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD
from tests.quayside.workers.contents import DAY_MS, WINDOW_MS, backdate, end_tags, held, rights, stored

POINTS = ("collection.after_give_up", "collection.after_take_back", "collection.before_bytes")
LINE = re.compile(r"(\S+)\tmanifests=(\d+)\tblobs=(\d+)\tbytes=(\d+)")


@pytest.fixture
def environ(tmp_path: Path, settings_with_files: Settings) -> dict[str, str]:
    """Environment for commands that use the database and blobs of the factory."""
    return {
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }


@pytest.fixture
async def kept(factory: Factory) -> set[str]:
    """Two repositories that share a layer, one with garbage. Returns the digests of the live blobs."""
    await factory.user("ada")
    for path in ("ada/app", "ada/base"):
        await factory.repository(path)
    await factory.image("ada/app", b"shared", tag="now")
    await factory.image("ada/base", b"shared", tag="gone")
    await factory.image("ada/base", b"own", tag="gone-too")
    await end_tags("gone%", ago_ms=WINDOW_MS + DAY_MS)
    await backdate()
    return {kit.digest_of(blob) for blob in (kit.CONFIG, b"shared")}


async def test_a_dry_run_prints_what_the_run_removes_and_changes_nothing(
    tmp_path: Path, environ: dict[str, str], blobs: BlobStore, kept: set[str]
) -> None:
    everything = await stored(blobs)
    size = sum(len(kit.encode(kit.image_document(layer))) for layer in (b"shared", b"own"))
    released = len(kit.CONFIG) + len(b"shared") + len(b"own")
    expected = (
        f"ada/base\tmanifests=2\tblobs=3\tbytes={size + released}\n"
        f"total\tmanifests=2\tblobs=1\tbytes={size + 3}\n"
    )

    planned = outcome(run(tmp_path, "gc", "--dry-run", **environ))
    untouched = await stored(blobs), len(await held("ada/base"))
    done = outcome(run(tmp_path, "gc", **environ))

    assert planned == done == (0, expected, "")
    assert untouched == (everything, 2)
    assert await stored(blobs) == kept == await rights("ada/app")
    assert await held("ada/base") == await rights("ada/base") == set()
    assert outcome(run(tmp_path, "gc", **environ)) == (0, "total\tmanifests=0\tblobs=0\tbytes=0\n", "")


@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_run_is_finished_by_the_next(
    tmp_path: Path, environ: dict[str, str], blobs: BlobStore, kept: set[str], point: str
) -> None:
    killed = run(tmp_path, "gc", **environ, QUAYSIDE_FAULT=f"{point}:kill")
    assert killed.returncode == -signal.SIGKILL

    finished = run(tmp_path, "gc", **environ)

    assert finished.returncode == 0
    assert await stored(blobs) == kept
    assert await held("ada/base") == await rights("ada/base") == set()
    assert outcome(run(tmp_path, "gc", "--dry-run", **environ))[1] == "total\tmanifests=0\tblobs=0\tbytes=0\n"


def test_the_job_of_a_server_collects_garbage(
    tmp_path: Path, environ: dict[str, str], kept: set[str]
) -> None:
    with serving(tmp_path, environ=environ) as (client, _):
        while (
            'quayside_jobs_total{kind="content.collect",outcome="done"} 1.0'
            not in client.get("/metrics").text
        ):
            threading.Event().wait(0.1)

    assert outcome(run(tmp_path, "gc", "--dry-run", **environ))[1] == "total\tmanifests=0\tblobs=0\tbytes=0\n"
    (entry,) = [entry for entry in log_of(tmp_path) if entry["logger"] == "quayside.collection"]
    assert (entry["message"], entry["manifests"], entry["blobs"]) == ("content collected", 2, 1)


async def test_a_collection_that_is_killed_is_its_child_alone_and_is_finished_by_the_next(
    tmp_path: Path, environ: dict[str, str], blobs: BlobStore, kept: set[str]
) -> None:
    async def collection(**expected: object) -> dict[str, object]:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            columns = "state, attempts, error, result, progress_done, progress_total"
            for row in await fetch(f"SELECT {columns} FROM job WHERE kind = 'content.collect'"):
                if row.items() >= expected.items():
                    return row
            assert time.monotonic() < deadline, await fetch("SELECT * FROM job")
            await asyncio.sleep(0.1)

    # Given a collector that dies between two of its steps
    with serving(tmp_path, environ=environ | {"QUAYSIDE_FAULT": "collection.after_give_up:kill"}) as (
        client,
        _,
    ):
        failed = await collection(state="waiting", attempts=1)
        assert failed["error"] == "the child process ended by SIGKILL before the job was done"
        # then the server that ordered it is well
        assert client.get("/readyz").status_code == 200

    # When the next attempt is due, in a server whose collector lives
    await execute("UPDATE job SET run_at_ms = 0 WHERE kind = 'content.collect'")
    with serving(tmp_path, environ=environ):
        done = await collection(state="done")

    # Then nothing is left over
    assert (done["attempts"], done["error"]) == (2, None)
    # The manifests that the first attempt gave up are no longer counted.
    assert re.fullmatch(r"Removed 0 manifests and 1 blobs, \d+ bytes together\.", str(done["result"]))
    assert (done["progress_done"], done["progress_total"]) == (1, 2)
    assert await stored(blobs) == kept == await rights("ada/app")
    assert await held("ada/base") == await rights("ada/base") == set()


@pytest.fixture
def images(tmp_path: Path) -> list[str]:
    """Three layouts of images for two platforms, which share a layer and an image."""
    shared = kit.layer_of(b"shared")
    found = []
    for number in range(3):
        contents, manifests = [], []
        for architecture, text in (("amd64", b"always"), ("arm64", f"image {number}".encode())):
            layer = kit.layer_of(text)
            config = kit.config_of(architecture, shared[1], layer[1])
            manifest = kit.encode(kit.image_document(shared[0], layer[0], config=config))
            contents += [shared[0], layer[0], config, manifest]
            manifests.append(manifest)
        directory = tmp_path / f"image{number}"
        kit.write_layout(directory, "v1", kit.encode(kit.index_document(*manifests)), *contents)
        found.append(f"oci:{directory}:v1")
    return found


@pytest.mark.needs("skopeo")
def test_pushes_succeed_during_garbage_collection_and_checks(
    tmp_path: Path, database_url: str, images: list[str]
) -> None:
    """Each push finds old content of its image while it is collected, and no check finds fault."""
    values = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "SECRET_KEY": "k" * 32}
    settings = load_settings(values, {})
    environ = {f"QUAYSIDE_{key}": value for key, value in values.items()}
    asyncio.run(people.create_users(settings, OWNER))

    with (
        serving(tmp_path, "--no-jobs", environ=environ) as (client, _),
        collector(environ, "checking") as collecting,
    ):
        address = f"docker://127.0.0.1:{client.base_url.port}/{OWNER}/app:v1"
        login = f"{OWNER}:{PASSWORD}"
        to, of = ((f"--{side}-tls-verify=false", f"--{side}-creds", login) for side in ("dest", "src"))
        for number in range(9):
            asyncio.run(_forget_tags(settings))
            with collecting(number * 40):
                pushed = skopeo(tmp_path, "copy", "--all", *to, images[number % 3], address)
            assert pushed.returncode == 0, pushed.stderr
            pulled = skopeo(tmp_path, "copy", "--all", *of, address, f"dir:{tmp_path}/pulled{number}")
            assert pulled.returncode == 0, pulled.stderr

    asyncio.run(_forget_tags(settings))
    assert outcome(run(tmp_path, "gc", **environ))[0] == 0
    assert [path for path in (tmp_path / "data" / "blobs" / "blobs").rglob("*") if path.is_file()] == []


async def _forget_tags(settings: Settings) -> None:
    """Backdate all content, and end its tags before the window, while nothing is pushed."""
    database = await Database.connect(settings.database_url)
    with database.current():
        await backdate()
        await execute("UPDATE tag SET started_at_ms = 1, ended_at_ms = 2")
    await database.close()

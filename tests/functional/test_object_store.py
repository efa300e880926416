"""Servers that share a bucket: killed, continued by each other, collected, and used by a real client."""

import asyncio
import signal
from pathlib import Path

import httpx
import pytest

from quayside.settings.settings import load_settings
from storage.blobs.objects import OBJECT_SIZE
from storage.database import Database
from storage.statements import execute
from tests.functional.skopeo import skopeo
from tests.functional.test_push_faults import Registry, registry
from tests.plugins.s3 import CREDENTIALS
from tests.plugins.scale import SCALE
from tests.process import outcome, run, serving
from tests.quayside.registry import kit, people
from tests.quayside.registry.people import OWNER, PASSWORD
from tests.quayside.workers.contents import backdate
from tests.storage.blobs.helpers import multipart_uploads_of, objects_of

CONTENT = bytes(range(256)) * (OBJECT_SIZE // 256) + b"and a second part"
DIGEST = kit.digest_of(CONTENT)
NOTHING_LEFT = "total\tmanifests=0\tblobs=0\tbytes=0\n"


@pytest.fixture
def environ(tmp_path: Path, database_url: str, s3_url: str) -> dict[str, str]:
    """What all servers of a test share: database, bucket, key and public address; with one user."""
    values = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "BLOB_URL": s3_url,
        "SECRET_KEY": "k" * 32,
        "PUBLIC_URL": "http://registry.example",
    }
    asyncio.run(people.create_users(load_settings(values, {}), OWNER))
    return CREDENTIALS | {f"QUAYSIDE_{key}": value for key, value in values.items()}


def push_in_chunks(server: Registry, *others: Registry) -> str:
    """Upload the content in chunks of which each goes to another server; the upload's address."""
    location: str = server.client.post(server.url("blobs/uploads/")).headers["Location"]
    size, offset = len(CONTENT) // 4 + 1, 0
    for number in range(4):
        chunk = CONTENT[offset : offset + size]
        to = [server, *others][number % (1 + len(others))]
        answer = to.client.patch(
            location, content=chunk, headers={"Content-Range": f"{offset}-{offset + len(chunk) - 1}"}
        )
        offset += len(chunk)
        assert (answer.status_code, answer.headers["Range"]) == (202, f"0-{offset - 1}")
    return location


async def make_old(environ: dict[str, str]) -> None:
    """Let what was pushed be old, and of no use to any repository."""
    database = await Database.connect(environ["QUAYSIDE_DATABASE_URL"])
    with database.current():
        await backdate()
        await execute("DELETE FROM repository_blob")
    await database.close()


def test_any_server_takes_any_chunk(tmp_path: Path, environ: dict[str, str]) -> None:
    with registry(tmp_path / "a", environ) as one, registry(tmp_path / "b", environ) as other:
        location = push_in_chunks(one, other)
        finished = other.client.put(location, params={"digest": DIGEST})

        assert finished.status_code == 201
        for server in (one, other):
            assert server.client.get(finished.headers["Location"]).content == CONTENT
    assert objects_of(environ["QUAYSIDE_BLOB_URL"]) == [f"blobs/{DIGEST}"]


POINTS = ("commit.before_copy_end", "commit.after_copy", "push.before_commit")


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS if SCALE > 1 else POINTS[:2])
def test_what_a_killed_server_left_is_finished_by_another(
    tmp_path: Path, environ: dict[str, str], point: str
) -> None:
    url = environ["QUAYSIDE_BLOB_URL"]
    with registry(tmp_path / "a", environ | {"QUAYSIDE_FAULT": f"{point}:kill"}) as killed:
        location = push_in_chunks(killed)
        with pytest.raises(httpx.RemoteProtocolError):
            killed.client.put(location, params={"digest": DIGEST})

    with registry(tmp_path / "b", environ) as after:
        assert after.status(f"blobs/{DIGEST}") == 404
        finished = after.client.put(location, params={"digest": DIGEST})
        if point == "push.before_commit":
            # The upload has ended; a client that is told so begins anew.
            assert finished.status_code == 404
            finished = after.push_blob(CONTENT)
        assert finished.status_code == 201
        assert after.client.get(after.url(f"blobs/{DIGEST}")).content == CONTENT
    assert objects_of(url) == [f"blobs/{DIGEST}"]
    # What the rule for the bucket clears: the parts that were on their way, and nothing else.
    assert multipart_uploads_of(url) == ([f"blobs/{DIGEST}"] if point == POINTS[0] else [])


def test_a_collection_that_is_killed_is_finished_by_the_next(tmp_path: Path, environ: dict[str, str]) -> None:
    with registry(tmp_path / "a", environ) as server:
        assert [server.push_blob(content).status_code for content in (b"one", b"two")] == [201, 201]
    asyncio.run(make_old(environ))
    planned = outcome(run(tmp_path, "gc", "--dry-run", **environ))

    killed = run(tmp_path, "gc", **environ, QUAYSIDE_FAULT="collection.before_bytes:kill")
    left = objects_of(environ["QUAYSIDE_BLOB_URL"])
    done = outcome(run(tmp_path, "gc", **environ))

    assert killed.returncode == -signal.SIGKILL
    assert len(left) == 2
    assert done == planned == (0, "total\tmanifests=0\tblobs=2\tbytes=6\n", "")
    assert objects_of(environ["QUAYSIDE_BLOB_URL"]) == []
    assert outcome(run(tmp_path, "gc", "--dry-run", **environ)) == (0, NOTHING_LEFT, "")


def test_doctor_says_whether_the_bucket_can_be_used(tmp_path: Path, environ: dict[str, str]) -> None:
    works = run(tmp_path, "doctor", **environ)
    url = environ["QUAYSIDE_BLOB_URL"].replace("quayside-tests", "no-such-bucket")
    fails = run(tmp_path, "doctor", **environ | {"QUAYSIDE_BLOB_URL": url})

    assert "ok      blob store: s3\n" in works.stdout
    (line,) = [line for line in fails.stdout.splitlines() if "blob store" in line]
    assert "The blob store does not work" in line
    assert "NoSuchBucket" in line
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in fails.stdout + fails.stderr


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("redirects", ["true", "false"])
def test_a_real_client_pushes_and_pulls(tmp_path: Path, environ: dict[str, str], redirects: str) -> None:
    layer = kit.layer_of(b"quay")
    config = kit.config_of("amd64", layer[1])
    body = kit.encode(kit.image_document(layer[0], config=config))
    kit.write_layout(tmp_path / "image", "v1", body, layer[0], config)
    more = {"QUAYSIDE_BLOB_REDIRECTS": redirects, "QUAYSIDE_PUBLIC_URL": ""}
    with serving(tmp_path, "--no-jobs", environ=environ | more) as (client, _):
        address = f"docker://127.0.0.1:{client.base_url.port}/{OWNER}/app:v1"
        login = f"{OWNER}:{PASSWORD}"
        pushed = skopeo(
            tmp_path, "copy", "--dest-tls-verify=false", f"--dest-creds={login}",
            f"oci:{tmp_path}/image:v1", address,
        )  # fmt: skip
        assert pushed.returncode == 0, pushed.stderr
        pulled = skopeo(
            tmp_path, "copy", "--src-tls-verify=false", f"--src-creds={login}", address,
            f"dir:{tmp_path}/pulled",
        )  # fmt: skip
        assert pulled.returncode == 0, pulled.stderr

    for content in (layer[0], config):
        name = kit.digest_of(content).removeprefix("sha256:")
        assert (tmp_path / "pulled" / name).read_bytes() == content

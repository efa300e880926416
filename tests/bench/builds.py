"""A build by the service beside plain `buildah bud` and `buildah push` of the same context.

    python -m tests.bench.builds

Both build on an image of the same registry, and push to it. Each round has a context of its own, so that no
layer is cached but the base. The time of the service is that from the order to the end; the context is there.
"""

import io
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import httpx

from tests.bench.servers import Server, start_quayside
from tests.contexts import base

OWNER = "bench"
ROUNDS = 3
FILES, FILE_BYTES = 48, 1024 * 1024
STEPS = """FROM {host}/bench/base:1
COPY data /data
RUN cat /data/* | gzip -1 > /packed
RUN for i in 1 2 3 4; do cat /data/* | sha512sum; done > /sums
RUN for i in 1 2 3 4; do gunzip -c /packed | sha256sum; done >> /sums
CMD ["/bin/sh"]
"""
TINY = """FROM {host}/bench/base:1
COPY data /data
RUN cat /data/* > /all
"""


def context(place: Path, dockerfile: str, files: int, size: int) -> Path:
    """A directory with a Dockerfile and files of random bytes."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "data").mkdir(parents=True)
    (place / "Dockerfile").write_text(dockerfile)
    for number in range(files):
        (place / "data" / str(number)).write_bytes(os.urandom(size))
    return place


def packed(place: Path) -> bytes:
    """The context as it is uploaded."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(place, arcname=".")
    return buffer.getvalue()


def by_service(client: httpx.Client, name: str, archive: bytes) -> float:
    """The seconds from the order to the end of a build."""
    made = {"repository": name, "namespace": OWNER, "visibility": "private", "description": ""}
    assert client.post("/repository", json=made).status_code in {201, 400}
    place = client.post("/filedrop/", json={"mimeType": "application/x-tar"}).json()
    httpx.put(place["url"], content=archive, timeout=60).raise_for_status()
    began = time.perf_counter()
    order = {"file_id": place["file_id"], "docker_tags": ["1"]}
    ordered = client.post(f"/repository/{OWNER}/{name}/build/", json=order).raise_for_status().json()
    path = f"/repository/{OWNER}/{name}/build/{ordered['id']}/status"
    while (phase := client.get(path).json()["phase"]) not in {"complete", "error", "internalerror"}:
        time.sleep(0.1)
    assert phase == "complete", client.get(path).json()
    return time.perf_counter() - began


def by_hand(ours: Server, place: Path, storage: Path, driver: str) -> float:
    """The seconds that buildah takes as a program of this machine."""
    host = ours.url.removeprefix("http://")
    policy = storage / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    program = [
        *("buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run")),
        *("--storage-driver", driver),
    ]
    registry = ["--tls-verify=false", f"--creds=$oauthtoken:{ours.token}", f"--signature-policy={policy}"]
    result = f"localhost/result-{place.name}"
    commands = [
        [
            *(*program, "bud", "--isolation=chroot", "--layers", "--format=oci", "--pull", "--quiet"),
            *(*registry, f"--tag={result}", str(place)),
        ],
        [*program, "push", "--quiet", *registry, result, f"docker://{host}/{OWNER}/byhand:1"],
    ]
    began = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def main() -> int:
    """Measure and print; 1 where what is needed is missing."""
    if shutil.which("buildah") is None or not Path("/bin/busybox").exists():
        print("the measurement of builds needs buildah and busybox-static", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        place = Path(directory)
        (place / "data").mkdir()
        ours = start_quayside(place / "data", owner=OWNER, runs_jobs=True)
        try:
            with httpx.Client(base_url=f"{ours.url}/api/v1", headers=ours.headers(), timeout=60) as client:
                by_service(client, "base", base())
                measure(ours, client, place)
        finally:
            ours.stop()
    return 0


def measure(ours: Server, client: httpx.Client, place: Path) -> None:
    """Both in turns, for a small context and for one with work to do."""
    host = ours.url.removeprefix("http://")
    driver = os.environ.get("STORAGE_DRIVER", "overlay")
    storage = place / "storage"
    storage.mkdir()
    for name, text, files, size in (("tiny", TINY, 4, 1024), ("usual", STEPS, FILES, FILE_BYTES)):
        mine, theirs = [], []
        for number in range(ROUNDS + 1):
            made = context(place / f"{name}{number}", text.format(host=host), files, size)
            mine.append(by_service(client, name, packed(made)))
            theirs.append(by_hand(ours, made, storage, driver))
        # The first of each fetched the base, and started what is there since.
        ours_s, theirs_s = statistics.median(mine[1:]), statistics.median(theirs[1:])
        print(
            f"build, {name} context: {ours_s:6.2f} s, buildah bud and push ({driver}) {theirs_s:6.2f} s,"
            f"   ratio {ours_s / theirs_s:5.2f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())

"""The content for measurements, pushed through `/v2`: an image, a large blob, a repository with many tags."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urljoin

import httpx

from tests.bench.load import CHUNK, send
from tests.bench.servers import Server
from tests.quayside.registry import kit

OWNER = "bench"
PATH = f"{OWNER}/app"
BLOB_BYTES = 100 * CHUNK
HUGE_BYTES = 2048 * CHUNK
TAGS = 100


def registry_headers(server: Server, actions: str, path: str = PATH) -> dict[str, str]:
    """The headers of a request on a repository, with a registry token if the server needs one."""
    if not server.token:
        return {}
    query = urlencode({"service": "bench", "scope": f"repository:{path}:{actions}"})
    login = base64.b64encode(f"$oauthtoken:{server.token}".encode()).decode()
    answer = httpx.get(f"{server.url}/v2/auth?{query}", headers={"Authorization": f"Basic {login}"})
    answer.raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def repeated(piece: bytes, count: int) -> Iterator[bytes]:
    """A body of one piece repeated, which takes no memory."""
    for _ in range(count):
        yield piece


def digest_of_repeated(piece: bytes, count: int) -> str:
    """The digest of `repeated`."""
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def push_blob(
    server: Server, body: bytes | Iterator[bytes], digest: str, size: int, *, in_patch: bool = False
) -> float:
    """Upload a blob in one PUT, or in a PATCH before it; the seconds that these took."""
    headers = registry_headers(server, "push,pull")
    _, begun = send(server, "POST", f"/v2/{PATH}/blobs/uploads/", headers | {"Content-Length": "0"})
    location = urljoin(server.url, begun.headers["Location"])
    separator = "&" if "?" in location else "?"
    headers |= {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    before = 0.0
    if in_patch:
        before, patched = send(server, "PATCH", location, headers, body)
        location = urljoin(server.url, patched.headers["Location"])
        separator = "&" if "?" in location else "?"
        headers |= {"Content-Length": "0"}
        body = b""
    seconds, _ = send(server, "PUT", f"{location}{separator}digest={digest}", headers, body)
    return before + seconds


def push_at_once(server: Server, bodies: Sequence[bytes], *, in_patch: bool) -> tuple[float, float]:
    """Upload blobs of one size over as many connections; MB/s of all, and milliseconds of CPU for each MB."""
    digests = [f"sha256:{hashlib.sha256(body).hexdigest()}" for body in bodies]
    size = sum(map(len, bodies)) / 1e6
    with ThreadPoolExecutor(len(bodies)) as clients:
        cpu, started = server.cpu_seconds(), time.perf_counter()
        pushed = [
            clients.submit(push_blob, server, body, digest, len(body), in_patch=in_patch)
            for body, digest in zip(bodies, digests, strict=True)
        ]
        for each in pushed:
            each.result()
    seconds = time.perf_counter() - started
    return size / seconds, (server.cpu_seconds() - cpu) * 1000 / size


def push_tags(server: Server) -> str:
    """Push an image under many tags; its digest."""
    layer = os.urandom(4096)
    for blob in (kit.CONFIG, layer):
        push_blob(server, blob, kit.digest_of(blob), len(blob))
    headers = registry_headers(server, "push,pull") | {"Content-Type": kit.OCI_MANIFEST}
    digest = ""
    for number in range(TAGS):
        document = kit.image_document(layer, annotations={"number": str(number)})
        body = json.dumps(document, separators=(",", ":")).encode()
        send(server, "PUT", f"/v2/{PATH}/manifests/v{number}", headers, body)
        digest = kit.digest_of(body)
    return digest

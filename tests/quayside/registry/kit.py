"""What tests of `/v2` build and send: blobs, manifests, and a client that works on one repository.

The builders follow the OCI image specification and nothing of ours, so that a wrong idea of the format in the
product cannot hide behind the same idea here.
"""

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCTETS = "application/octet-stream"

CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
EMPTY = b"{}"

Json = dict[str, Any]


def digest_of(content: bytes, *, algorithm: str = "sha256") -> str:
    """The digest of some bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def descriptor(content: bytes, media_type: str, *, algorithm: str = "sha256", **extra: Any) -> Json:
    """A descriptor of some bytes; `extra` adds or replaces fields."""
    return {
        "mediaType": media_type,
        "digest": digest_of(content, algorithm=algorithm),
        "size": len(content),
        **extra,
    }


def with_data(content: bytes, media_type: str) -> Json:
    """A descriptor that carries the bytes themselves."""
    return descriptor(content, media_type, data=base64.b64encode(content).decode())


def encode(document: Json) -> bytes:
    """A document as bytes, as a client would write it."""
    return json.dumps(document, separators=(",", ":")).encode()


def image_document(*layers: bytes, config: bytes = CONFIG, algorithm: str = "sha256", **extra: Any) -> Json:
    """An OCI image; `extra` adds or replaces fields."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG, algorithm=algorithm),
        "layers": [descriptor(layer, OCI_LAYER, algorithm=algorithm) for layer in layers],
        **extra,
    }


def docker_image_document(*layers: bytes, config: bytes = CONFIG) -> Json:
    """A Docker image, version 2 schema 2."""
    return {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": descriptor(config, DOCKER_CONFIG),
        "layers": [descriptor(layer, DOCKER_LAYER) for layer in layers],
    }


def artifact_document(artifact_type: str | None, *blobs: bytes, **extra: Any) -> Json:
    """An artifact: an image manifest with the empty configuration."""
    typed = {} if artifact_type is None else {"artifactType": artifact_type}
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        **typed,
        "config": descriptor(EMPTY, OCI_EMPTY),
        "layers": [descriptor(blob, OCTETS) for blob in blobs],
        **extra,
    }


def index_document(*children: bytes, algorithm: str = "sha256", **extra: Any) -> Json:
    """An OCI index of manifests, each with the media type that it states."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(child, json.loads(child)["mediaType"], algorithm=algorithm) for child in children
        ],
        **extra,
    }


def write_layout(directory: Path, name: str, top: bytes, *contents: bytes) -> None:
    """Write an OCI image layout: manifests and blobs by digest, and `top` under a name."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for content in (top, *contents):
        (blobs / digest_of(content).removeprefix("sha256:")).write_bytes(content)
    entry = descriptor(
        top, json.loads(top)["mediaType"], annotations={"org.opencontainers.image.ref.name": name}
    )
    (directory / "index.json").write_bytes(encode({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_bytes(encode({"imageLayoutVersion": "1.0.0"}))


def layer_of(content: bytes) -> tuple[bytes, str]:
    """A gzipped archive with one file, and the digest of the archive before compression."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        file = tarfile.TarInfo("content")
        file.size = len(content)
        archive.addfile(file, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0), digest_of(buffer.getvalue())


def config_of(architecture: str, *diff_ids: str) -> bytes:
    """The configuration of a Linux image."""
    return encode(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        }
    )


class TokenFlow(httpx.Auth):
    """Credentials as docker uses them: fetch the token that the challenge asks for, and try again.

    Tokens are kept by the scope that they were fetched for, as by a client that pushes many blobs.
    """

    requires_request_body = True

    def __init__(self, username: str | None = None, password: str = "") -> None:
        self._login = None if username is None else httpx.BasicAuth(username, password)
        self._tokens: dict[str, str] = {}
        self._last = ""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send the request, and once more with a new token if the answer is a challenge."""
        await request.aread()
        if self._last:
            request.headers["Authorization"] = f"Bearer {self._last}"
        response = yield request
        if response.status_code != 401:
            return
        asked = challenge_of(response)
        scope = asked.get("scope", "")
        if self._tokens.get(scope, self._last) == self._last:
            parameters: list[tuple[str, Any]] = [
                ("service", asked["service"]),
                *(("scope", item) for item in scope.split()),
            ]
            # The realm is the public address; the application under test has no network of its own.
            fetch = httpx.Request("GET", request.url.join(urlsplit(asked["realm"]).path), params=parameters)
            fetched = yield (next(self._login.auth_flow(fetch)) if self._login else fetch)
            await fetched.aread()
            if fetched.status_code != 200:
                return
            self._tokens[scope] = fetched.json()["token"]
        self._last = self._tokens[scope]
        request.headers["Authorization"] = f"Bearer {self._last}"
        yield request


def challenge_of(response: httpx.Response) -> dict[str, str]:
    """The parameters of a Bearer challenge."""
    kind, _, parameters = response.headers["WWW-Authenticate"].partition(" ")
    assert kind == "Bearer"
    return dict(re.findall(r'(\w+)="([^"]*)"', parameters))


def error_codes(response: httpx.Response) -> list[str]:
    """The codes of an error answer, whose format is checked on the way."""
    assert response.headers["Content-Type"] == "application/json"
    errors = response.json()["errors"]
    assert all(re.fullmatch(r"[A-Z_]+", error["code"]) and error["message"] for error in errors)
    assert all(error["detail"] for error in errors)
    return [error["code"] for error in errors]


class Repository:
    """A client's view of one repository. Methods that build something assert that the registry took it."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        self.client = client
        self.name = name

    def url(self, rest: str) -> str:
        """The path of something in the repository."""
        return f"/v2/{self.name}/{rest}"

    async def start_upload(self, **parameters: str) -> str:
        """Begin an upload and return its location."""
        answer = await self.client.post(self.url("blobs/uploads/"), params=parameters)
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    async def put_chunk(self, location: str, chunk: bytes, first: int) -> httpx.Response:
        """Send a chunk that starts at byte `first`."""
        headers = {"Content-Range": f"{first}-{first + len(chunk) - 1}", "Content-Type": OCTETS}
        return await self.client.patch(location, content=chunk, headers=headers)

    async def finish_upload(
        self, location: str, digest: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Close an upload, with the last chunk or without."""
        target = httpx.URL(location).copy_merge_params({"digest": digest})
        return await self.client.put(
            target, content=content, headers={"Content-Type": OCTETS, **(headers or {})}
        )

    async def push_blob(self, content: bytes, *, algorithm: str = "sha256") -> str:
        """Push a blob and return its digest."""
        digest = digest_of(content, algorithm=algorithm)
        answer = await self.finish_upload(await self.start_upload(), digest, content)
        assert answer.status_code == 201, answer.text
        return digest

    async def push_blobs(self, *contents: bytes, algorithm: str = "sha256") -> None:
        """Push several blobs."""
        for content in contents:
            await self.push_blob(content, algorithm=algorithm)

    async def put_manifest(
        self, reference: str, body: bytes, content_type: str | None = None, **parameters: Any
    ) -> httpx.Response:
        """Send a manifest; its content type is the one that it states, unless another is given."""
        media_type = content_type or json.loads(body)["mediaType"]
        return await self.client.put(
            self.url(f"manifests/{reference}"),
            params=parameters or None,
            content=body,
            headers={"Content-Type": media_type},
        )

    async def push_manifest(self, document: Json, reference: str | None = None) -> bytes:
        """Push a document, by its digest unless a tag is given, and return its bytes."""
        body = encode(document)
        answer = await self.put_manifest(reference or digest_of(body), body)
        assert answer.status_code == 201, answer.text
        return body

    async def push_image(self, *layers: bytes, tag: str | None = None, **extra: Any) -> bytes:
        """Push an image with its blobs and return the manifest's bytes."""
        await self.push_blobs(CONFIG, *layers)
        return await self.push_manifest(image_document(*layers, **extra), tag)

    async def get_manifest(self, reference: str) -> httpx.Response:
        """Read a manifest."""
        return await self.client.get(self.url(f"manifests/{reference}"))

    async def get_blob(self, digest: str, **headers: str) -> httpx.Response:
        """Read a blob."""
        return await self.client.get(self.url(f"blobs/{digest}"), headers=headers)

"""Fills and scripts `tests.upstreams.fake`, and starts the other registries that stand upstream in tests."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.bench.servers import PEER, start_peer
from tests.process import helping, provide_registry, run, serving
from tests.quayside.registry.kit import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, descriptor


class LiveUpstream(NamedTuple):
    """A registry as it is installed: its `host:port`, and an account that may push and pull, if needed."""

    host: str
    account: tuple[str, str] | None = None


class FakeUpstream:
    """The running fake. `host` is what a reference begins with."""

    def __init__(self, host: str, verify: Any = True, scheme: str = "http") -> None:
        self.host = host
        self.url = f"{scheme}://{host}"
        self._client = httpx.Client(base_url=self.url, trust_env=False, verify=verify)

    def close(self) -> None:
        """End the connection to the control."""
        self._client.close()

    def _post(self, what: str, **said: Any) -> None:
        self._client.post(f"/control/{what}", json=said).raise_for_status()

    def reset(self) -> None:
        """Forget content, script and memory."""
        self._post("reset")

    def blob(self, name: str, content: bytes) -> str:
        """Put a blob; its digest."""
        answer = self._client.put(f"/control/blobs/{name}", content=content)
        return str(answer.json()["digest"])

    def manifest(
        self, name: str, reference: str, document: dict[str, Any], media_type: str = OCI_MANIFEST
    ) -> str:
        """Put a manifest under a tag, or under its digest alone (`sha256:`); its digest."""
        body = json.dumps(document).encode()
        answer = self._client.put(
            f"/control/manifests/{name}/{reference}", content=body, headers={"Content-Type": media_type}
        )
        return str(answer.json()["digest"])

    def image(self, name: str, tag: str, *layers: bytes, **more: Any) -> str:
        """Put an image of these layers, with a configuration that no other has; its digest."""
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "id": tag}
        ).encode()
        return self.manifest(
            name,
            tag,
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": self._put(name, config, OCI_CONFIG),
                "layers": [self._put(name, layer, OCI_LAYER) for layer in layers],
                **more,
            },
        )

    def index(self, name: str, tag: str, *children: dict[str, Any]) -> str:
        """Put an index of these descriptors; its digest."""
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children)}
        return self.manifest(name, tag, document, OCI_INDEX)

    def _put(self, name: str, content: bytes, media_type: str) -> dict[str, Any]:
        self.blob(name, content)
        return descriptor(content, media_type)

    def rule(self, match: str, **what: Any) -> None:
        """Add a rule for requests whose `METHOD path` the expression finds (`tests.upstreams.fake`)."""
        self._post("rules", match=match, **what)

    def ask_for(self, kind: str, **what: Any) -> None:
        """Ask for `basic` or `bearer` authentication from now on."""
        self._post("auth", kind=kind, **what)

    def revoke(self) -> None:
        """Let no token be good any longer."""
        self._post("revoke")

    def go(self) -> None:
        """Let answers go on that wait."""
        self._post("go")

    def waiting(self) -> int:
        """How many answers wait."""
        return int(self._client.get("/control/waiting").json()["waiting"])

    def requests(self, match: str = "") -> list[dict[str, Any]]:
        """What was asked, as `method`, `path` and `headers`; those whose `METHOD path` matches."""
        found: list[dict[str, Any]] = self._client.get("/control/requests").json()
        return [each for each in found if re.search(match, f"{each['method']} {each['path']}")]

    def asked(self, match: str = "") -> list[str]:
        """What was asked, as `METHOD path`."""
        return [f"{each['method']} {each['path']}" for each in self.requests(match)]


@contextmanager
def faking(
    certificate: Path | None = None, key: Path | None = None, verify: Any = True
) -> Iterator[FakeUpstream]:
    """A running fake, by TLS if there is a certificate."""
    with helping("tests.upstreams.fake", *map(str, filter(None, (certificate, key)))) as port:
        fake = FakeUpstream(f"127.0.0.1:{port}", verify, "https" if certificate else "http")
        try:
            yield fake
        finally:
            fake.close()


@contextmanager
def serving_docker_registry(directory: Path) -> Iterator[LiveUpstream]:
    """Debian's docker-registry, without login, on a directory."""
    server = start_peer(directory)
    assert server is not None, f"{PEER} is not installed"
    try:
        yield LiveUpstream(server.url.removeprefix("http://"))
    finally:
        server.stop()


@contextmanager
def serving_quayside(directory: Path) -> Iterator[LiveUpstream]:
    """Another quayside on a directory, with the user `upstream`, whose repositories are private."""
    account = ("upstream", "upstream-password")
    name, password = account
    provide_registry(directory)
    # By a process: this one may work on another kind of database, whose statements are kept.
    options = ("--email", f"{name}@example.com", "--password-stdin")
    assert run(directory, "admin", "create-user", name, *options, text=f"{password}\n").returncode == 0
    with serving(directory, "--no-jobs") as (client, _):
        yield LiveUpstream(client.base_url.netloc.decode(), account)

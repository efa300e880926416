"""What counting pulls and writing them into the audit log costs: a manifest GET with it and without."""

import tempfile
from pathlib import Path

from tests.bench import content
from tests.bench.load import Rate, hammer
from tests.bench.servers import Server, start_quayside
from tests.quayside.registry import kit


def measure() -> tuple[Rate, Rate]:
    """The rate of a server as it is, and of one that does not count; each on a directory of its own."""
    counted, uncounted = (_rate(module) for module in ("quayside", "tests.bench.uncounted"))
    return counted, uncounted


def _rate(module: str) -> Rate:
    with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
        server = start_quayside(Path(directory), owner=content.OWNER, module=module)
        try:
            content.push_tags(server)
            return _manifest(server)
        finally:
            server.stop()


def _manifest(server: Server) -> Rate:
    headers = {"Accept": kit.OCI_MANIFEST} | content.registry_headers(server, "pull")
    return hammer(server, f"/v2/{content.PATH}/manifests/v7", headers)

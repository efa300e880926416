"""The cost of counting and logging pulls: a manifest GET with and without it."""

import tempfile
from pathlib import Path

from tests.bench import content
from tests.bench.load import Rate, hammer
from tests.bench.servers import Server, start_quayside
from tests.quayside.registry import kit


def measure() -> tuple[Rate, Rate]:
    """The rates of a server with and without counting, each on its own directory."""
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

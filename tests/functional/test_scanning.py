"""A real server scans what skopeo pushes, in time."""

from pathlib import Path
from typing import Any

import pytest

from tests.functional.skopeo import skopeo
from tests.process import make_user, serving, token_of
from tests.scanning import archive, python_package
from tests.waiting import wait_for

pytestmark = pytest.mark.needs("skopeo")

QUERY = """{ repository(path: "alice/app") { manifests { nodes {
  scan { state reason } packages(first: 100) { totalCount nodes { package { name version } } } } } } }"""


def test_a_small_image_is_scanned_within_ten_seconds_of_its_push(tmp_path: Path) -> None:
    make_user(tmp_path, "alice", "correct-horse")
    token = token_of(tmp_path, "alice", "repo:read")
    (tmp_path / "layer.tar").write_bytes(archive(python_package("flask", "3.0.0")))
    with serving(tmp_path) as (client, _):
        pushed = skopeo(
            tmp_path,
            *("copy", "--dest-tls-verify=false", "--dest-creds=alice:correct-horse"),
            f"tarball:{tmp_path / 'layer.tar'}",
            f"docker://127.0.0.1:{client.base_url.port}/alice/app:v1",
        )
        assert pushed.returncode == 0, pushed.stderr

        def look() -> dict[str, Any]:
            answer = client.post(
                "/graphql", json={"query": QUERY}, headers={"Authorization": f"Bearer {token}"}
            ).json()
            (found,) = answer["data"]["repository"]["manifests"]["nodes"]
            assert found["packages"] is None or found["scan"]["state"] != "QUEUED"
            return dict(found)

        image = wait_for(look, lambda found: found["scan"]["state"] != "QUEUED", patience_s=10)
    assert image == {
        "scan": {"state": "SCANNED", "reason": None},
        "packages": {"totalCount": 1, "nodes": [{"package": {"name": "flask", "version": "3.0.0"}}]},
    }

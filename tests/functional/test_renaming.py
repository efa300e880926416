"""An organization whose renaming is killed has its old name, whole, and is renamed by the next try."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.process import make_user, serving, token_of

SCOPES = "repo:admin repo:create org:admin user:admin super:user"
RENAMED = {"name": "acme-two", "email": "two@example.com"}


def test_a_kill_leaves_the_old_name_and_the_next_try_the_new_one(tmp_path: Path, database_url: str) -> None:
    environ = {
        "QUAYSIDE_DATA_DIR": str(tmp_path / "data"),
        "QUAYSIDE_DATABASE_URL": database_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
        "QUAYSIDE_REST_STATUS_CODES": "documented",
    }
    make_user(tmp_path, "root", "correct-horse", is_superuser=True, **environ)
    headers = {"Authorization": f"Bearer {token_of(tmp_path, 'root', SCOPES, **environ)}"}

    def ask(client: httpx.Client, method: str, path: str, body: Any = None) -> httpx.Response:
        return client.request(method, f"/api/v1/{path}", json=body, headers=headers)

    def held(client: httpx.Client, name: str) -> list[Any]:
        robots = ask(client, "GET", f"organization/{name}/robots")
        return [
            ask(client, "GET", f"organization/{name}").json().get("email"),
            ask(client, "GET", f"repository/{name}/app").status_code,
            [robot["name"] for robot in robots.json().get("robots", [])],
        ]

    def start(directory: str, **more: str) -> Any:
        (tmp_path / directory).mkdir()
        return serving(tmp_path / directory, "--no-jobs", environ=environ | more)

    killed = start("a", QUAYSIDE_FAULT="rename.before_commit:kill")
    with killed as (client, _):
        ask(client, "POST", "organization/", {"name": "acme", "email": "one@example.com"})
        repository = {"repository": "app", "namespace": "acme", "visibility": "private", "description": ""}
        assert ask(client, "POST", "repository", repository).status_code == 201
        assert ask(client, "PUT", "organization/acme/robots/ci", {}).status_code == 201
        with pytest.raises(httpx.RemoteProtocolError):
            ask(client, "PUT", "superuser/organizations/acme", RENAMED)

    with start("b") as (client, _):
        assert held(client, "acme") == ["one@example.com", 200, ["acme+ci"]]
        assert ask(client, "GET", "organization/acme-two").status_code == 404
        assert ask(client, "PUT", "superuser/organizations/acme", RENAMED).status_code == 200
        assert held(client, "acme-two") == ["two@example.com", 200, ["acme-two+ci"]]
        assert ask(client, "GET", "organization/acme").status_code == 404

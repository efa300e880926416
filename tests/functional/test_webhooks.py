"""Webhooks of a running server: the hook of the documentation, in a Git repository of a test."""

import subprocess
from pathlib import Path

import pytest

from tests.functional.hooks import ask, install_hook
from tests.functional.test_docs import EXAMPLES
from tests.git_server import AUTHOR
from tests.process import make_user, serving, token_of

(PAYLOAD,) = [one.text for one in EXAMPLES if one.language == "json" and '"default_branch"' in one.text]


def git(place: Path, *arguments: str) -> str:
    completed = subprocess.run(
        ["git", *arguments],
        cwd=place,
        env=AUTHOR,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout.strip()


@pytest.mark.needs("git", "curl")
def test_the_hook_of_the_documentation_tells_of_what_is_pushed(tmp_path: Path) -> None:
    make_user(tmp_path, "ada", "correct-horse-battery")
    token = token_of(tmp_path, "ada", "repo:admin repo:create")
    with serving(tmp_path, "--no-jobs") as (client, _):
        client.headers["Authorization"] = f"Bearer {token}"
        made = client.post(
            "/api/v1/repository",
            json={"namespace": "ada", "repository": "ferry", "visibility": "private", "description": ""},
        )
        assert made.status_code == 201, made.text

        uuid = ask(
            client,
            'mutation { buildTriggerCreate(repository: "ada/ferry", service: CUSTOM_GIT)'
            " { trigger { uuid } errors { message } } }",
        )["uuid"]
        # Nobody is asked there before a build begins.
        config = (
            '{ build_source: "https://9.9.9.9/ada/ferry.git", tag_templates: ["${parsed_ref.tag}-arm64"] }'
        )
        credentials = ask(
            client,
            "mutation {"
            f' buildTriggerActivate(repository: "ada/ferry", uuid: "{uuid}", input: {{ config: {config} }})'
            " { trigger { credentials { name value } } errors { message } } }",
        )["credentials"]
        (address,) = [one["value"] for one in credentials if one["name"] == "Webhook Endpoint URL"]
        public = str(client.base_url).rstrip("/").removeprefix("http://")
        secret = address.partition("//")[2].rpartition("@")[0]
        address = f"http://{secret}@{public}/webhooks/push/trigger/{uuid}"

        server, work = tmp_path / "ferry.git", tmp_path / "ferry"
        git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(server))
        install_hook(server, address)
        git(tmp_path, "clone", "--quiet", str(server), str(work))
        git(work, "checkout", "--quiet", "-b", "main")
        git(work, "commit", "--quiet", "--allow-empty", "-m", "Let ferries carry bicycles")
        git(work, "tag", "-a", "v1", "-m", "The first")
        commit = git(work, "rev-parse", "HEAD")
        git(work, "push", "--quiet", "origin", "main", "v1")
        git(work, "push", "--quiet", "--delete", "origin", "v1")

        wrong = client.post(
            f"/webhooks/push/ada/ferry/trigger/{uuid}",
            content=PAYLOAD,
            headers={"Content-Type": "application/json"},
            auth=("$token", "wrong"),
        )
        documented = client.post(
            f"/webhooks/push/ada/ferry/trigger/{uuid}",
            content=PAYLOAD,
            headers={"Content-Type": "application/json"},
            auth=("$token", secret.partition(":")[2]),
        )
        found = client.get("/api/v1/repository/ada/ferry/build/").json()["builds"]

    assert [wrong.status_code, documented.status_code] == [403, 200]
    newest, *pushed = sorted(found, key=lambda one: "commit_info" not in one["trigger_metadata"])
    assert newest["trigger_metadata"]["commit_info"]["author"]["username"] == "wilma"
    assert {(tuple(one["tags"]), one["trigger_metadata"]["commit"]) for one in pushed} == {
        (("main", "latest"), commit),
        (("v1-arm64", "v1"), commit),
    }

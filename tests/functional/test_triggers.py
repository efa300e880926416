"""From a push to an image: a running server, a Git repository behind ssh, and what tells of its commits."""

from pathlib import Path

import httpx
import pytest

from tests.functional.building import Registry
from tests.git_server import git_serving
from tests.process import make_user, serving, token_of

pytestmark = pytest.mark.needs("buildah", "git", "sshd")
REPOSITORY = "/api/v1/repository/ada/app"


def test_a_push_is_built_for_as_long_as_who_connected_the_trigger_may_push(tmp_path: Path) -> None:
    make_user(tmp_path, "ada", "correct-horse")
    make_user(tmp_path, "bob", "correct-horse")
    with (
        git_serving(tmp_path / "git") as git,
        serving(tmp_path, environ={"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1"}) as (client, _),
    ):
        client.headers["Authorization"] = f"Bearer {token_of(tmp_path, 'ada', 'repo:admin repo:create')}"
        commit = git.make_repository("app", Dockerfile="FROM scratch\nCOPY Dockerfile /\n")
        registry = Registry(client, tmp_path)
        registry.repository("app")
        permission = f"{REPOSITORY}/permissions/user/bob"
        assert client.put(permission, json={"role": "admin"}).status_code == 200

        # Given a trigger of bob's, whose key the Git server lets in
        bob = {"Authorization": f"Bearer {token_of(tmp_path, 'bob', 'repo:admin')}"}
        document = 'mutation { buildTriggerCreate(repository: "ada/app") { trigger { uuid } } }'
        answer = client.post("/graphql", json={"query": document}, headers=bob).json()
        trigger = f"{REPOSITORY}/trigger/{answer['data']['buildTriggerCreate']['trigger']['uuid']}"
        body = {"config": {"build_source": git.url("app")}}
        active = client.post(f"{trigger}/activate", json=body, headers=bob).json()
        given = {each["name"]: each["value"] for each in active["config"]["credentials"]}
        git.allow(given["SSH Public Key"])

        # When it is told of a push, an image of the commit is pushed, and its build names both
        push = {"commit": commit, "ref": "refs/heads/main", "default_branch": "main"}
        told = httpx.post(given["Webhook Endpoint URL"], json=push)
        assert told.status_code == 200, told.text
        built = registry.wait("app", told.json()["builds"][0]["id"])
        assert (built["phase"], built["error"]) == ("complete", None)
        assert (built["tags"], built["manual_user"]) == (["main", "latest"], None)
        assert built["trigger_metadata"] == push | {"git_url": git.url("app")}
        assert built["trigger"]["id"] == active["id"]
        tags = client.get(f"{REPOSITORY}/tag/").json()["tags"]
        assert {tag["name"] for tag in tags} == {"main", "latest"}

        # When it is started by hand, that is a build of whoever did, of the commit
        started = client.post(f"{trigger}/start", json={"commit_sha": commit})
        by_hand = started.json()
        assert (started.status_code, by_hand["manual_user"], by_hand["tags"]) == (201, "ada", [commit[:7]])
        client.delete(f"{REPOSITORY}/build/{by_hand['id']}")

        # When bob may not push any more, his trigger's builds fail and say so
        assert client.delete(permission).status_code == 204
        push["commit"] = git.commit("app", Dockerfile="FROM scratch\nCOPY . /\n")
        refused = registry.wait(
            "app", httpx.post(given["Webhook Endpoint URL"], json=push).json()["builds"][0]["id"]
        )
        assert (refused["phase"], refused["error"]) == (
            "error",
            "The account that connected the trigger may not push to the repository.",
        )

        # When the trigger is deleted, so are its builds
        assert client.delete(trigger).status_code == 204
        assert client.get(f"{REPOSITORY}/build/").json() == {"builds": []}
        assert httpx.post(given["Webhook Endpoint URL"], json=push).status_code == 403

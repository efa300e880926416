"""Push hooks: from a push to a Git repository, by the key of a trigger, to an image for clients."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.functional.building import ENDED, PATIENCE_S, Registry
from tests.functional.hooks import ask, install_hook
from tests.functional.skopeo import skopeo
from tests.git_server import AUTHOR, GitServer, git_serving
from tests.process import make_user, serving, token_of
from tests.waiting import wait_for

CREATE = 'mutation { buildTriggerCreate(repository: "ada/app") { trigger { uuid } errors { message } } }'
ACTIVATE = """mutation($uuid: String!, $config: JSONObject!) {
  buildTriggerActivate(repository: "ada/app", uuid: $uuid, input: { config: $config }) {
    trigger { credentials { name value } } errors { message } } }"""


def connect(registry: Registry, git: GitServer, **config: Any) -> None:
    """Connect a repository of the registry with the one of the git server, by key and hook."""
    registry.repository("app")
    config = {"build_source": git.url("app"), **config}
    found = ask(registry.client, ACTIVATE, uuid=ask(registry.client, CREATE)["uuid"], config=config)
    credentials = {each["name"]: each["value"] for each in found["credentials"]}
    git.allow(credentials["SSH Public Key"])
    install_hook(git.directory / "app" / ".git", credentials["Webhook Endpoint URL"])


def push(git: GitServer, *branches: str) -> str:
    """Push the commit of `main` to other branches from a clone, as people do; what they see."""
    work = git.directory / "work"
    subprocess.run(["git", "clone", "-q", str(git.directory / "app"), str(work)], env=AUTHOR, check=True)
    command = ["git", "push", "origin", *(f"main:{branch}" for branch in branches)]
    return subprocess.run(command, cwd=work, env=AUTHOR, check=True, capture_output=True, text=True).stderr


def ended(registry: Registry) -> list[dict[str, Any]]:
    """The builds, when all of them have ended."""
    return wait_for(
        lambda: registry.builds("app"),
        lambda found: all(build["phase"] in ENDED for build in found),
        patience_s=PATIENCE_S,
    )


def files(image: Path) -> set[str]:
    """The names of the files in the layers of an image that skopeo has put down."""
    manifest = json.loads((image / "manifest.json").read_text())
    names = set[str]()
    for layer in manifest["layers"]:
        with tarfile.open(image / layer["digest"].partition(":")[2]) as tar:
            names |= {entry.name.removeprefix("./") for entry in tar if entry.isfile()}
    return names


@pytest.mark.needs("buildah", "curl", "git", "skopeo", "sshd")
def test_a_push_has_an_image_built_and_tagged_by_the_template(tmp_path: Path) -> None:
    make_user(tmp_path, "ada", "correct-horse")
    token = token_of(tmp_path, "ada", "repo:admin repo:create")
    with (
        git_serving(tmp_path / "git") as git,
        serving(tmp_path, environ={"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1"}) as (client, _),
    ):
        client.headers["Authorization"] = f"Bearer {token}"
        registry = Registry(client, tmp_path)
        # Given a repository with a submodule, and a trigger that has its key in there
        part = git.make_repository("part", library="of another repository")
        git.make_repository("app", Dockerfile="FROM scratch\nCOPY . /\n")
        commit = git.commit(
            "app",
            modules={"vendor": ("../part", part)},
            program="1",
            secret="2",
            **{".dockerignore": "secret\n"},
        )
        connect(
            registry,
            git,
            branchtag_regex="heads/release-.*",
            default_tag_from_ref=False,
            tag_templates=["${parsed_ref.branch}-${commit_info.short_sha}"],
        )

        # When somebody pushes a branch that the trigger wants, and one that it does not
        seen = push(git, "release-1", "other")

        # Then the image of the one has the tag that the template says, and nothing of the other is built
        assert "heads/other" in seen
        (build,) = ended(registry)
        assert (build["phase"], build["error"]) == ("complete", None), build
        tag = f"release-1-{commit[:7]}"
        assert (build["tags"], build["trigger_metadata"]["commit"]) == ([tag], commit)
        image = tmp_path / "image"
        copied = skopeo(
            tmp_path,
            *("copy", "--src-tls-verify=false", "--src-creds=ada:correct-horse"),
            *(f"docker://{registry.host}/ada/app:{tag}", f"dir:{image}"),
        )
        assert copied.returncode == 0, copied.stderr
        assert files(image) == {".dockerignore", ".gitmodules", "Dockerfile", "program", "vendor/library"}

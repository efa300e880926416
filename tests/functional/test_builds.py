"""Builds of a running server: from an uploaded context to an image that clients pull."""

import hashlib
import itertools
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from quayside.builds.directories import held
from tests.attested import BUNDLE, verify
from tests.contexts import archive, base
from tests.functional.building import ENDED, PATIENCE_S, Registry
from tests.functional.skopeo import skopeo
from tests.process import make_user, serving, token_of
from tests.process import run as run_command
from tests.waiting import wait_for

pytestmark = pytest.mark.needs("buildah", "busybox", "skopeo")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    directory = tmp_path_factory.mktemp("registry")
    make_user(directory, "ada", "correct-horse")
    with serving(directory, "--no-jobs") as (client, _):
        token = token_of(directory, "ada", "repo:admin repo:create user:read")
        client.headers["Authorization"] = f"Bearer {token}"
        found = Registry(client, directory)
        found.start_worker()
        try:
            yield found
        finally:
            found.worker.terminate()
            found.worker.wait()


def test_an_image_is_built_on_one_of_the_registry_and_pulled(registry: Registry, tmp_path: Path) -> None:
    # Given a base image, made from an archive with a Dockerfile
    registry.repository("base")
    made = registry.wait("base", registry.order("base", base(), docker_tags=["1", "edge"]))
    assert made["phase"] == "complete", (made, registry.log("base", made["id"]))
    assert (made["error"], made["tags"]) == (None, ["1", "edge"])

    # When another one is built on it, in stages
    registry.repository("app")
    context = archive(
        f"FROM {registry.host}/ada/base:1 AS one\nRUN echo built > /built\n"
        f"FROM {registry.host}/ada/base:edge\nCOPY --from=one /built /app/\nRUN cat /app/built\n"
    )
    build = registry.order("app", context)
    done = registry.wait("app", build)

    # Then its log has the phases and what it printed, and clients pull it
    assert (done["phase"], done["status"]) == ("complete", {"total_commands": 3, "current_command": 3})
    told = registry.log("app", build)
    assert [text for kind, text in told if kind == "phase"] == [
        *("build-scheduled", "unpacking", "pulling", "building", "pushing", "complete"),
    ]
    assert (None, "built") in told
    copied = skopeo(
        tmp_path,
        *("copy", "--src-tls-verify=false", "--src-creds=ada:correct-horse"),
        *(f"docker://{registry.host}/ada/app:latest", f"dir:{tmp_path}/app"),
    )
    assert copied.returncode == 0, copied.stderr
    logs = registry.client.get("/api/v1/repository/ada/app/logs").json()["logs"]
    assert {"build_dockerfile", "push_repo"} <= {entry["kind"] for entry in logs}

    # And what it was made from is told beside it, signed with the published key
    digest, (attached,) = registry.referrers("app")
    assert attached["artifactType"] == BUNDLE
    key = attached["bundle"]["verificationMaterial"]["publicKey"]["hint"]
    statement = verify(
        attached["bundle"]["dsseEnvelope"], httpx.get(f"{registry.keys}/{key}").raise_for_status().json()
    )
    assert statement["subject"] == [
        {"name": f"{registry.host}/ada/app", "digest": {"sha256": digest.partition(":")[2]}}
    ]
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    said = statement["predicate"]
    definition, run = said["buildDefinition"], said["runDetails"]
    assert definition["externalParameters"] == {
        "repository": "ada/app",
        "tags": ["latest"],
        "dockerfile": "/Dockerfile",
        "context": "/",
        "arguments": [],
    }
    assert definition["internalParameters"].keys() == {
        *("buildah", "network", "timeoutSeconds", "memoryBytes", "diskBytes"),
    }
    on = registry.referrers("base")[0]
    assert definition["resolvedDependencies"] == [
        {"name": "context", "digest": {"sha256": hashlib.sha256(context).hexdigest()}},
        *(
            {
                "name": f"{registry.host}/ada/base:{tag}",
                "uri": f"pkg:oci/base@{quote(on)}?repository_url={quote(registry.host)}/ada/base&tag={tag}",
                "digest": {"sha256": on.partition(":")[2]},
            }
            for tag in ("1", "edge")
        ),
    ]
    assert run["metadata"]["invocationId"] == build
    assert run["builder"]["id"] in {f"{registry.url}/builds", f"{registry.url}/builds/unsafe-root"}
    assert run["metadata"]["startedOn"] < run["metadata"]["finishedOn"]

    # And that is verified when another key signs, too
    rotated = run_command(registry.directory, "admin", "rotate-key", "--service", "builds").stdout.strip()
    assert [each["kid"] for each in httpx.get(registry.keys).json()["keys"]] == [rotated, key]
    kept = httpx.get(f"{registry.keys}/{key}").raise_for_status().json()
    assert verify(attached["bundle"]["dsseEnvelope"], kept) == statement


def test_a_build_is_cancelled_while_it_runs(registry: Registry) -> None:
    registry.repository("slow")
    build = registry.order(
        "slow", archive("FROM scratch\nCOPY busybox /bin/sh\nRUN sleep 99\n", busybox=shell())
    )
    registry.wait("slow", build, "building")

    cancelled = registry.client.delete(f"/api/v1/repository/ada/slow/build/{build}")
    again = registry.client.delete(f"/api/v1/repository/ada/slow/build/{build}")

    assert (cancelled.status_code, cancelled.json(), again.status_code) == (201, "Okay", 400)
    assert registry.status("slow", build)["phase"] == "cancelled"
    left = registry.directory / "data" / "builds" / build
    wait_for(lambda: not left.exists(), patience_s=PATIENCE_S)
    assert str(left) not in Path("/proc/self/mountinfo").read_text()
    assert ("phase", "building") in registry.log("slow", build)


def test_a_log_is_followed_over_a_reconnect_while_the_build_runs(registry: Registry) -> None:
    # Given a build that prints a line every 100 ms, and a client that follows it for some lines
    registry.repository("talks")
    prints = "for i in 0 1 2 3 4 5 6 7 8 9; do for j in 0 1 2; do echo line $i$j; done; sleep 0.1; done"
    context = archive(f"FROM scratch\nCOPY busybox /bin/sh\nRUN {prints}\n", busybox=shell())
    build = registry.order("talks", context)
    seen = list(itertools.islice(follow(registry, "talks", build, 0), 8))
    assert registry.status("talks", build)["phase"] not in ENDED

    # When it comes again, and goes on with the next line until the build has ended
    seen += follow(registry, "talks", build, len(seen))

    assert [number for number, _ in seen] == list(range(len(seen)))
    told = [text for _, text in seen if text.startswith("line ")]
    assert told == [f"line {i}{j}" for i in range(10) for j in range(3)]
    assert [text for _, text in seen] == [text for _, text in registry.log("talks", build)]
    assert seen[-1][1] == "complete"


FOLLOW = """subscription($uuid: String!, $start: Int!) {
  buildLog(repository: "ada/talks", uuid: $uuid, start: $start) { lines { number text } } }"""


def follow(registry: Registry, name: str, build: str, start: int) -> Iterator[tuple[int, str]]:
    """The lines of a log from a number on as they come, until the server ends the stream."""
    ask = {"query": FOLLOW.replace("talks", name), "variables": {"uuid": build, "start": start}}
    headers = {"Accept": "text/event-stream"}
    with registry.client.stream("POST", "/graphql", json=ask, headers=headers, timeout=PATIENCE_S) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: {"):
                for each in json.loads(line.removeprefix("data: "))["data"]["buildLog"]["lines"]:
                    yield each["number"], each["text"]


def shell() -> bytes:
    return Path("/bin/busybox").read_bytes()


def test_what_is_on_loopback_is_refused_as_a_context_and_as_a_base(registry: Registry) -> None:
    registry.repository("near")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        order = {"archive_url": f"http://{address}/context.tgz"}
        refused = registry.client.post("/api/v1/repository/ada/near/build/", json=order)
        ended = registry.wait("near", registry.order("near", archive(f"FROM {address}/other/base:1\n")))
        with pytest.raises(BlockingIOError):
            listening.accept()

    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("Invalid Archive URL: ")
    assert (ended["phase"], ended["error"].partition(": ")[0]) == (
        *("error", f"The base image {address}/other/base:1 cannot be fetched"),
    )


def test_a_context_is_taken_once_by_whom_it_is_of(registry: Registry) -> None:
    make_user(registry.directory, "eve", "correct-horse")
    registry.repository("once")
    uploaded = registry.upload(archive("FROM scratch\n"))
    place = f"{registry.client.base_url}/userfiles/{uploaded}"
    order = {"url": "/api/v1/repository/ada/once/build/", "json": {"file_id": uploaded}}

    assert httpx.put(place, content=b"another").status_code == 404
    assert registry.client.post(**order).status_code == 201  # type: ignore[arg-type]
    refused = registry.client.post(**order)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        f"File {uploaded} could not be found or is invalid",
    )


def test_a_build_of_a_killed_worker_is_made_by_another(registry: Registry) -> None:
    # Given a worker that is killed in the middle of a build, and directories of builds beside that one's
    registry.repository("lost")
    context = archive("FROM scratch\nCOPY busybox /bin/sh\nRUN sleep 1\n", busybox=shell())
    build = registry.order("lost", context)
    registry.wait("lost", build, "building")
    registry.worker.kill()
    registry.worker.wait()
    builds = registry.directory / "data" / "builds"
    left, used = builds / str(uuid.uuid4()), builds / str(uuid.uuid4())
    for directory in (left, used):
        (directory / "build").mkdir(parents=True)

    # When another worker comes, while this process uses one of the directories
    with held(used):
        registry.start_worker()
        done = registry.wait("lost", build)

        # Then it makes the build once the lease has run out, and removes what nobody uses
        assert (done["phase"], done["error"]) == ("complete", None)
        assert [text for kind, text in registry.log("lost", build) if kind == "phase"] == [
            *("build-scheduled", "unpacking", "pulling", "building"),
            *("build-scheduled", "unpacking", "pulling", "building", "pushing", "complete"),
        ]
        assert {entry.name for entry in builds.iterdir() if not entry.name.startswith("layers-")} == {
            *(used.name, f"{used.name}.lock"),
        }


def test_superusers_look_at_builds_and_not_at_repositories(registry: Registry) -> None:
    make_user(registry.directory, "root", "correct-horse", is_superuser=True)
    root = {"Authorization": f"Bearer {token_of(registry.directory, 'root', 'super:user repo:read')}"}
    registry.repository("hidden")
    build = registry.order("hidden", archive("FROM scratch\nCOPY Dockerfile /\n"))
    registry.wait("hidden", build)

    def look(what: str) -> dict[str, Any]:
        return dict(registry.client.get(f"/api/v1/superuser/{build}/{what}", headers=root).json())

    assert look("build") == look("status")
    assert (look("build")["id"], look("build")["is_writer"]) == (build, False)
    assert {line["message"] for line in look("logs")["logs"]} > {"building", "complete"}
    question = f'{{ build(uuid: "{build}") {{ repository {{ path description }} }} }}'
    answer = registry.client.post("/graphql", json={"query": question}, headers=root).json()
    assert answer["data"] == {"build": {"repository": {"path": "ada/hidden", "description": None}}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]

"""Export of an audit log end to end: REST call, job, callback, file."""

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.process import make_user, serving, token_of
from tests.sink import sinking

DEADLINE_S = 30
OPEN = {"QUAYSIDE_SSRF_ALLOWED_HOSTS": "127.0.0.1"}
PASSWORD = "correct-horse-battery\n"


def _token(directory: Path) -> dict[str, str]:
    make_user(directory, "ada", PASSWORD)
    token = token_of(directory, "ada", "user:admin repo:create")
    return {"Authorization": f"Bearer {token}"}


def _kinds(client: httpx.Client, headers: dict[str, str]) -> list[str]:
    return [entry["kind"] for entry in client.get("/api/v1/user/logs", headers=headers).json()["logs"]]


def _wait_for(client: httpx.Client, headers: dict[str, str], kind: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while kind not in _kinds(client, headers):
        assert time.monotonic() < deadline, _kinds(client, headers)
        time.sleep(0.2)


def _export(client: httpx.Client, headers: dict[str, str], port: int) -> httpx.Response:
    body = {"callback_url": f"http://127.0.0.1:{port}/done"}
    return client.post("/api/v1/user/exportlogs", headers=headers, json=body)


def test_the_export_has_the_log_and_calls_back_with_its_address(tmp_path: Path) -> None:
    # given a server that may call back to this machine, and a log with entries
    headers = _token(tmp_path)
    with (
        sinking(tmp_path / "sink") as port,
        serving(tmp_path, environ=OPEN) as (client, _),
    ):
        created = {"repository": "app", "visibility": "private", "description": ""}
        assert client.post("/api/v1/repository", headers=headers, json=created).status_code == 201
        done = _kinds(client, headers)

        # when the log is exported
        ordered = _export(client, headers, port)
        assert ordered.status_code == 201
        _wait_for(client, headers, "export_logs_success")

        # then the callback names the file, which holds the log as it was
        told: dict[str, Any] = json.loads((tmp_path / "sink" / "1.json").read_text())
        assert told["export_id"] == ordered.json()["export_id"]
        assert (told["namespace"], told["repository"], told["status"]) == ("ada", None, "success")
        answer = client.get(told["exported_data_url"])
        exported = answer.json()
        assert answer.headers["content-type"] == "application/json"
        assert exported["export_id"] == told["export_id"]
        assert [entry["kind"] for entry in exported["logs"]] == done
        assert exported["logs"][0]["performer"] == {"kind": "user", "name": "ada"}

        # and no other address opens it
        forged = told["exported_data_url"][:-6] + "AAAAA="
        assert client.get(forged).status_code == 404


def test_a_callback_that_fails_is_recorded(tmp_path: Path) -> None:
    headers = _token(tmp_path)
    with (
        sinking(tmp_path / "sink", status=500) as port,
        serving(tmp_path, environ=OPEN) as (client, _),
    ):
        assert _export(client, headers, port).status_code == 201
        _wait_for(client, headers, "export_logs_failure")
        logs = client.get("/api/v1/user/logs", headers=headers).json()["logs"]

    (failure,) = [entry["metadata"] for entry in logs if entry["kind"] == "export_logs_failure"]
    assert failure["error"] == "the callback answered 500"
    assert len(list((tmp_path / "sink").iterdir())) == 3


def test_a_callback_to_this_machine_is_refused_unless_the_operator_opened_it(tmp_path: Path) -> None:
    headers = _token(tmp_path)
    with serving(tmp_path) as (client, _):
        refused = _export(client, headers, 9)

    assert refused.status_code == 400
    assert refused.json()["error_type"] == "invalid_request"

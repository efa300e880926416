"""`quayside admin read-only`, with a server that is started while the mode is on, and follows the command."""

import time
from pathlib import Path

import httpx

from tests.process import provide_registry, serving
from tests.quayside.commands.conftest import Call

SENTENCE = (
    "System is currently read-only. Pulls will succeed but all write operations are currently suspended."
)
REASON = "Backup until 04:30 UTC"
CREATE = ("admin", "create-user", "ada", "--email", "ada@example.com")


def test_the_mode_is_switched_by_command_lasts_and_is_followed(tmp_path: Path, call: Call) -> None:
    provide_registry(tmp_path)
    assert call("admin", "read-only") == (0, "off\n", "")

    code, output, told = call("admin", "read-only", "on", "--reason", REASON)

    assert (code, output) == (0, "")
    _, shown, _ = call("admin", "read-only")
    assert shown == told
    assert shown.startswith("on since ")
    assert shown.endswith(f": {REASON}\n")
    assert call(*CREATE) == (1, "", f"{SENTENCE} Reason: {REASON}\n")
    assert call("backup", "copy")[0] == 0
    with serving(tmp_path) as (client, _):
        assert client.get("/readyz").status_code == 200
        assert "quayside_read_only 1.0" in client.get("/metrics").text
        answer = client.post("/graphql", json={"query": "{ site { isReadOnly readOnlyReason } }"})
        assert answer.json()["data"]["site"] == {"isReadOnly": True, "readOnlyReason": REASON}
        page = client.post("/recovery", data={"email": "a@b.cd"}, headers={"Accept": "text/html"})
        assert (page.status_code, SENTENCE in page.text) == (503, True)
        program = client.post("/oauth/access_token", data={"code": "c"})
        assert (program.status_code, program.json()["error"]) == (503, "temporarily_unavailable")
        assert client.get("/oauth/authorize").status_code == 503

        assert call("admin", "read-only", "off") == (0, "", "off\n")

        until = time.monotonic() + 1.1
        while is_refused(client):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert "quayside_read_only 0.0" in client.get("/metrics").text


def is_refused(client: httpx.Client) -> bool:
    """Whether the form of an account is."""
    return client.post("/recovery", data={"email": "a@b.cd"}).status_code == 503

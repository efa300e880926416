"""Triggers as clients make them, and the hook of the documentation by which a Git server tells of pushes."""

from pathlib import Path
from typing import Any

import httpx

from tests.functional.test_docs import EXAMPLES

(HOOK,) = [one.text for one in EXAMPLES if one.text.startswith("#!/bin/sh\n# hooks/post-receive")]
ADDRESS = "https://$token:TOKEN@registry.example.com/webhooks/push/trigger/UUID"


def ask(client: httpx.Client, mutation: str, **variables: Any) -> Any:
    """The trigger that a mutation gives."""
    answer = client.post("/graphql", json={"query": mutation, "variables": variables}).json()
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    assert payload["errors"] == []
    return payload["trigger"]


def install_hook(repository: Path, address: str) -> None:
    """Have a repository, the directory of git itself, tell of pushes at the address of a trigger."""
    assert ADDRESS in HOOK
    hook = repository / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.replace(ADDRESS, address))
    hook.chmod(0o755)

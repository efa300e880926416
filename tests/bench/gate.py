"""The cost of a pull policy: manifests pulled by digest where one holds, beside the same without one."""

import httpx

from tests.bench import content
from tests.bench.load import Rate, hammer
from tests.bench.servers import Server
from tests.quayside.registry import kit

_OWNER = f'owner: {{ namespace: "{content.OWNER}" }}'
_SET = (
    f"mutation {{ pullPolicySet({_OWNER}, input: {{ mode: ENFORCE, minSeverity: HIGH }})"
    " { errors { code } } }"
)
_DELETE = f"mutation {{ pullPolicyDelete({_OWNER}) {{ errors {{ code }} }} }}"


def measure(server: Server, digest: str) -> tuple[Rate, Rate]:
    """The rates with a policy, and without one."""
    headers = {"Accept": kit.OCI_MANIFEST} | content.registry_headers(server, "pull")
    address = f"/v2/{content.PATH}/manifests/{digest}"
    free = hammer(server, address, headers)
    _change(server, _SET)
    gated = hammer(server, address, headers)
    _change(server, _DELETE)
    return gated, free


def _change(server: Server, document: str) -> None:
    answer = httpx.post(f"{server.url}/graphql", json={"query": document}, headers=server.headers())
    (payload,) = answer.raise_for_status().json()["data"].values()
    assert payload["errors"] == [], payload

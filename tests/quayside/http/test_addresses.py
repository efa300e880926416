"""The address that clients are told: PUBLIC_URL, or the name by which they came if the operator allows it."""

from dataclasses import replace

import httpx
import pytest
from starlette.types import Scope

from quayside.app import create_app
from quayside.http.addresses import Addresses
from quayside.settings.settings import Settings, SettingsError, load_settings
from resolvers.context import Site

PUBLIC = "https://registry.example"
ALLOWED = frozenset({"10.0.0.5", "lan.example:5000", "::1"})


def told(*hosts: str, scheme: str = "http", public_url: str = PUBLIC) -> tuple[str, str]:
    """The public address and the host for image names, for a request with these `Host` fields."""
    site = Site(public_url, public_url.partition("://")[2], frozenset())
    scope: Scope = {"headers": [(b"host", host.encode("latin-1")) for host in hosts], "scheme": scheme}
    found = Addresses(site, ALLOWED).site_for(scope)
    return found.public_url, found.registry_host


@pytest.mark.parametrize(
    ("host", "scheme", "address"),
    [
        ("10.0.0.5", "http", "http://10.0.0.5"),
        ("10.0.0.5:8080", "https", "https://10.0.0.5:8080"),
        ("LAN.example:5000", "http", "http://lan.example:5000"),
        ("[::1]:8080", "http", "http://[::1]:8080"),
        ("10.0.0.5:8080", "wss", "https://10.0.0.5:8080"),
        # The name of PUBLIC_URL at another port keeps its scheme: a proxy may end TLS unseen.
        ("registry.example:8443", "http", "https://registry.example:8443"),
    ],
)
def test_a_client_is_told_the_allowed_name_it_came_by(host: str, scheme: str, address: str) -> None:
    assert told(host, scheme=scheme) == (address, address.partition("://")[2])


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("registry.example",),
        ("evil.example",),
        ("lan.example",),
        ("lan.example:5001",),
        ("10.0.0.5", "10.0.0.5"),
        ("10.0.0.5/evil",),
        ("me@10.0.0.5",),
        ("10.0.0.5:99999",),
        ("10.0.0.5:x",),
        ("[::1",),
        ("10.0.0.5.evil.example",),
        ("\xe4",),
    ],
    ids=repr,
)
def test_any_other_is_told_the_public_address(hosts: tuple[str, ...]) -> None:
    assert told(*hosts) == (PUBLIC, "registry.example")


async def test_every_door_tells_it(settings: Settings) -> None:
    allowing = replace(settings, public_url=PUBLIC, allowed_hosts=ALLOWED)
    app = create_app(allowing, jobs=False)
    async with app.router.lifespan_context(app):
        for host, address in (("10.0.0.5:8080", "http://10.0.0.5:8080"), ("evil.example", PUBLIC)):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                challenge = (await client.get("/v2/")).headers["WWW-Authenticate"]
                problem = (await client.get("/api/v1/repository/no/such")).json()["type"]
                document = (await client.get("/api/v1/discovery")).json()
                arrived = await client.get("/csrf_token")
                headers = {
                    "X-CSRF-Token": arrived.json()["csrf_token"],
                    "Cookie": arrived.headers["Set-Cookie"].partition(";")[0],
                }
                refused = await client.post("/api/v1/signin", json={}, headers=headers)
                query = {"query": "{ site { publicUrl registryHost } }"}
                site = (await client.post("/graphql", json=query)).json()["data"]["site"]

            name = address.partition("://")[2]
            assert challenge == f'Bearer realm="{address}/v2/auth",service="{name}"'
            assert problem.startswith(f"{address}/api/v1/error/")
            assert refused.json()["type"].startswith(f"{address}/api/v1/error/")
            assert document["host"] == name
            assert site == {"publicUrl": address, "registryHost": name}


async def test_a_token_that_was_fetched_by_one_name_is_good_by_another(settings: Settings) -> None:
    app = create_app(replace(settings, public_url=PUBLIC, allowed_hosts=ALLOWED), jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://10.0.0.5") as client,
    ):
        scope = "repository:10.0.0.5/no/such:pull"
        token = (await client.get("/v2/auth", params={"service": "10.0.0.5", "scope": scope})).json()["token"]
        headers = {"Authorization": f"Bearer {token}", "Host": "registry.example"}
        answer = await client.get("/v2/no/such/tags/list", headers=headers)

    assert answer.json()["errors"][0]["code"] in {"UNAUTHORIZED", "NAME_UNKNOWN"}
    assert 'error="invalid_token"' not in answer.headers.get("WWW-Authenticate", "")


def test_names_that_are_allowed_are_checked() -> None:
    assert load_settings({}, {}).allowed_hosts == frozenset()
    given = {"QUAYSIDE_ALLOWED_HOSTS": "Registry.example, 10.0.0.5:5000,[::1]:80"}
    assert load_settings({}, given).allowed_hosts == {"registry.example", "10.0.0.5:5000", "[::1]:80"}
    for text in ("http://registry.example", "registry.example/x", "a b", "registry.example:x", "*"):
        with pytest.raises(SettingsError, match=r"^ALLOWED_HOSTS must be a list of host names and addresses"):
            load_settings({}, {"QUAYSIDE_ALLOWED_HOSTS": text})

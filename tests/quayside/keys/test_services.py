"""Keys that services send, replace, withdraw and fetch, and what superusers are told and see of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwt
from starlette.applications import Starlette

from resolvers.access.limits import KEYS_PER_DAY
from resolvers.access.rsa_keys import KeyPair, jwk_of, kids_of, new_pair
from resolvers.keys.own_key import OVERLAP_MS
from resolvers.readonly import set_by_operator
from storage.clock import DAY_MS, now_ms
from storage.readonly import KNOWN_FOR_S
from storage.statements import execute, fetch
from tests.factories import EVERY_SCOPE, Factory

SERVICE = "builder"


@dataclass(frozen=True)
class Service:
    """A service with a key, at the registry."""

    http: httpx.AsyncClient
    pair: KeyPair
    audience: str
    name: str = SERVICE

    def token(self, *, kid: str | None = "", **changed: Any) -> str:
        """A JWT that the key signs; `kid` is its own if empty."""
        now = int(time.time())
        claims = {"iss": self.name, "aud": self.audience, "iat": now, "exp": now + 300} | changed
        header = {} if kid is None else {"kid": kid or self.pair.kid}
        return str(
            jwt.encode(
                {key: value for key, value in claims.items() if value is not None},
                self.pair.private_pem,
                algorithm="RS256",
                headers=header,
            )
        )

    def path(self, kid: str | None = None) -> str:
        return f"/keys/services/{self.name}/keys/{kid or self.pair.kid}"

    async def send(
        self, key: Any = None, *, kid: str | None = None, token: str | None = None, query: str = ""
    ) -> httpx.Response:
        body = jwk_of(self.pair.public_pem) if key is None else key
        return await self.http.put(
            self.path(kid) + query,
            content=body if isinstance(body, bytes) else orjson.dumps(body),
            headers={"Authorization": f"Bearer {self.token() if token is None else token}"},
        )

    async def shown(self, kid: str | None = None) -> httpx.Response:
        return await self.http.get(self.path(kid))

    async def withdraw(self, token: str, kid: str | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await self.http.delete(self.path(kid), headers=headers)).status_code


@dataclass(frozen=True)
class Root:
    """A superuser."""

    http: httpx.AsyncClient
    token: str

    async def ask(self, query: str, **variables: Any) -> Any:
        answer = await self.http.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert "errors" not in answer.json(), answer.text
        return answer.json()["data"]

    async def approve(self, kid: str) -> None:
        found = await self.ask(
            'mutation ($kid: String!) { serviceKeyApprove(kid: $kid, notes: "seen") { errors { message } } }',
            kid=kid,
        )
        assert found == {"serviceKeyApprove": {"errors": []}}


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 5000))
    async with httpx.AsyncClient(transport=transport, base_url="http://registry.test") as client:
        yield client


@pytest.fixture
def service(http: httpx.AsyncClient, factory: Factory) -> Service:
    return Service(http, new_pair(), factory.site.public_url)


@pytest.fixture
async def root(http: httpx.AsyncClient, factory: Factory) -> Root:
    await factory.user("root", is_superuser=True)
    return Root(http, await factory.token("root", EVERY_SCOPE))


BELL = "{ viewer { inbox(isDismissed: false) { nodes { kind metadata } } } }"


async def test_a_key_waits_until_a_superuser_approves_it(service: Service, root: Root, ada: Any) -> None:
    expires = int(time.time()) + 86_400
    answer = await service.send(query=f"?expiration={expires}&rotation=86400")

    assert (answer.status_code, answer.content) == (202, b"")
    assert (await service.shown()).status_code == 409
    assert (await service.http.get(f"/keys/services/{SERVICE}/keys")).json() == {"keys": []}
    (notice,) = (await root.ask(BELL))["viewer"]["inbox"]["nodes"]
    assert notice["kind"] == "SERVICE_KEY_SUBMITTED"
    assert {key: notice["metadata"][key] for key in ("kid", "service", "expiration_date")} == {
        "kid": service.pair.kid,
        "service": SERVICE,
        "expiration_date": expires,
    }

    assert (await service.send()).status_code == 202
    await root.approve(service.pair.kid)

    own = {**jwk_of(service.pair.public_pem), "kid": service.pair.kid}
    shown = await service.shown()
    assert (shown.status_code, shown.json()) == (200, own)
    assert shown.headers["Cache-Control"] == "public, max-age=300"
    listed = await service.http.get(f"/keys/services/{SERVICE}/keys")
    assert (listed.json(), listed.headers["Cache-Control"]) == ({"keys": [own]}, "public, max-age=60")
    assert (await root.ask(BELL))["viewer"]["inbox"]["nodes"] == []
    assert (await service.send()).status_code == 200
    found = await root.ask(
        "query ($kid: String!) { serviceKey(kid: $kid) { state service rotationDurationS"
        " approval { approvalType notes approver { name } } } }",
        kid=service.pair.kid,
    )
    assert found["serviceKey"] == {
        "state": "APPROVED",
        "service": SERVICE,
        "rotationDurationS": 86_400,
        "approval": {"approvalType": "SUPERUSER", "notes": "seen", "approver": {"name": "root"}},
    }
    kinds = [row["kind"] for row in await fetch("SELECT kind FROM audit_log WHERE kind LIKE 'service%'")]
    assert kinds == ["service_key_create", "service_key_approve"]
    own_log = "SELECT id FROM audit_log WHERE kind LIKE 'service%' AND namespace_id IS NOT NULL"
    assert await fetch(own_log) == []

    await execute("UPDATE service_key SET expires_at_ms = ? WHERE kid = ?", now_ms() - 1, service.pair.kid)
    assert (await service.shown()).status_code == 403
    assert (await service.send()).status_code == 409


async def test_nobody_else_sees_or_approves_a_key(service: Service, factory: Factory) -> None:
    await service.send()
    outsider = await factory.token("ada", EVERY_SCOPE)
    for query in (
        "{ serviceKeys(first: 5) { nodes { kid } } }",
        f'{{ serviceKey(kid: "{service.pair.kid}") {{ kid }} }}',
        f'mutation {{ serviceKeyApprove(kid: "{service.pair.kid}") {{ errors {{ code }} }} }}',
        "mutation { serviceKeyRotate { serviceKey { kid } } }",
    ):
        answer = await service.http.post(
            "/graphql", json={"query": query}, headers={"Authorization": f"Bearer {outsider}"}
        )
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["FORBIDDEN"]
    bell = await service.http.post(
        "/graphql", json={"query": BELL}, headers={"Authorization": f"Bearer {outsider}"}
    )
    assert bell.json()["data"]["viewer"]["inbox"]["nodes"] == []
    assert (await service.shown()).status_code == 409


async def test_an_approved_key_is_replaced_once_and_the_old_one_ends_later(
    service: Service, root: Root
) -> None:
    await service.send()
    newer, newest = (replace(service, pair=new_pair()) for _ in range(2))
    assert (await newer.send(token=service.token())).status_code == 403
    await root.approve(service.pair.kid)

    before = now_ms()
    at_once = await asyncio.gather(*(newer.send(token=service.token()) for _ in range(2)))
    assert [answer.status_code for answer in at_once] == [200, 200]
    assert (await newest.send(token=service.token())).status_code == 403
    assert (await newest.send(token=newer.token())).status_code == 200

    rows = {row["kid"]: row for row in await fetch("SELECT * FROM service_key WHERE service = 'builder'")}
    old, new = rows[service.pair.kid], rows[newer.pair.kid]
    assert before + OVERLAP_MS <= old["expires_at_ms"] <= now_ms() + OVERLAP_MS
    assert (new["approval_type"], new["approver_id"]) == ("key_rotation", None)
    listed = (await service.http.get(f"/keys/services/{SERVICE}/keys")).json()["keys"]
    assert [key["kid"] for key in listed] == [pair.pair.kid for pair in (newest, newer, service)]

    # A key that was replaced may only withdraw itself.
    assert await newest.withdraw(service.token()) == 403
    assert await service.withdraw(service.token()) == 204
    assert await newer.withdraw(newest.token(), newer.pair.kid) == 204
    assert await newest.withdraw(newest.token()) == 204
    assert (await newest.shown()).status_code == 404


async def test_no_service_takes_the_place_of_another_ones_key(service: Service, root: Root) -> None:
    theirs = replace(service, pair=new_pair(), name="scanner")
    await theirs.send()
    await service.send()
    await root.approve(service.pair.kid)

    answer = await replace(service, pair=theirs.pair).send(token=service.token())

    assert (answer.status_code, (await theirs.shown()).status_code) == (409, 409)
    rows = await fetch("SELECT service, successor_kid FROM service_key WHERE service <> 'quayside-registry'")
    assert rows == [
        {"service": "scanner", "successor_kid": None},
        {"service": SERVICE, "successor_kid": None},
    ]


async def test_what_is_not_right_is_refused_and_leaves_nothing(service: Service, factory: Factory) -> None:
    good = jwk_of(service.pair.public_pem)
    other = replace(service, pair=new_pair())
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    weak_key = jwk_of(
        weak.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()
    )
    public_as_secret = jwt.encode(
        {"iss": SERVICE, "aud": factory.site.public_url, "exp": int(time.time()) + 300},
        "x" * 40,
        algorithm="HS256",
        headers={"kid": service.pair.kid},
    )
    now = int(time.time())
    refused = {
        "no token": await service.http.put(service.path(), json=good),
        "no JWT": await service.send(token="x.y.z"),
        "another algorithm": await service.send(token=public_as_secret),
        "another key": await service.send(token=other.token(kid=service.pair.kid)),
        "expired": await service.send(token=service.token(exp=now - 120)),
        "no end": await service.send(token=service.token(exp=None)),
        "a late end": await service.send(token=service.token(exp=now + 7200)),
        "another audience": await service.send(token=service.token(aud="https://elsewhere.example")),
        "no audience": await service.send(token=service.token(aud=None)),
        "an audience that is none": await service.send(token=service.token(aud={"a": 1})),
        "a list in the audience": await service.send(token=service.token(aud=[[]])),
        "an endless end": await service.send(token=service.token(exp=float("inf"))),
        "an endless beginning": await service.send(token=service.token(nbf=float("inf"))),
        "another issuer": await service.send(token=service.token(iss="other")),
        "another kid": await service.send(kid="a" * 43, token=service.token(kid=None)),
        "a short key": await service.send(weak_key, kid=kids_of(weak_key)[0]),
        "a small exponent": await service.send({**good, "e": "Aw"}),
        "an even modulus": await service.send({**good, "n": good["n"][:-2] + "AA"}),
        "a huge modulus": await service.send({**good, "n": "A" * 3000}),
        "a private key": await service.send({**good, "d": "AQAB"}),
        "another kind": await service.send({"kty": "oct", "k": "AAAA"}),
        "no key": await service.send(b"{"),
        "a list": await service.send([good]),
        "a long body": await service.send(b" " * 20_000),
        "the past": await service.send(query="?expiration=1000"),
        "no number": await service.send(query="?expiration=nan"),
        "a quick rotation": await service.send(query="?rotation=5"),
        "a name of ours": await replace(service, name="quayside-registry").send(),
        "another name of ours": await replace(service, name="builds").send(),
    }

    assert {what: answer.status_code for what, answer in refused.items()} == dict.fromkeys(refused, 400)
    assert all(answer.json()["message"] for answer in refused.values())
    for kid in (None, "\ud800", "\0", "x" * 9000):
        unknown = await service.send(token=other.token(kid=kid or other.pair.kid))
        assert (unknown.status_code, [*unknown.json()]) == (403, ["message"])
    assert await fetch("SELECT id FROM service_key WHERE service <> 'quayside-registry'") == []


async def test_in_read_only_mode_keys_are_published_and_none_is_taken(
    service: Service, root: Root, factory: Factory
) -> None:
    await service.send()
    await root.approve(service.pair.kid)
    other = replace(service, pair=new_pair())
    await set_by_operator(factory.context(), is_read_only=True, timeout_s=0)

    refused = [await other.send(), await other.send(token=service.token())]

    assert [answer.status_code for answer in refused] == [503, 503]
    assert refused[0].json()["is_readonly"] is True
    assert await service.withdraw(service.token()) == 503
    assert (await service.shown()).status_code == 200
    await set_by_operator(factory.context(), is_read_only=False)
    await asyncio.sleep(KNOWN_FOR_S)
    assert (await other.send(token=service.token())).status_code == 200


async def test_keys_that_wait_are_few_and_vanish(service: Service) -> None:
    assert (await replace(service, pair=new_pair()).send()).status_code == 202
    await execute("UPDATE rate_count SET count = ?", KEYS_PER_DAY)
    limited = await service.send()
    assert (limited.status_code, int(limited.headers["Retry-After"]) > 80_000) == (429, True)

    await execute("DELETE FROM rate_count")
    await execute(
        "UPDATE service_key SET created_at_ms = ? WHERE approved_at_ms IS NULL", now_ms() - DAY_MS - 1
    )
    assert (await service.send()).status_code == 202
    (row,) = await fetch(
        "SELECT kid FROM service_key WHERE created_at_ms > ? AND service = 'builder'", now_ms() - DAY_MS
    )
    assert row["kid"] == service.pair.kid

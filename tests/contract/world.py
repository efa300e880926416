"""A harbour: the people, organizations and images that the recorded exchanges are replayed on.

`maren` owns the organization `harbour-works`, whose member is `ole`; `tove` has to do with neither, and
`ingrid` is a superuser who may see and change everything.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import httpx

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.credentials import basic_viewer
from resolvers.access.passwords import hash_password
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts import account, invite
from resolvers.accounts.invite import InviteReference
from resolvers.builds.triggers import trigger
from resolvers.builds.triggers.services import TriggerService
from resolvers.keys import own_key
from resolvers.oauth import application
from resolvers.oauth.application import ApplicationChanges
from resolvers.pages import Page
from resolvers.quotas import quota
from resolvers.quotas.quota import LimitKind
from resolvers.repositories import repository, star
from resolvers.repositories.permission import GranteeKind
from resolvers.repositories.repository import RepositoryState, Visibility
from storage import audit
from storage.clock import now_ms
from storage.models.site import ServiceKey
from storage.statements import execute
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import EVERY_SCOPE, Factory, image_config
from tests.quayside.registry import kit
from tests.resolvers.advisories.records import record, write
from tests.scanning import RELEASE, STATUS, layer, scan_pushed, status

ORGANIZATION = "harbour-works"

DESCRIPTIONS = {f"{ORGANIZATION}/beacon": "A *light* at night", f"{ORGANIZATION}/ferry": "", "maren/mine": ""}

HISTORY = {
    "history": [
        {"created": "2026-01-02T03:04:05Z", "created_by": "COPY lamp /"},
        {"created": "2026-01-02T03:04:06Z", "created_by": "ENV lit=1", "empty_layer": True},
        {"created": "2026-01-02T03:04:07Z", "created_by": "COPY lens /"},
    ],
    "config": {"Labels": {"maintainer": "maren", "version": "1"}},
}
"""The history of the images: two layers, and a step without one; and two labels."""


def observed(settings: Settings) -> Settings:
    """The settings of the recorded system: its status codes, and superusers with full access."""
    features = settings.features | {"SUPERUSERS_FULL_ACCESS", "ORG_SHARED_EMAIL"}
    return replace(
        settings,
        features=features,
        rest_status_codes="observed",
        ssrf_allowed_hosts=frozenset({"localhost"}),
    )


@dataclass
class World:
    """The content so far."""

    factory: Factory
    tokens: dict[str, str] = field(default_factory=dict)
    """Access tokens by actor."""
    digests: dict[str, Any] = field(default_factory=dict)
    """The digests of the images, and values kept from answers, by their names in the exchanges."""
    upstream: asyncio.Server | None = None
    """Another registry, while one is open."""

    async def people(self) -> None:
        """The users, each with the tokens that the recorded actors had."""
        for name in ("maren", "ole", "tove"):
            await self.factory.user(name)
            self.tokens[name] = await self.factory.token(name, EVERY_SCOPE - {Scope.SUPER_USER})
        await self.factory.user("ingrid", is_superuser=True)
        self.tokens["ingrid"] = await self.factory.token("ingrid", EVERY_SCOPE)
        self.tokens["ingrid, not administering"] = await self.factory.token(
            "ingrid", EVERY_SCOPE - {Scope.SUPER_USER}
        )
        self.tokens["maren, expired"] = await self.factory.token("maren", frozenset({Scope.USER_READ}))
        await execute("UPDATE access_token SET expires_at_ms = 1 WHERE scopes = ?", Scope.USER_READ.value)
        self.tokens["maren, reading only"] = await self.factory.token("maren", frozenset({Scope.REPO_READ}))
        self.tokens["stranger"] = "s" * 40

    async def organization(self) -> None:
        """The organization, empty."""
        await self.factory.organization(ORGANIZATION, owner="maren")

    async def repositories(self) -> None:
        """Two repositories of the organization, one of them public."""
        await self.factory.repository(f"{ORGANIZATION}/beacon", by="maren")
        await self.factory.repository(f"{ORGANIZATION}/ferry", by="maren", visibility=Visibility.PUBLIC)

    async def cache(self) -> None:
        """A second organization of the same owner."""
        await self.factory.organization("harbour-cache", owner="maren")

    async def office(self) -> None:
        """An organization of the superuser alone."""
        await self.factory.organization("pilot-house", owner="ingrid")

    async def team(self) -> None:
        """A team of the organization with its own role."""
        await self.factory.team(ORGANIZATION, "keepers", TeamRole.CREATOR, ["ole"])

    async def grantees(self) -> None:
        """Grantees: a team and two robots, one with a role; a repository of `maren`."""
        await self.team()
        for name in ("winch", "pilot"):
            await self.factory.robot(f"{ORGANIZATION}+{name}", by="maren")
        beacon = f"{ORGANIZATION}/beacon"
        await self.factory.grant(beacon, f"{ORGANIZATION}+winch", RepositoryRole.ADMIN, by="maren")
        await self.factory.repository("maren/mine")

    async def berths(self) -> None:
        """Three repositories, on which both robots of the organization have roles; one is in a team."""
        await self.repositories()
        await self.factory.repository(f"{ORGANIZATION}/crane", by="maren")
        await self.factory.team(ORGANIZATION, "machines", TeamRole.MEMBER, [f"{ORGANIZATION}+pilot"])
        for path in ("beacon", "ferry", "crane"):
            for name in ("winch", "pilot"):
                await self.factory.grant(
                    f"{ORGANIZATION}/{path}", f"{ORGANIZATION}+{name}", RepositoryRole.WRITE, by="maren"
                )

    async def mooring(self) -> None:
        """A repository of `maren`, on which a robot of hers has a role."""
        await self.factory.repository("maren/mine")
        await self.factory.grant("maren/mine", "maren+buoy", RepositoryRole.WRITE, by="maren")

    async def images(self) -> None:
        """Six tags in `beacon`: images, an index, an artifact; and one artifact without a tag."""
        beacon = f"{ORGANIZATION}/beacon"
        configs = [image_config(name, **HISTORY) for name in ("amd64", "arm64")]
        first = await self.factory.image(beacon, b"lamp", b"lens", tag="1.0", config=configs[0])
        second = await self.factory.image(beacon, b"lamp 2", b"lens", tag="1.1", config=configs[1])
        await self.factory.image(beacon, b"lamp 2", b"lens", tag="current", config=configs[1])
        documents = [
            kit.encode(kit.image_document(layer, b"lens", config=config))
            for layer, config in zip((b"lamp", b"lamp 2"), configs, strict=True)
        ]
        self.digests = {
            "first": first,
            "second": second,
            "third": await self.factory.image(beacon, b"old lamp", b"lens", tag="retired"),
            "index": await self.factory.manifest(beacon, kit.index_document(*documents), tag="many"),
            "bill": await self._artifact(beacon, b"bill", tag="bill"),
            "loose": await self._artifact(beacon, b"loose", tag=None),
        }
        await self.factory.image(f"{ORGANIZATION}/ferry", b"ferry", tag="current")

    async def _artifact(self, path: str, content: bytes, *, tag: str | None) -> str:
        for blob in (kit.EMPTY, content):
            await self.factory.blob(path, blob)
        return await self.factory.manifest(
            path, kit.artifact_document("application/vnd.example.bill", content), tag=tag
        )

    async def flawed(self) -> None:
        """An image with a package that an advisory concerns."""
        content = {**RELEASE, STATUS: status(libflaw="1.2-1")}
        self.digests["scanned"] = await self.factory.image(f"{ORGANIZATION}/beacon", layer(content))
        await write(record())

    async def scanned(self) -> None:
        """All images are scanned."""
        await scan_pushed(self.factory)

    async def accept(self) -> None:
        """`ole` joins the team that he is invited to."""
        ole = await self.factory.as_account("ole")
        (invited,) = (await invite.of_viewer(ole, Page())).items
        await invite.accept(ole, InviteReference(id=invited.id))

    async def described(self) -> None:
        """Descriptions of the repositories of `maren`."""
        maren = await self.factory.as_account("maren")
        for path, text in DESCRIPTIONS.items():
            if await repository.find(path):
                await repository.update(maren, path, description=text)

    async def star(self) -> None:
        """`maren` stars `beacon`."""
        await star.star(await self.factory.as_account("maren"), f"{ORGANIZATION}/beacon")

    async def winch(self) -> None:
        """A robot of the organization."""
        await self.factory.robot(f"{ORGANIZATION}+winch", by="maren")

    async def roles(self) -> None:
        """Three repositories on which the team `deckhands` has a role."""
        for name in ("crane", "quay", "rope"):
            await self.factory.repository(f"{ORGANIZATION}/{name}", by="maren")
            await self.factory.grant(
                f"{ORGANIZATION}/{name}",
                "deckhands",
                RepositoryRole.READ,
                kind=GranteeKind.TEAM,
                by="maren",
            )

    async def crew(self) -> None:
        """`ole` in a team, with a role of his own on one repository; `tove` with such a role alone."""
        await self.factory.team(ORGANIZATION, "deckhands", TeamRole.MEMBER, ["ole"])
        for name in ("crane", "quay"):
            await self.factory.repository(f"{ORGANIZATION}/{name}", by="maren")
        for name in ("ole", "tove"):
            await self.factory.grant(f"{ORGANIZATION}/crane", name, RepositoryRole.WRITE, by="maren")

    async def busy(self) -> None:
        """A day with more pulls by `ole` and an anonymous caller than fit on two pages."""
        await self.factory.repository("maren/mine")
        ole = await account.by_name("ole")
        assert ole is not None
        for path in (f"{ORGANIZATION}/beacon", "maren/mine"):
            record = await repository.find(path)
            assert record is not None
            await audit.append_many(
                [
                    audit.AuditRow(
                        "pull_repo",
                        {"repo": record.name},
                        record.namespace_id,
                        record.id,
                        performer,
                        None,
                        now_ms(),
                    )
                    for performer in (*[ole.id] * 45, None)
                ]
            )
        await execute("UPDATE audit_log SET ip = '192.0.2.7'")

    async def at_work(self) -> None:
        """No entry of nobody in the log."""
        await execute("DELETE FROM audit_log WHERE performer_id IS NULL")

    async def triggers(self) -> None:
        """Two build triggers of `beacon`, which nobody has activated."""
        maren = await self.factory.as_account("maren")
        for _ in range(2):
            made, _ = await trigger.create(maren, f"{ORGANIZATION}/beacon", TriggerService.CUSTOM_GIT)
            self.digests["trigger"] = made.uuid

    async def submitted_key(self) -> None:
        """A service sends a key, which waits for approval."""
        pair = await own_key.prepared()
        await ServiceKey.create(
            kid=pair.kid, service="builder", public_key=pair.public_pem, created_at_ms=now_ms()
        )
        self.digests["waiting"] = pair.kid

    async def application(self) -> None:
        """An OAuth application of the organization."""
        maren = await self.factory.as_account("maren")
        made = await application.create(maren, ORGANIZATION, ApplicationChanges(name="Helm"))
        self.digests["helm"] = made.client_id

    async def log_in(self) -> None:
        """Somebody uses the application token `toolbox`, as docker login does."""
        site, secrets = self.factory.site, self.factory.secrets
        await basic_viewer("$app", self.digests["toolbox_text"], site=site, secrets=secrets)
        await site.uses.write()

    async def password(self) -> None:
        """`maren` can sign in at a browser."""
        hashed = await hash_password(PASSWORD)
        await execute("UPDATE account SET password_hash = ? WHERE name = ?", hashed, "maren")

    async def mirror(self) -> None:
        """`tidewater` is in the state MIRROR."""
        maren = await self.factory.as_account("maren")
        await repository.change_state(maren, f"{ORGANIZATION}/tidewater", RepositoryState.MIRROR)

    async def quota(self) -> None:
        """A quota of the organization, with three limits."""
        limits = ((LimitKind.WARNING, 70), (LimitKind.REJECT, 90), (LimitKind.REJECT, 100))
        await self.factory.quota(ORGANIZATION, 20 << 20, *limits)

    async def own_quota(self) -> None:
        """A quota of `maren`."""
        await self.factory.quota("maren", 5_000_000, (LimitKind.WARNING, 50))

    async def no_quota(self) -> None:
        """The quota of the organization is taken from it."""
        await quota.delete(self.factory.superuser(), ORGANIZATION)

    async def no_own_quota(self) -> None:
        """The quota of `maren` is taken from her."""
        await quota.delete(self.factory.superuser(), "maren")

    async def open_upstream(self) -> None:
        """A registry that wants a login and knows nobody."""

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="upstream"\r\n'
                b"Content-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()
            writer.close()

        self.upstream = await asyncio.start_server(refuse, "127.0.0.1", 0)
        self.digests["upstream"] = f"localhost:{self.upstream.sockets[0].getsockname()[1]}"

    async def close_upstream(self) -> None:
        """The registry is gone."""
        assert self.upstream is not None
        self.upstream.close()

    def keep(self, answer: Any, places: Mapping[str, str]) -> None:
        """Keep values of an answer for later requests: names to places such as `token.uuid`."""
        for name, place in places.items():
            self.digests[name] = reduce(_within, place.split("."), answer)

    def filled(self, value: Any) -> Any:
        """A request with its placeholders filled: digests by name, and a future time in seconds."""
        if isinstance(value, str):
            value = value.replace("{today}", time.strftime("%m/%d/%Y", time.gmtime()))
        if value == "{in three days}":
            return int(time.time()) + 3 * 86_400
        if isinstance(value, str):
            return re.sub(r"{(\w+)}", lambda found: str(self.digests[found[1]]), value)
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return value


def _within(value: Any, key: str) -> Any:
    return value[int(key) if isinstance(value, list) else key]


STEPS: Mapping[str, Callable[[World], Awaitable[None]]] = {
    "accept the invitation": World.accept,
    "give the team roles": World.roles,
    "make a robot": World.winch,
    "give the own robot a role": World.mooring,
    "give the robots roles": World.berths,
    "push images": World.images,
    "star a repository": World.star,
    "set a password": World.password,
    "let a mirror write": World.mirror,
    "add a team": World.team,
    "log in with an application token": World.log_in,
    "give the organization a quota": World.quota,
    "give maren a quota": World.own_quota,
    "take the quota of the organization": World.no_quota,
    "take the quota of maren": World.no_own_quota,
    "open an upstream": World.open_upstream,
    "close the upstream": World.close_upstream,
    "send a key": World.submitted_key,
    "scan images": World.scanned,
}
"""The steps between two exchanges, by their names in the record."""


SIGNED_IN = frozenset({"maren, signed in", "maren, forged"})


@dataclass(frozen=True)
class Caller:
    """Sends requests to `/api/v1` as any actor; signed-in actors use a browser."""

    world: World
    http: httpx.AsyncClient
    browser: Browser

    async def ask(self, actor: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send one request; a body that is text is sent as it is, any other as JSON."""
        headers = {"Content-Type": "application/json"}
        if token := self.world.tokens.get(actor):
            headers["Authorization"] = f"Bearer {token}"
        filled = self.world.filled(body)
        content = filled if isinstance(filled, str) else json.dumps(filled)
        http = self.http
        if actor in SIGNED_IN:
            http = self.browser.http
            if not self.browser.token:
                await self.browser.sign_in("maren")
            # A page of another site can send the cookie, but does not know its CSRF token.
            if actor != "maren, forged":
                headers["X-CSRF-Token"] = self.browser.token
        return await http.request(
            method,
            f"/api/v1{self.world.filled(path)}",
            content=None if body is None else content,
            headers=headers,
        )


@asynccontextmanager
async def callers(world: World, settings: Settings, *, address: str = "127.0.0.1") -> AsyncIterator[Caller]:
    """Clients of the whole application, on the database of the world, at this client address."""
    app = create_app(settings, jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 54321)), base_url=settings.public_url
        ) as http,
        browsing(app, base_url=settings.public_url, ip=address) as browser,
    ):
        yield Caller(world, http, browser)

"""What there is before each write: an organization with all who have to do with it, and one of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from quayside.app import create_app
from quayside.http.sessions import COOKIE, HEADER
from quayside.settings.mail_url import MailServer
from quayside.settings.settings import Settings
from resolvers.access.credentials import hash_secret
from resolvers.access.passwords import hash_password
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts.grantee import GranteeKind
from resolvers.accounts.session import LIFETIME_MS, csrf_token, new_cookie
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.keys import own_key, service_key
from resolvers.oauth import application
from resolvers.oauth.application import ApplicationChanges
from resolvers.repositories.repository import Visibility
from schema.node_id import encode_id
from storage.clock import now_ms
from storage.jobs import enqueue
from storage.models.session import Session
from storage.models.site import ServiceKey
from storage.statements import execute, fetch
from tests.browser import PASSWORD
from tests.contract.owed.rows import AGENT
from tests.factories import EVERY_SCOPE, READ_ONLY_SUPERUSER, Factory
from tests.quayside.registry import kit

USERS = ("owner", "partner", "outsider", "reader", "writer", "keeper", "member", "maker", "guest", "blocked")
SCOPED = {
    "read": Scope.REPO_READ,
    "write": Scope.REPO_WRITE,
    "admin": Scope.REPO_ADMIN,
    "create": Scope.REPO_CREATE,
    "user": Scope.USER_ADMIN,
    "org": Scope.ORG_ADMIN,
}
_hashes: list[str] = []
"""The hash of `PASSWORD`, made once, since that takes time."""


@dataclass
class Credentials:
    """How a caller signs in: by headers at GraphQL and REST, by a login at the registry."""

    account: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    token: int | None = None
    """The id of the access token."""
    application: tuple[str, str] | None = None
    """Client id and name of the application that has the token."""
    session: int | None = None


@dataclass
class Place:
    """An application with its database, the callers, and the facts that requests and entries name."""

    factory: Factory
    http: httpx.AsyncClient
    callers: dict[str, Credentials] = field(default_factory=lambda: {"anonymous": Credentials()})
    facts: dict[str, Any] = field(default_factory=dict)

    async def populate(self) -> None:
        """Make everything."""
        make = self.factory
        for name in USERS:
            await make.user(name)
        await make.user("chief", is_superuser=True)
        await make.read_only_superuser()
        await make.organization("acme", owner="owner")
        await execute(
            "INSERT INTO team_member (team_id, account_id) SELECT t.id, a.id FROM team t, account a"
            " WHERE t.name = 'owners' AND a.name IN ('partner', 'blocked', 'inspector')"
        )
        await make.organization("other", owner="outsider")
        await make.robot("acme+bot", by="owner")
        await make.robot("owner+own")
        for path in ("acme/app", "acme/second"):
            await make.repository(path, by="owner")
        await make.repository("acme/public", by="owner", visibility=Visibility.PUBLIC)
        await make.repository("owner/own")
        await make.repository("other/hidden", by="outsider")
        await make.repository("blocked/public", visibility=Visibility.PUBLIC)
        await make.team("acme", "members", TeamRole.MEMBER, ["member"])
        await make.team("acme", "makers", TeamRole.CREATOR, ["maker"])
        await make.grant("acme/app", "members", RepositoryRole.WRITE, kind=GranteeKind.TEAM, by="owner")
        for name, role in (
            ("reader", RepositoryRole.READ),
            ("writer", RepositoryRole.WRITE),
            ("keeper", RepositoryRole.ADMIN),
            ("acme+bot", RepositoryRole.READ),
        ):
            await make.grant("acme/app", name, role, by="owner")
        await self._images()
        await self._credentials()
        (told,) = await fetch("SELECT id FROM account WHERE name = 'owner'")
        await notice.put(NoticeKind.QUOTA_WARNING, {"namespace": "owner"}, Target(account_id=told["id"]))
        (row,) = await fetch("SELECT id FROM inbox_notice")
        self.facts["notice"] = encode_id("InboxNotice", row["id"])
        for account in await fetch("SELECT name, uuid FROM account WHERE name IN ('acme', 'guest')"):
            self.facts[f"{account['name']}_uuid"] = account["uuid"]
        self.facts["job"] = encode_id("Job", await enqueue("test", {}))
        await self._keys()
        now = datetime.now(UTC)
        soon = now.replace(microsecond=0) + timedelta(days=3)
        self.facts |= {"then": now.isoformat(), "soon": soon.isoformat(), "soon_s": int(soon.timestamp())}

    async def _images(self) -> None:
        make = self.factory
        for tag, layer in (("v1", b"one"), ("v2", b"two"), ("locked", b"three")):
            self.facts[tag] = await make.image("acme/app", layer, tag=tag)
        for path in ("other/hidden", "blocked/public"):
            await make.image(path, path.encode())
            self.facts[path.replace("/", "_")] = kit.digest_of(path.encode())
        self.facts |= {"one_layer": kit.digest_of(b"one"), "public_layer": kit.digest_of(b"public")}
        self.facts["public"] = await make.image("acme/public", b"public", tag="v1")
        await execute("UPDATE tag SET is_immutable = ? WHERE name = 'locked'", True)

    async def _keys(self) -> None:
        """A key that waits for approval, and the one that signs registry tokens."""
        pair = await own_key.prepared()
        now = now_ms()
        await ServiceKey.create(
            kid=pair.kid, service="builder", public_key=pair.public_pem, created_at_ms=now
        )
        source = service_key.notice_source(pair.kid)
        await notice.put(NoticeKind.SERVICE_KEY_SUBMITTED, {"kid": pair.kid}, notice.SITE, source=source)
        signing = await own_key.current()
        assert signing is not None
        self.facts |= {"waiting": pair.kid, "waiting_s": now // 1000, "signing": signing.kid}

    async def _credentials(self) -> None:
        for name in (
            "owner",
            "outsider",
            "reader",
            "writer",
            "keeper",
            "member",
            "maker",
            "guest",
            "blocked",
        ):
            await self._token(name, name, EVERY_SCOPE - {Scope.SUPER_USER})
        for name, scope in SCOPED.items():
            await self._token(name, "owner", frozenset({scope}))
        await self._token("robot", "acme+bot", EVERY_SCOPE)
        await self._application("org")
        await self._token("inspector", READ_ONLY_SUPERUSER, EVERY_SCOPE)
        await self._token("super", "chief", EVERY_SCOPE)
        await self._token("plain super", "chief", EVERY_SCOPE - {Scope.SUPER_USER})
        if not _hashes:
            _hashes.append(await hash_password(PASSWORD))
        await execute("UPDATE account SET password_hash = ? WHERE name IN ('owner', 'chief')", _hashes[0])
        for name, account, age_ms in (
            ("session", "owner", 0),
            ("stale", "owner", LIFETIME_MS // 2),
            ("stale super", "chief", LIFETIME_MS // 2),
            ("guest, at a browser", "guest", 0),
        ):
            await self._session(name, account, age_ms)
        forged = self.callers["session"]
        self.callers["forged"] = replace(forged, headers={"Cookie": forged.headers["Cookie"]})
        await execute("UPDATE account SET is_enabled = ? WHERE name = 'blocked'", False)

    async def _token(self, caller: str, account: str, scopes: frozenset[Scope]) -> None:
        text = await self.factory.token(account, scopes)
        (row,) = await fetch("SELECT id, uuid FROM access_token ORDER BY id DESC LIMIT 1")
        self.facts[f"token_of_{caller.replace(' ', '_')}"] = row["uuid"]
        self.callers[caller] = Credentials(
            account, {"Authorization": f"Bearer {text}"}, ("$oauthtoken", text), row["id"]
        )

    async def _application(self, caller: str) -> None:
        """Let the token of a caller be one of an application."""
        owner = await self.factory.as_account("owner")
        made = await application.create(owner, "acme", ApplicationChanges(name="Pilot"))
        credentials = self.callers[caller]
        await execute("UPDATE access_token SET application_id = ? WHERE id = ?", made.id, credentials.token)
        credentials.application = (made.client_id, made.name)
        self.facts["pilot"] = made.client_id

    async def _session(self, caller: str, name: str, age_ms: int) -> None:
        cookie, now = new_cookie(), now_ms()
        (row,) = await fetch("SELECT id FROM account WHERE name = ?", name)
        made = await Session.create(
            cookie_hash=hash_secret(cookie),
            account_id=row["id"],
            authenticated_at_ms=now - age_ms,
            created_at_ms=now - age_ms,
            expires_at_ms=now - age_ms + LIFETIME_MS,
        )
        self.callers[caller] = Credentials(
            name,
            {"Cookie": f"{COOKIE}={cookie}", HEADER: csrf_token(cookie)},
            session=made.id,
        )


@asynccontextmanager
async def place(factory: Factory, settings: Settings, *, is_empty: bool = False) -> AsyncIterator[Place]:
    """A place with everything, or nothing at all, asked from the machine itself."""
    settings = replace(
        settings,
        features=settings.features | {"USER_RENAME"},
        mail_url=MailServer("127.0.0.1", 9),
        ssrf_allowed_hosts=frozenset({"localhost"}),
    )
    app = create_app(settings, jobs=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=("127.0.0.1", 54321)),
            base_url=settings.public_url,
            headers={"User-Agent": AGENT},
        ) as http,
    ):
        found = Place(factory, http)
        if not is_empty:
            await found.populate()
        yield found

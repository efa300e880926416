"""Makes content for tests through the resolvers, with real blobs in a real blob store.

    factory = Factory(settings, database, blobs)
    await factory.user("ada")
    await factory.repository("ada/app")
    digest = await factory.image("ada/app", b"layer", tag="latest")

Teams, and many tags at once, are written as rows.
"""

import json
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import DIRECT, SCOPES, Scope
from resolvers.access.viewer import ANONYMOUS, AccountKind, Viewer, ViewerAccount
from resolvers.accounts import account, organization, robot
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.accounts.robot import RobotRecord
from resolvers.caches import configuration
from resolvers.caches.configuration import ProxyCacheRecord, ProxyCacheSettings
from resolvers.content import push
from resolvers.context import Context, Site
from resolvers.oauth import token
from resolvers.outbound.client import Outbound
from resolvers.quotas import quota
from resolvers.quotas.quota import Limit, LimitKind, QuotaRecord
from resolvers.repositories import permission, repository
from resolvers.repositories.repository import RepositoryRecord, Visibility
from storage import blob_rows
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.database import Database
from storage.models.cache import ProxyCache
from storage.models.tag import Tag
from storage.models.team import Team, TeamMember
from storage.secrets import Secrets
from storage.statements import fetch
from tests.quayside.registry import kit

READ_ONLY_SUPERUSER = "inspector"
"""The name in GLOBAL_READONLY_SUPER_USERS of the fixtures `settings` and those built on it."""

EVERY_SCOPE = frozenset(row.scope for row in SCOPES.values() if row.is_grantable)


@dataclass(frozen=True)
class Factory:
    """Makes content in one database and one blob store."""

    site: Site
    database: Database
    blobs: BlobStore
    secrets: Secrets

    @classmethod
    def of(cls, settings: Settings, database: Database, blobs: BlobStore) -> "Factory":
        """The factory for an application with these settings."""
        return cls(site_of(settings), database, blobs, Secrets(settings.secret_key))

    def with_features(self, *flags: str) -> "Factory":
        """The factory for an installation with these features enabled."""
        return replace(self, site=replace(self.site, features=self.site.features | set(flags)))

    def without_features(self, *flags: str) -> "Factory":
        """The factory for an installation with these features disabled."""
        return replace(self, site=replace(self.site, features=self.site.features - set(flags)))

    def context(self, viewer: Viewer = ANONYMOUS) -> Context:
        """The context of a call by a viewer."""
        return Context(viewer=viewer, site=self.site, blobs=self.blobs, secrets=self.secrets)

    async def viewer(self, name: str, scopes: frozenset[Scope] = DIRECT) -> Viewer:
        """The viewer of the account with this name."""
        record = await account.by_name(name)
        assert record is not None, f"there is no account {name}"
        return Viewer(
            ViewerAccount(record.id, record.name, record.kind, 0),
            scopes,
            is_read_only_superuser=account.is_read_only_superuser(self.context(), record),
        )

    async def as_account(self, name: str, scopes: frozenset[Scope] = DIRECT) -> Context:
        """The context of a call by the account of this name."""
        return self.context(await self.viewer(name, scopes))

    async def user(
        self, name: str, *, password: str | None = None, is_superuser: bool = False
    ) -> AccountRecord:
        """A user; without a password by default, since hashing takes time."""
        return await account.create_user(
            self.context(),
            name=name,
            email=f"{name}@example.com",
            password=password,
            is_superuser=is_superuser,
        )

    async def read_only_superuser(self, *, password: str | None = None) -> AccountRecord:
        """The user `inspector`, whom the settings of tests make a read-only superuser.

        Each door knows them so: sign in with the password, or ask with `factory.token("inspector")`, or in
        the context `factory.as_account("inspector")`. A superuser by the row is one of them as well:
        `await factory.user(READ_ONLY_SUPERUSER, is_superuser=True)`.
        """
        return await self.user(READ_ONLY_SUPERUSER, password=password)

    async def organization(self, name: str, *, owner: str) -> AccountRecord:
        """An organization whose team `owners` holds one user."""
        return await organization.create(await self.as_account(owner), name=name)

    async def proxy_cache(
        self, organization: str, upstream: str = "localhost:1", *, owner: str, **settings: Any
    ) -> ProxyCacheRecord:
        """Make an organization a cache of an upstream, as its owner."""
        context = await self.as_account(owner)
        outbound = Outbound([upstream.partition(":")[0]])
        context = replace(context, site=replace(context.site, outbound=outbound))
        chosen = ProxyCacheSettings(upstream_registry=upstream, is_insecure=True, **settings)
        return await configuration.create(context, organization, chosen)

    async def cache(self, name: str, *, owner: str) -> AccountRecord:
        """An organization that is a cache of another registry, without asking that one."""
        made = await self.organization(name, owner=owner)
        await ProxyCache.create(
            organization_id=made.id,
            upstream_registry="upstream.example.com",
            expiration_s=86_400,
            created_at_ms=now_ms(),
        )
        return made

    async def quota(self, owner: str, limit_bytes: int, *limits: tuple[LimitKind, int]) -> QuotaRecord:
        """The quota of a user or organization, given by a superuser."""
        return await quota.create(
            self.superuser(),
            owner,
            limit_bytes=limit_bytes,
            limits=[Limit(kind, percent) for kind, percent in limits],
        )

    def superuser(self) -> Context:
        """The context of a call by a superuser without an account."""
        return self.context(Viewer(is_superuser=True))

    async def team(self, owner: str, name: str, role: TeamRole, members: Sequence[str] = ()) -> int:
        """A team of an organization; its id."""
        record = await account.by_name(owner, AccountKind.ORGANIZATION)
        assert record is not None
        team = await Team.create(
            organization_id=record.id, name=name, role=role.value, created_at_ms=now_ms()
        )
        for member in members:
            joined = await account.by_name(member)
            assert joined is not None
            await TeamMember.create(team_id=team.id, account_id=joined.id)
        return int(team.id)

    async def robot(self, name: str, *, by: str | None = None) -> RobotRecord:
        """A robot `owner+short`, made by its owner or another user."""
        owner, _, short_name = name.partition("+")
        return await robot.create(await self.as_account(by or owner), owner=owner, short_name=short_name)

    async def repository(
        self, path: str, *, by: str | None = None, visibility: Visibility = Visibility.PRIVATE
    ) -> RepositoryRecord:
        """A repository, made by the owner of its namespace or another user."""
        namespace, _, name = path.partition("/")
        return await repository.create(
            await self.as_account(by or namespace), namespace=namespace, name=name, visibility=visibility
        )

    async def grant(
        self, path: str, name: str, role: RepositoryRole, *, kind: GranteeKind = GranteeKind.USER, by: str
    ) -> None:
        """A direct permission on a repository."""
        await permission.set_permission(await self.as_account(by), path, Grantee(kind, name), role)

    async def token(self, name: str, scopes: frozenset[Scope] = EVERY_SCOPE) -> str:
        """An access token of an account."""
        record = await account.by_name(name)
        assert record is not None, f"there is no account {name}"
        return await token.create_access_token(self.context(), record, scopes, title="test")

    async def blob(self, path: str, content: bytes) -> str:
        """A blob in a repository; its digest."""
        digest = kit.digest_of(content)
        if await self.blobs.stat(digest) is None:
            upload = str(uuid.uuid4())
            await self.blobs.create_upload(upload)
            await self.blobs.append(upload, 0, _once(content))
            await blob_rows.commit(self.blobs, upload, digest)
        record = await repository.find(path)
        assert record is not None
        await push.link_blob(record.id, digest, len(content))
        return digest

    async def image(
        self, path: str, *layers: bytes, tag: str | None = None, config: bytes = kit.CONFIG
    ) -> str:
        """An image with its blobs; its digest."""
        for content in (config, *layers):
            await self.blob(path, content)
        return await self.manifest(path, kit.image_document(*layers, config=config), tag=tag)

    async def manifest(self, path: str, document: kit.Json, *, tag: str | None = None) -> str:
        """A manifest whose blobs exist already; its digest."""
        record = await repository.find(path)
        assert record is not None
        owner = await self.owner_of(record)
        pushed = await push.put_manifest(
            owner,
            record,
            kit.encode(document),
            content_type=document["mediaType"],
            tags=[tag] if tag else [],
        )
        return pushed.digest

    async def descriptor(self, digest: str) -> kit.Json:
        """The descriptor of a manifest, as an index or a referrer names it."""
        (row,) = await fetch("SELECT media_type, size_bytes FROM manifest WHERE digest = ?", digest)
        return {"mediaType": row["media_type"], "digest": digest, "size": row["size_bytes"]}

    async def owner_of(self, record: RepositoryRecord) -> Context:
        """The context of the owner of a namespace; for an organization, of the organization itself."""
        return await self.as_account(record.namespace_name)


async def add_tags(digest: str, names: Iterable[str]) -> None:
    """Write many tags of one manifest as rows, without events."""
    (row,) = await fetch("SELECT id, repository_id FROM manifest WHERE digest = ?", digest)
    place = {"repository_id": row["repository_id"], "manifest_id": row["id"]}
    await Tag.bulk_create([Tag(name=name, started_at_ms=1, **place) for name in names], batch_size=500)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def image_config(architecture: str, **more: object) -> bytes:
    """An image configuration for linux on some architecture."""
    return json.dumps({"architecture": architecture, "os": "linux", **more}).encode()

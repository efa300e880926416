"""One request to `/v2`: its repository, its authorization, and the context for resolvers.

Each request authorizes its token again. A verified signature may be cached, rights are not: one indexed read
compares the auth epochs in the token with those of the account, the namespace and the repository. Where one
of the last two differs, the rights are judged again, once for each token and epochs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from starlette.types import Receive, Scope, Send

from quayside.http.addresses import Addresses
from quayside.logs import request_id
from quayside.registry.asgi import header, query_items
from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.holds import Holds
from quayside.registry.judged import JudgedRoles, judgement
from quayside.registry.judged_pulls import JudgedPulls
from quayside.registry.names import repository_path, require_name
from quayside.registry.pulls import PullRecorder
from quayside.registry.routes import Match
from quayside.registry.scopes import CATALOG_SCOPE, challenge, repository_scope
from resolvers.access.permissions import RepositoryRef, repository_role
from resolvers.access.registry_tokens import PULL, PUSH, RegistryGrant, RepositoryGrant, TokenSigner
from resolvers.context import ANONYMOUS, Context, Site, Viewer
from resolvers.errors import InvalidCredentials, NotWritable
from resolvers.manifests.liveness import RENEWAL_MS
from resolvers.readonly import is_read_only
from resolvers.repositories import repository as repositories
from resolvers.repositories.registry_access import is_cached, may_know_absent, narrowed, viewer_of
from resolvers.repositories.repository import RepositoryRecord, RepositoryState, Visibility
from resolvers.repositories.writing import CACHED
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.database import Database
from storage.hot import HotRepository, HotStore
from storage.secrets import Secrets

MAX_FIRST = 1000
"""Most entries of a list that are read in one statement."""

ACTIONS_NEEDED = {PULL: (PULL,), PUSH: (PULL, PUSH)}
"""Actions in a challenge. A push needs pull too, since clients first look for what is there."""


@dataclass(frozen=True, slots=True)
class RegistryServices:
    """Services of the registry. `signer` signs for the audience `site.registry_host`.

    `redirects_blobs`: clients read blobs from the blob store itself, if it has addresses for them.
    `reserve_bytes` of the disk are left free by uploads.
    """

    database: Database
    hot: HotStore
    blobs: BlobStore
    redirects_blobs: bool
    signer: TokenSigner
    holds: Holds
    pulls: PullRecorder
    secrets: Secrets
    site: Site
    addresses: Addresses
    reserve_bytes: int
    cors_origins: tuple[str, ...] = ()
    judged: JudgedRoles = field(default_factory=JudgedRoles)
    judged_pulls: JudgedPulls = field(default_factory=JudgedPulls)


class AbsentRepository(RegistryError):
    """There is no repository at a path, which the holder of the grant may know."""

    def __init__(self, name: str, path: str, grant: RegistryGrant) -> None:
        super().__init__(OciCode.NAME_UNKNOWN, detail={"name": name})
        self.path = path
        self.grant = grant


@dataclass(frozen=True, slots=True)
class Access:
    """An authorized request: its token's grant, what that still grants here, and the repository."""

    grant: RegistryGrant
    own: RepositoryGrant
    repository: HotRepository
    path: str

    def require_writable(self, site: Site) -> None:
        """Raise `NotWritable` unless the state of the repository allows writing, and it is no cache."""
        if self.repository.cache_id is not None and site.has("PROXY_CACHE"):
            raise NotWritable(CACHED.format(self.path.partition("/")[0]))
        if self.repository.state != RepositoryState.NORMAL:
            raise NotWritable(f"Repository is in read only or mirror mode: {self.repository.state}")


@dataclass(frozen=True, slots=True)
class Call:
    """A request and the route that it matched."""

    services: RegistryServices
    scope: Scope
    receive: Receive
    send: Send
    match: Match

    @property
    def is_head(self) -> bool:
        """Whether the response has no body."""
        return bool(self.scope["method"] == "HEAD")

    @property
    def argument(self) -> str:
        """The last segment of the path: a reference, a digest or the id of an upload."""
        return self.match.argument

    def url(self, rest: str) -> str:
        """A URL path in the repository, with the name as the client wrote it."""
        return f"/v2/{self.match.name}/{rest}"

    def query(self) -> dict[str, str]:
        """The query's parameters; of duplicates the last. Raises RegistryError."""
        return dict(query_items(self.scope))

    def path(self) -> str:
        """The repository's path. Raises RegistryError NAME_INVALID."""
        return self.path_of(self.match.name)

    def path_of(self, name: str) -> str:
        """The path of the repository with a client's `name`. Raises RegistryError NAME_INVALID."""
        has_library = "LIBRARY_SUPPORT" in self.services.site.features
        return repository_path(require_name(name), has_library=has_library)

    async def token(self) -> RegistryGrant | None:
        """The grant of the bearer token, None without one. Raises RegistryError (401) for an invalid one."""
        text = header(self.scope, b"authorization")
        if text is None:
            return None
        scheme, _, token = text.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            grant = await self.services.signer.verify(token.strip())
        except InvalidCredentials as error:
            raise self.refusal("invalid_token") from error
        if not grant.account_id and not self.services.site.has("ANONYMOUS_ACCESS"):
            raise self.refusal("invalid_token")
        return grant

    async def authorize(self, action: str) -> Access:
        """Require a token that grants `action`, pull or push, on the repository, and a right to it now.

        Raises RegistryError: NAME_INVALID, 401 with a challenge for the scope, or, for viewers who would see
        a missing repository if it were created, NAME_UNKNOWN.
        """
        path = self.path()
        grant = await self.token()
        if grant is None:
            raise self.refusal(action=action)
        own = grant.repositories.get(path)
        if own is None or not own.allows(action):
            raise self.refusal("insufficient_scope", action=action)
        namespace, _, name = path.partition("/")
        repository = await self.services.hot.repository(
            namespace,
            name,
            account_id=grant.account_id,
            credential_kind=grant.credential_kind,
            credential_id=grant.credential_id,
        )
        if repository is None:
            if own.repository_id == 0:
                raise await self._absent_repository_error(path, grant, action)
        elif _is_alive(grant, own, repository):
            if not _is_current(own, repository) or self._may_write_no_more(grant, action):
                own = await self._judged_again(grant, own, repository, action)
            if own.allows(action):
                return Access(grant, own, repository, path)
        raise self.refusal("invalid_token", action=action)

    def _may_write_no_more(self, grant: RegistryGrant, action: str) -> bool:
        """Whether a token is older than the setting that lets its account change nothing."""
        site = self.services.site
        return action != PULL and site.has("SUPER_USERS") and site.names_read_only_superuser(grant.subject)

    async def _judged_again(
        self, grant: RegistryGrant, own: RepositoryGrant, repository: HotRepository, action: str
    ) -> RepositoryGrant:
        """What a token grants whose rights may have changed since it was issued: no more than it did."""
        key = judgement(grant, repository)
        known = narrowed(own, self.services.judged.get(key))
        # What gives rights changes no epoch, so a refusal is judged each time.
        if known.allows(action):
            return known
        is_public = repository.visibility == Visibility.PUBLIC
        with self.services.database.current():
            viewer = (await self.context(grant)).viewer
            role = await repository_role(
                viewer, RepositoryRef(repository.id, repository.namespace_id, is_public)
            )
        if role is not None:
            self.services.judged.keep(key, role)
        return narrowed(own, role)

    async def _absent_repository_error(self, path: str, grant: RegistryGrant, action: str) -> RegistryError:
        """The error for a repository that did not exist when the token was issued, and does not exist now."""
        with self.services.database.current():
            if not await may_know_absent((await self.context(grant)).viewer, path):
                return self.refusal("invalid_token", action=action)
            if action == PUSH and await is_cached(self.services.site, path):
                return RegistryError(OciCode.DENIED, CACHED.format(path.partition("/")[0]))
        return AbsentRepository(self.match.name, path, grant)

    def refusal(self, error: str | None = None, *, action: str | None = None) -> RegistryError:
        """A 401 with a challenge for the token that the client needs; `error` is a code of RFC 6750."""
        site = self.site
        scopes = [repository_scope(self.match.name, ACTIONS_NEEDED[action])] if action else []
        if self.match.route.name == "catalog":
            scopes = [CATALOG_SCOPE]
        headers = challenge(site.public_url, site.registry_host, scopes=scopes, error=error)
        missing = [
            {"Type": "repository", "Class": "", "Name": self.match.name, "Action": one}
            for one in (ACTIONS_NEEDED[action] if action else ())
        ]
        return RegistryError(OciCode.UNAUTHORIZED, headers=headers, detail=missing or None)

    async def extend_grace_period(
        self, access: Access, pushed_at_ms: int, renew: Callable[[], Awaitable[bool]]
    ) -> bool:
        """Renew old content that a pusher asks about by HEAD; False if it is gone.

        The client then relies on the content and does not push it. Without a new grace period garbage
        collection could remove it before the client pushes a manifest that names it.
        """
        is_push = self.is_head and access.own.allows(PUSH)
        if not is_push or pushed_at_ms >= now_ms() - RENEWAL_MS:
            return True
        with self.services.database.current():
            # In read-only mode nothing is collected, nor could the client push what names the content.
            return await is_read_only() or await renew()

    @property
    def site(self) -> Site:
        """The site with the address by which this request came, for what clients are told."""
        return self.services.addresses.site_for(self.scope)

    async def context(self, grant: RegistryGrant | None) -> Context:
        """The context for resolvers of a token's viewer. Raises RegistryError (401).

        The database must be current.
        """
        if grant is None:
            return self.context_of(ANONYMOUS)
        try:
            return self.context_of(await viewer_of(grant, self.services.site))
        except InvalidCredentials as error:
            raise self.refusal("invalid_token") from error

    def context_of(self, viewer: Viewer) -> Context:
        """The context for resolvers of a viewer."""
        client = self.scope.get("client")
        services = self.services
        return Context(
            viewer=viewer,
            site=services.site,
            blobs=services.blobs,
            secrets=services.secrets,
            request_id=request_id.get(),
            ip=client[0] if client else None,
            user_agent=header(self.scope, b"user-agent"),
            max_first=MAX_FIRST,
        )

    async def record(self, access: Access) -> RepositoryRecord:
        """The resolvers' record of the repository. Raises RegistryError NAME_UNKNOWN if it was deleted."""
        record = (await repositories.by_ids([access.repository.id])).get(access.repository.id)
        if record is None:
            raise RegistryError(OciCode.NAME_UNKNOWN, detail={"name": self.match.name})
        # The state that was authorized, so that one request sees one state.
        return replace(record, state=RepositoryState(access.repository.state))


def _is_alive(grant: RegistryGrant, own: RepositoryGrant, repository: HotRepository) -> bool:
    """Whether the token is about this repository, or was about an absent one, and its credential is good."""
    return bool(
        own.repository_id in (repository.id, 0)
        and repository.namespace_enabled
        and repository.credential_valid
        # Anonymous tokens have no account, so no account epoch.
        and (grant.account_id == 0 or grant.account_epoch == repository.account_epoch)
    )


def _is_current(own: RepositoryGrant, repository: HotRepository) -> bool:
    """Whether nothing can have been taken away since the token was issued."""
    return bool(
        own.repository_id == repository.id
        and own.repository_epoch == repository.auth_epoch
        and own.namespace_epoch == repository.namespace_epoch
    )

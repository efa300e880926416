"""Authenticates requests: from the `Authorization` header or the session to the context of resolvers.

A bearer token takes precedence over the cookie. GraphQL refuses an invalid token; REST continues as
anonymous, since its clients expect the public answer. Writes by cookie need a CSRF token, which REST checks
itself.
"""

from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request

from quayside.http.addresses import Addresses
from quayside.http.basic import basic_login
from quayside.http.sessions import Sessions, require_csrf, same_origin
from quayside.logs import request_id
from resolvers.access.credentials import basic_viewer, bearer_viewer
from resolvers.access.registry_tokens import TokenSigner
from resolvers.accounts.login import Door, record_failure
from resolvers.context import ANONYMOUS, Context, Site, Viewer
from resolvers.errors import InvalidCredentials
from resolvers.record.fanout import Fanout
from schema import GraphContext
from schema.response import ResponseLimits
from storage.blobs import BlobStore
from storage.secrets import Secrets

PUBLIC_MAX_FIRST = 100
TRUSTED_MAX_FIRST = 10_000
TRUSTED_RESPONSE = ResponseLimits(values=500_000)
"""Limits for REST, whose documents are ours and whose answers contain whole lists."""


@dataclass(frozen=True, slots=True)
class ContextFactory:
    """Makes contexts for the requests of one application."""

    site: Site
    blobs: BlobStore
    secrets: Secrets
    live: Fanout | None = None
    addresses: Addresses | None = None
    signer: TokenSigner | None = None
    """Of passwords that robots get by identity federation."""

    @property
    def sessions(self) -> Sessions:
        """The sessions of this installation."""
        return Sessions(self.site)

    async def graphql(self, request: Request) -> GraphContext:
        """The context of a GraphQL request. Raises `InvalidCredentials`, `CsrfRefused`."""
        viewer = await self._viewer(request)
        if viewer.is_session and request.method == "POST":
            require_csrf(request)
        return GraphContext(self.context(request, viewer, max_first=PUBLIC_MAX_FIRST), self.live)

    async def socket(self, connection: HTTPConnection, authorization: str | None) -> GraphContext:
        """The context of an operation over a WebSocket. `authorization` is from the client's messages, since
        pages cannot set headers. The origin was checked at the handshake, so no CSRF token is needed. Raises
        `InvalidCredentials`.
        """
        viewer = await self._viewer(connection, authorization)
        return GraphContext(self.context(connection, viewer, max_first=PUBLIC_MAX_FIRST), self.live)

    async def rest(self, request: Request, *, accepts_basic: bool = False) -> GraphContext:
        """The context of a REST request; anonymous if its credentials are invalid, or throttled."""
        try:
            is_basic = request.headers.get("authorization", "").lower().startswith("basic ")
            viewer = await (
                self._basic_viewer(request) if accepts_basic and is_basic else self._viewer(request)
            )
        except InvalidCredentials:
            viewer = ANONYMOUS
        context = self.context(request, viewer, max_first=TRUSTED_MAX_FIRST)
        return GraphContext(context, response_limits=TRUSTED_RESPONSE)

    async def browser(self, request: Request) -> Context:
        """The context of a page for people; only its session counts."""
        viewer = await self.sessions.session_viewer(request)
        return self.context(request, viewer or ANONYMOUS, max_first=PUBLIC_MAX_FIRST)

    async def _viewer(self, request: HTTPConnection, authorization: str | None = None) -> Viewer:
        header = authorization or request.headers.get("authorization")
        if not header:
            return await self.sessions.session_viewer(request) or ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidCredentials("Only bearer tokens are accepted here.")
        return await bearer_viewer(token.strip(), site=self.site)

    async def _basic_viewer(self, request: Request) -> Viewer:
        name, password = basic_login(request) or ("", "")
        try:
            return await basic_viewer(
                name,
                password,
                site=self.site,
                secrets=self.secrets,
                signer=self.signer,
                ip=request.client.host if request.client else None,
            )
        except InvalidCredentials as error:
            nobody = self.context(request, ANONYMOUS, max_first=PUBLIC_MAX_FIRST)
            await record_failure(nobody, Door.REGISTRY, name, error)
            raise

    def site_for(self, request: HTTPConnection) -> Site:
        """The site with the address by which a request came, if the operator allows to tell it."""
        return self.addresses.site_for(request.scope) if self.addresses else self.site

    def context(self, request: HTTPConnection, viewer: Viewer, *, max_first: int) -> Context:
        """What resolvers are told of a request by that viewer."""
        origin = request.headers.get("origin")
        return Context(
            viewer=viewer,
            site=self.site_for(request),
            blobs=self.blobs,
            secrets=self.secrets,
            request_id=request_id.get(),
            ip=request.client.host if request.client else None,
            user_agent=request.headers.get("user-agent"),
            max_first=max_first,
            is_cross_origin=origin is not None and not same_origin(origin, self.site.public_url),
        )

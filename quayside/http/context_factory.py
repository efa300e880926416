"""Who is calling: the `Authorization` header or the session of a request becomes the context of resolvers.

Both doors read the same; a bearer token wins over the cookie. The GraphQL door refuses a wrong token; the
REST door goes on anonymously, since its clients expect a public answer or that answer's own refusal.
Requests that come by cookie need a CSRF token to change something; the REST door asks for it itself.
"""

from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request

from quayside.http.sessions import Sessions, require_csrf, same_origin
from quayside.logs import request_id
from resolvers.access.credentials import bearer_viewer
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
"""REST answers whole lists, in documents of ours, so that the limits of the public door do not bind it."""


@dataclass(frozen=True, slots=True)
class ContextFactory:
    """Makes contexts for the requests of one application."""

    site: Site
    blobs: BlobStore
    secrets: Secrets
    live: Fanout | None = None

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
        """The context of an operation over a WebSocket, whose client may have sent an `Authorization` of its
        own, since pages cannot set headers. The handshake has shown whose page it is, so there is no CSRF
        token. Raises `InvalidCredentials`.
        """
        viewer = await self._viewer(connection, authorization)
        return GraphContext(self.context(connection, viewer, max_first=PUBLIC_MAX_FIRST), self.live)

    async def rest(self, request: Request) -> GraphContext:
        """The context of a REST request; credentials that are not valid count as none."""
        try:
            viewer = await self._viewer(request)
        except InvalidCredentials:
            viewer = ANONYMOUS
        context = self.context(request, viewer, max_first=TRUSTED_MAX_FIRST)
        return GraphContext(context, response_limits=TRUSTED_RESPONSE)

    async def browser(self, request: Request) -> Context:
        """The context of a page for people: by its session alone."""
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

    def context(self, request: HTTPConnection, viewer: Viewer, *, max_first: int) -> Context:
        """What resolvers are told of a request by that viewer."""
        origin = request.headers.get("origin")
        return Context(
            viewer=viewer,
            site=self.site,
            blobs=self.blobs,
            secrets=self.secrets,
            request_id=request_id.get(),
            ip=request.client.host if request.client else None,
            user_agent=request.headers.get("user-agent"),
            max_first=max_first,
            is_cross_origin=origin is not None and not same_origin(origin, self.site.public_url),
        )

"""Who is calling: the `Authorization` header of a request becomes the context that resolvers get.

Both doors read the same header. The GraphQL door refuses a wrong token; the REST door goes on anonymously,
since its clients expect a public answer or that answer's own refusal.
"""

from dataclasses import dataclass

from starlette.requests import Request

from quayside.logs import request_id
from resolvers.access.credentials import bearer_viewer
from resolvers.context import ANONYMOUS, Context, Site, Viewer
from resolvers.errors import InvalidCredentials
from schema import GraphContext
from storage.blobs import BlobStore
from storage.secrets import Secrets

PUBLIC_MAX_FIRST = 100
TRUSTED_MAX_FIRST = 10_000
"""REST answers whole lists; its documents are ours, so the limit of the public door does not bind them."""


@dataclass(frozen=True, slots=True)
class Callers:
    """Makes contexts for the requests of one application."""

    site: Site
    blobs: BlobStore
    secrets: Secrets

    async def graphql(self, request: Request) -> GraphContext:
        """The context of a GraphQL request. Raises `InvalidCredentials`."""
        return GraphContext(self._context(request, await self._viewer(request), PUBLIC_MAX_FIRST))

    async def rest(self, request: Request) -> GraphContext:
        """The context of a REST request; credentials that are not valid count as none."""
        try:
            viewer = await self._viewer(request)
        except InvalidCredentials:
            viewer = ANONYMOUS
        return GraphContext(self._context(request, viewer, TRUSTED_MAX_FIRST))

    async def _viewer(self, request: Request) -> Viewer:
        header = request.headers.get("authorization")
        if not header:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidCredentials("Only bearer tokens are accepted here.")
        return await bearer_viewer(token.strip(), site=self.site)

    def _context(self, request: Request, viewer: Viewer, max_first: int) -> Context:
        return Context(
            viewer=viewer,
            site=self.site,
            blobs=self.blobs,
            secrets=self.secrets,
            request_id=request_id.get(),
            ip=request.client.host if request.client else None,
            user_agent=request.headers.get("user-agent"),
            max_first=max_first,
        )

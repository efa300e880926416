"""`/exportedlogs/<token>`: downloads of exported audit logs; the token in the address authorizes."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from quayside.http.context_factory import ContextFactory
from resolvers.record.export import exported_digest

_HEADERS = {
    "Content-Disposition": 'attachment; filename="audit-log.json"',
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def export_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The route; 404 for an invalid or expired token."""

    async def download(request: Request) -> StreamingResponse:
        caller = contexts()
        digest = exported_digest(caller.secrets, request.path_params["token"])
        size = await caller.blobs.stat(digest) if digest is not None else None
        if digest is None or size is None:
            raise HTTPException(404)
        return StreamingResponse(
            caller.blobs.read(digest),
            media_type="application/json",
            headers={**_HEADERS, "Content-Length": str(size)},
        )

    return [Route("/exportedlogs/{token}", download)]

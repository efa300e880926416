"""The registry protocol: one ASGI application for all paths below `/v2`, and for the search below `/v1`.

routes.py                path → route                      call.py         authorization of a request
manifests.py blobs.py    pull and delete                   uploads.py      push of blobs
lists.py                 tags, catalog, referrers          token.py        the token service
errors.py                exceptions → error responses      asgi.py         requests and responses
"""

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from quayside.registry import blobs, lists, manifests, search, token, uploads
from quayside.registry.asgi import send_bytes, send_error, send_head
from quayside.registry.call import Call, RegistryServices
from quayside.registry.cors import adding, cors_fields, is_preflight
from quayside.registry.errors import registry_error
from quayside.registry.routes import Match, detail_of, match_route
from resolvers.readonly import require_off, suspended_when_on

__all__ = ["RegistryApp", "RegistryServices"]

Handler = Callable[[Call], Awaitable[None]]


async def base(call: Call) -> None:
    """Confirm that this is a registry; requires a token (OCI Distribution 1.1, end-1)."""
    grant = await call.token()
    if grant is None:
        raise call.refusal()
    await call.context(grant)
    await send_bytes(call.send, 200, {"Content-Type": "application/json"}, b"true", is_head=call.is_head)


HOT: dict[tuple[str, str], Handler] = {
    ("manifest", "GET"): manifests.get,
    ("manifest", "HEAD"): manifests.get,
    ("blob", "GET"): blobs.get,
    ("blob", "HEAD"): blobs.get,
}
"""Handlers of pulls, which use the point reads of `HotStore` only."""

OTHER: dict[tuple[str, str], Handler] = {
    ("manifest", "PUT"): manifests.put,
    ("manifest", "DELETE"): manifests.delete,
    ("blob", "DELETE"): blobs.delete,
    ("uploads", "POST"): uploads.begin,
    ("upload", "GET"): uploads.status,
    ("upload", "HEAD"): uploads.status,
    ("upload", "PATCH"): uploads.append,
    ("upload", "PUT"): uploads.finish,
    ("upload", "DELETE"): uploads.cancel,
    ("tags", "GET"): lists.tags,
    ("tags", "HEAD"): lists.tags,
    ("referrers", "GET"): lists.referrers,
    ("referrers", "HEAD"): lists.referrers,
    ("catalog", "GET"): lists.catalog,
    ("catalog", "HEAD"): lists.catalog,
    ("base", "GET"): base,
    ("base", "HEAD"): base,
    ("token", "GET"): token.get,
    ("token", "HEAD"): token.get,
    ("token", "POST"): token.post,
    ("ping", "GET"): search.ping,
    ("ping", "HEAD"): search.ping,
    ("search", "GET"): search.find,
    ("search", "HEAD"): search.find,
}
"""Handlers that call resolvers, with the database current. With `HOT` one for each route and method."""

GOES_ON = frozenset(
    {(name, method) for name, method in OTHER if method in {"GET", "HEAD"}} | {("token", "POST")}
)
"""What read-only mode does not suspend, beside pulls. Every other handler is refused then."""


class RegistryApp:
    """Answers requests whose path is `/v2`, or begins with `/v2/` or `/v1/`."""

    def __init__(self, services: RegistryServices) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises unexpected errors and `ClientGone` to the caller."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        origins = self._services.cors_origins
        if origins:
            send = adding(cors_fields(origins, scope), send)
            if is_preflight(scope):
                await send_head(send, 204, {})
                return
        method: str = scope["method"]
        match: Match | None = None
        try:
            match = match_route(method, scope["raw_path"])
            call = Call(self._services, scope, receive, send, match)
            handler = HOT.get((match.route.name, method))
            if handler is not None:
                await handler(call)
                return
            with self._services.database.current():
                if (match.route.name, method) in GOES_ON:
                    await OTHER[match.route.name, method](call)
                    return
                await require_off()
                with suspended_when_on():
                    await OTHER[match.route.name, method](call)
        except Exception as error:
            failure = registry_error(error, is_read=method in {"GET", "HEAD"})
            if failure is None:
                raise
            if failure.detail is None:
                failure.detail = detail_of(match, scope["path"])
            await send_error(send, failure, is_head=method == "HEAD")

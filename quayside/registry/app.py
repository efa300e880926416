"""The registry protocol as one ASGI application for everything below `/v2`.

routes.py                address → row                     call.py         who may, and what about
manifests.py blobs.py    what is pulled                    uploads.py      what is pushed
lists.py                 what there is                     token.py        the token service
errors.py                exceptions → answers              asgi.py         requests and answers
"""

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from quayside.registry import blobs, lists, manifests, token, uploads
from quayside.registry.asgi import send_bytes, send_error
from quayside.registry.call import Call, RegistryServices
from quayside.registry.errors import registry_error
from quayside.registry.routes import match_route

__all__ = ["RegistryApp", "RegistryServices"]

Handler = Callable[[Call], Awaitable[None]]


async def base(call: Call) -> None:
    """Say that the registry is one, to whoever holds a token."""
    grant = call.token()
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
"""Pulls, which do with the point reads."""

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
}
"""What resolvers do, with the database current. Together with `HOT` one handler for each row and method."""


class RegistryApp:
    """Answers requests whose path is `/v2` or begins with `/v2/`."""

    def __init__(self, services: RegistryServices) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Errors that nobody expected, and a client that went away, are the caller's."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        method: str = scope["method"]
        try:
            match = match_route(method, scope["raw_path"])
            call = Call(self._services, scope, receive, send, match)
            handler = HOT.get((match.route.name, method))
            if handler is not None:
                await handler(call)
                return
            with self._services.database.current():
                await OTHER[match.route.name, method](call)
        except Exception as error:
            failure = registry_error(error)
            if failure is None:
                raise
            await send_error(send, failure, is_head=method == "HEAD")

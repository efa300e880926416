"""Middleware around the whole application: request id, client address, access log, metrics, error 500.

Plain ASGI for speed, since image pulls pass it too: it reads the headers once and starts no task.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
from random import getrandbits
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from quayside.http.bodies import BODY, Body, BodyStalled, BodyTimes
from quayside.http.connections import address_of, is_within
from quayside.http.metrics import Metrics
from quayside.logs import request_id
from quayside.web import forms
from resolvers.errors import RETRY_LATER, DatabaseUnavailable
from storage.blobs import StorageFull
from storage.outage import SENTENCE
from storage.space import is_full

access = logging.getLogger("quayside.access")
logger = logging.getLogger("quayside.request")

CLIENT_DISCONNECTED: Final = 499
"""The status in log and metrics if the client disconnected before the answer."""

MAX_LOGGED_CHARACTERS: Final = 1024

STREAMS: Final = "quayside.streams"
"""The scope key of a response that lasts until the client ends it; its time is not measured."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Failure(NamedTuple):
    """An error answer of the middleware, with the codes of `/v2` and of GraphQL."""

    status: int
    sentence: str
    registry_code: str
    graphql_code: str
    headers: Mapping[str, str] = MappingProxyType({})


INTERNAL: Final = Failure(500, "The server failed to answer; its log says why.", "UNKNOWN", "INTERNAL")
UNAVAILABLE: Final = Failure(503, SENTENCE, "UNAVAILABLE", "UNAVAILABLE", RETRY_LATER)


FULL: Final = Failure(507, "The disk of the server is full.", "UNAVAILABLE", "UNAVAILABLE")


def stalled(error: BodyStalled) -> Failure:
    """The answer to a request whose body stopped arriving; the rest of it would be taken for a request."""
    close = MappingProxyType({"Connection": "close"})
    return Failure(408, str(error), "INVALID_REQUEST", "BAD_REQUEST", close)


BODIES: Final[dict[str, Callable[[Failure, str], dict[str, Any]]]] = {
    "v2": lambda failure, request: {
        "errors": [
            {
                "code": failure.registry_code,
                "message": failure.sentence,
                "detail": {"request_id": request},
            }
        ]
    },
    "graphql": lambda failure, request: {
        "errors": [
            {
                "message": failure.sentence,
                "extensions": {"code": failure.graphql_code, "request_id": request},
            }
        ]
    },
    "api": lambda failure, request: {"message": failure.sentence, "request_id": request},
    "other": lambda failure, request: {"message": failure.sentence, "request_id": request},
}
"""The body of a failure, in the format of each door."""


def door_of(path: str) -> str:
    """The door of a path: v2, api, graphql or other."""
    if path.startswith(("/v2/", "/v1/")) or path == "/v2":
        return "v2"
    if path.startswith("/api/"):
        return "api"
    if path.startswith("/graphql"):
        return "graphql"
    return "other"


class _Answer:
    """`send` that adds the request's id and notes the status, which is 0 until the answer begins."""

    __slots__ = ("_header", "_send", "status")

    def __init__(self, send: Send, header: tuple[bytes, bytes]) -> None:
        self._send = send
        self._header = header
        self.status = 0

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), self._header]
        elif kind == "websocket.accept":
            self.status = 101
            message["headers"] = [*message.get("headers", ()), self._header]
        elif kind == "websocket.close" and self.status == 0:
            self.status = 403
        await self._send(message)


class RequestMiddleware:
    """Gives each request an id, logs and counts it, and answers 500 for unhandled exceptions.

    A client's `X-Request-Id` is used if it is 1 to 64 of `A-Za-z0-9._-`; the answer has the id.
    `X-Forwarded-For` and `X-Forwarded-Proto` count only from a peer in `trusted_proxies`, and then set
    `scope["client"]` and `scope["scheme"]`; `on_untrusted_proxy` is told the address of any other peer that
    sends the former. Unexpected errors are a bare 500; 503 while the database is away. A body that does not
    arrive within `body_times` ends the request with 408.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (),
        body_times: BodyTimes | None = None,
        on_untrusted_proxy: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.app = app
        self.on_untrusted_proxy = on_untrusted_proxy
        self.metrics = metrics
        self.trusted_proxies = trusted_proxies
        self.body_times = body_times or BodyTimes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        identifier, user_agent, has_body = self._read_headers(scope)
        if has_body:
            body = scope[BODY] = Body(receive, self.body_times)
            receive = body.receive
        request = identifier.decode("ascii")
        answer = _Answer(send, (b"x-request-id", identifier))
        token = request_id.set(request)
        try:
            await self.app(scope, receive, answer)
        except (ClientDisconnect, WebSocketDisconnect) as error:
            if not isinstance(error, BodyStalled):
                answer.status = CLIENT_DISCONNECTED
            elif answer.status == 0:
                await _send_failure(scope, answer, stalled(error), request)
        except asyncio.CancelledError:
            answer.status = CLIENT_DISCONNECTED
            raise
        except Exception as error:  # noqa: BLE001 - The last resort: it is logged there, and answered.
            failure = _failure_of(error)
            if answer.status == 0:
                await _send_failure(scope, answer, failure, request)
        finally:
            status = answer.status or CLIENT_DISCONNECTED
            self._record_request(scope, status, perf_counter() - started, user_agent)
            request_id.reset(token)

    def _read_headers(self, scope: Scope) -> tuple[bytes, bytes, bool]:
        """The request's id, user agent, and whether it has a body. Sets client and scheme of the scope."""
        identifier = user_agent = forwarded_for = forwarded_proto = b""
        has_body = False
        for name, value in scope["headers"]:
            if name == b"user-agent":
                user_agent = value
            elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                identifier = value
            elif name == b"x-forwarded-for":
                # A proxy appends to the header or sends another one; the last hop is last in both cases.
                forwarded_for = forwarded_for + b"," + value if forwarded_for else value
            elif name == b"x-forwarded-proto":
                forwarded_proto = value
            elif name == b"content-length":
                has_body |= value != b"0"
            elif name == b"transfer-encoding":
                has_body = True
        if forwarded_for or forwarded_proto:
            self._read_forwarded(scope, forwarded_for, forwarded_proto)
        return identifier or b"%016x" % getrandbits(64), user_agent, has_body

    def _read_forwarded(self, scope: Scope, forwarded_for: bytes, forwarded_proto: bytes) -> None:
        client = scope.get("client")
        if not client:
            return
        if self.trusted_proxies and is_within(client[0], self.trusted_proxies):
            if forwarded_for:
                scope["client"] = (self._first_untrusted(client[0], forwarded_for), 0)
            _set_scheme(scope, forwarded_proto)
        elif forwarded_for:
            self.on_untrusted_proxy(client[0])

    def _first_untrusted(self, peer: str, forwarded_for: bytes) -> str:
        """The address of the client: the nearest hop that is not a trusted proxy."""
        nearest = peer
        for hop in reversed(forwarded_for.decode("latin-1").split(",")):
            address = address_of(hop.strip())
            if address is None:
                break
            nearest = address
            if not is_within(address, self.trusted_proxies):
                break
        return nearest

    def _record_request(self, scope: Scope, status: int, seconds: float, user_agent: bytes) -> None:
        path: str = scope["path"]
        method: str = scope.get("method", "WEBSOCKET")
        door = door_of(path)
        is_stream = scope["type"] == "websocket" or STREAMS in scope
        self.metrics.request(door, method, status, None if is_stream else seconds)
        if access.isEnabledFor(logging.INFO):
            # A record made by hand saves the stack walk for a file name that the log does not contain.
            record = logging.LogRecord(access.name, logging.INFO, "", 0, "request", None, None)
            client = scope.get("client")
            record.__dict__.update(
                door=door,
                method=method,
                path=path[:MAX_LOGGED_CHARACTERS],
                status=status,
                duration_ms=round(seconds * 1000, 2),
                client=client[0] if client else None,
                user_agent=user_agent[:MAX_LOGGED_CHARACTERS].decode("latin-1"),
            )
            access.handle(record)


def _set_scheme(scope: Scope, forwarded_proto: bytes) -> None:
    secure = {b"https": True, b"http": False}.get(forwarded_proto.strip().lower())
    if secure is not None:
        plain = "ws" if scope["type"] == "websocket" else "http"
        scope["scheme"] = plain + "s" if secure else plain


def _failure_of(error: Exception) -> Failure:
    """How to tell of an error, which is logged unless that has been done where it arose."""
    if isinstance(error, DatabaseUnavailable):
        return UNAVAILABLE._replace(sentence=str(error))
    if isinstance(error, StorageFull) or is_full(error):
        logger.error("the disk is full", exc_info=error)
        return FULL
    logger.error("unhandled error", exc_info=error)
    return INTERNAL


async def _send_failure(scope: Scope, send: Send, failure: Failure, request: str) -> None:
    if scope["type"] == "websocket":
        code = 1013 if failure.status == UNAVAILABLE.status else 1011
        await send({"type": "websocket.close", "code": code, "reason": ""})
        return
    door = door_of(scope["path"])
    if door == "other" and _prefers_page(scope):
        page = forms.message(
            Request(scope),
            "The form did not arrive" if failure.status == 408 else "Try again later",
            failure.sentence,
            is_error=True,
            status=failure.status,
            headers=failure.headers,
        )
        body, headers = bytes(page.body), page.raw_headers
    else:
        body = orjson.dumps(BODIES[door](failure, request))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        headers += [(name.lower().encode(), value.encode()) for name, value in failure.headers.items()]
    await send({"type": "http.response.start", "status": failure.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _prefers_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])

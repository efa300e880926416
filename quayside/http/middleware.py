"""Middleware around the whole application: request id, client address, access log, metrics, error 500.

Plain ASGI for speed, since image pulls pass it too: it reads the headers once and starts no task.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from random import getrandbits
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from quayside.http.metrics import Metrics
from quayside.logs import request_id
from quayside.web import forms
from resolvers.errors import RETRY_LATER, DatabaseUnavailable
from storage.outage import SENTENCE

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
    if path.startswith("/v2/") or path == "/v2":
        return "v2"
    if path.startswith("/api/"):
        return "api"
    if path.startswith("/graphql"):
        return "graphql"
    return "other"


class RequestMiddleware:
    """Gives each request an id, logs and counts it, and answers 500 for unhandled exceptions.

    A client's `X-Request-Id` is used if it is 1 to 64 of `A-Za-z0-9._-`; the answer has the id.
    `X-Forwarded-For` and `X-Forwarded-Proto` count only from a peer in `trusted_proxies`, and then set
    `scope["client"]` and `scope["scheme"]`. Unexpected errors are a bare 500; 503 while the database is away.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = (),
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.trusted_proxies = trusted_proxies
        self._is_trusted = lru_cache(maxsize=4096)(self._in_trusted_networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        identifier, user_agent = self._read_headers(scope)
        header = (b"x-request-id", identifier)
        request = identifier.decode("ascii")
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind in {"http.response.start", "websocket.http.response.start"}:
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            elif kind == "websocket.accept":
                status = 101
                message["headers"] = [*message.get("headers", ()), header]
            elif kind == "websocket.close" and status == 0:
                status = 403
            await send(message)

        token = request_id.set(request)
        try:
            await self.app(scope, receive, answer)
        except (ClientDisconnect, WebSocketDisconnect):
            status = CLIENT_DISCONNECTED
        except asyncio.CancelledError:
            status = CLIENT_DISCONNECTED
            raise
        except Exception as error:  # noqa: BLE001 - The last resort: it is logged there, and answered.
            failure = _failure_of(error)
            if status == 0:
                await _send_failure(scope, answer, failure, request)
        finally:
            self._record_request(scope, status or CLIENT_DISCONNECTED, perf_counter() - started, user_agent)
            request_id.reset(token)

    def _read_headers(self, scope: Scope) -> tuple[bytes, bytes]:
        """The request's id and user agent. Sets client and scheme of the scope."""
        identifier = user_agent = forwarded_for = forwarded_proto = b""
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
        client = scope.get("client")
        if self.trusted_proxies and client and self._is_trusted(client[0]):
            if forwarded_for:
                scope["client"] = (self._first_untrusted(client[0], forwarded_for), 0)
            _set_scheme(scope, forwarded_proto)
        return identifier or b"%016x" % getrandbits(64), user_agent

    def _first_untrusted(self, peer: str, forwarded_for: bytes) -> str:
        """The address of the client: the nearest hop that is not a trusted proxy."""
        nearest = peer
        for hop in reversed(forwarded_for.decode("latin-1").split(",")):
            address = _address(hop.strip())
            if address is None:
                break
            nearest = address
            if not self._is_trusted(address):
                break
        return nearest

    def _in_trusted_networks(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(ip_address(address) in one for one in self.trusted_proxies)

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


def _address(text: str) -> str | None:
    """An IP address in canonical form, or None. An IPv4-mapped IPv6 address becomes the IPv4 address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def _set_scheme(scope: Scope, forwarded_proto: bytes) -> None:
    secure = {b"https": True, b"http": False}.get(forwarded_proto.strip().lower())
    if secure is not None:
        plain = "ws" if scope["type"] == "websocket" else "http"
        scope["scheme"] = plain + "s" if secure else plain


def _failure_of(error: Exception) -> Failure:
    """How to tell of an error, which is logged unless that has been done where it arose."""
    if isinstance(error, DatabaseUnavailable):
        return UNAVAILABLE
    logger.error("unhandled error", exc_info=error)
    return INTERNAL


async def _send_failure(scope: Scope, send: Send, failure: Failure, request: str) -> None:
    if scope["type"] == "websocket":
        code = 1013 if failure is UNAVAILABLE else 1011
        await send({"type": "websocket.close", "code": code, "reason": ""})
        return
    door = door_of(scope["path"])
    if door == "other" and _prefers_page(scope):
        page = forms.message(
            Request(scope),
            "Try again later",
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

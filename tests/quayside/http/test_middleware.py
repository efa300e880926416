"""The middleware around small ASGI applications."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from quayside.http.metrics import Metrics
from quayside.http.middleware import RequestMiddleware
from quayside.logs import JSONFormatter, request_id

App = Callable[[Scope, Receive, Send], Awaitable[None]]
PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@dataclass
class Harness:
    """The middleware around an application, with what it sent."""

    app: App
    metrics: Metrics = field(default_factory=Metrics)
    sent: list[Message] = field(default_factory=list)

    async def call(self, headers: Mapping[str, str] | Sequence[tuple[str, str]] = (), **scope: Any) -> Scope:
        """Send one request through; the scope as the application saw it."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        middleware = RequestMiddleware(self.app, metrics=self.metrics, trusted_proxies=PROXIES)
        request: Scope = {
            "type": "http",
            "path": "/v2/",
            "scheme": "http",
            "client": ("192.0.2.7", 4711),
            "headers": [(name.encode(), value.encode()) for name, value in pairs],
            **scope,
        }
        if request["type"] == "http":
            request.setdefault("method", "GET")
        await middleware(request, self.receive, self.send)
        return request

    async def receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body of the answer."""
        start, *rest = self.sent
        return start["status"], dict(start["headers"]), b"".join(message["body"] for message in rest)

    def number(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """The log lines, formatted."""
    written: list[dict[str, Any]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(self.format(record)))

    handler = Collector()
    handler.setFormatter(JSONFormatter())
    logger = logging.getLogger("quayside")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 201, "headers": SHARED_HEADERS})
    await send({"type": "http.response.body", "body": (request_id.get() or "").encode()})


SHARED_HEADERS = [(b"content-type", b"text/plain")]


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("cannot reach postgresql://quay:hunter2@db/registry")


async def fail_late(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("the disk is gone")


async def go_away(scope: Scope, receive: Receive, send: Send) -> None:
    raise ClientDisconnect


async def wait_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("identifier", ["a", "Zz09._-", "x" * 64])
async def test_a_valid_request_id_of_the_client_is_used(identifier: str) -> None:
    harness = Harness(hello)

    await harness.call({"x-request-id": identifier})

    assert harness.answer == (
        201,
        {b"content-type": b"text/plain", b"x-request-id": identifier.encode()},
        identifier.encode(),
    )


@pytest.mark.parametrize("identifier", ["", "x" * 65, "a b", "a\nb", "é", '"}'])
async def test_any_other_request_id_is_replaced(identifier: str) -> None:
    harness = Harness(hello)

    await harness.call({"x-request-id": identifier})

    _, headers, body = harness.answer
    assert re.fullmatch(rb"[0-9a-f]{16}", headers[b"x-request-id"])
    assert body == headers[b"x-request-id"]


async def test_requests_have_different_ids_and_leave_none_behind() -> None:
    harness = Harness(hello)

    await harness.call()
    await harness.call()

    first, second = harness.sent[1]["body"], harness.sent[3]["body"]
    assert first != second
    assert request_id.get() is None


async def test_headers_that_an_application_shares_between_answers_are_not_changed() -> None:
    await Harness(hello).call()

    assert SHARED_HEADERS == [(b"content-type", b"text/plain")]


async def test_a_request_is_logged_in_one_line_without_credentials_and_query(
    lines: list[dict[str, Any]],
) -> None:
    await Harness(hello).call(
        {
            "x-request-id": "r1",
            "user-agent": "skopeo/1",
            "authorization": "Bearer hunter2",
            "cookie": "hunter2",
        },
        path="/v2/acme/app/tags/list",
        query_string=b"access_token=hunter2",
    )

    (line,) = lines
    assert line.pop("time").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "level": "INFO",
        "logger": "quayside.access",
        "message": "request",
        "request_id": "r1",
        "door": "v2",
        "method": "GET",
        "path": "/v2/acme/app/tags/list",
        "status": 201,
        "client": "192.0.2.7",
        "user_agent": "skopeo/1",
    }


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/v2", "v2"),
        ("/v2/acme/app/manifests/latest", "v2"),
        ("/v2x", "other"),
        ("/api/v1/repository", "api"),
        ("/graphql", "graphql"),
        ("/healthz", "other"),
    ],
)
async def test_requests_are_counted_by_door_and_never_by_path(path: str, door: str) -> None:
    harness = Harness(hello)

    await harness.call(path=path)

    assert harness.number("quayside_requests_total", door=door, method="GET", status="201") == 1
    assert harness.number("quayside_request_seconds_count", door=door, method="GET") == 1


async def test_unknown_methods_share_a_label() -> None:
    harness = Harness(hello)

    await harness.call(method="BREW")
    await harness.call(method="SIP")

    assert harness.number("quayside_requests_total", door="v2", method="OTHER", status="201") == 2


SENTENCE = "The server failed to answer; its log says why."


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/", {"errors": [{"code": "UNKNOWN", "message": SENTENCE, "detail": {"request_id": "r1"}}]}),
        (
            "/graphql",
            {"errors": [{"message": SENTENCE, "extensions": {"code": "INTERNAL", "request_id": "r1"}}]},
        ),
        ("/api/v1/user/", {"message": SENTENCE, "request_id": "r1"}),
        ("/", {"message": SENTENCE, "request_id": "r1"}),
    ],
)
async def test_an_error_is_a_500_in_the_format_of_its_door(path: str, body: object) -> None:
    harness = Harness(fail)

    await harness.call({"x-request-id": "r1"}, path=path)

    status, headers, sent = harness.answer
    assert (status, json.loads(sent)) == (500, body)
    assert headers == {
        b"content-type": b"application/json",
        b"content-length": str(len(sent)).encode(),
        b"x-request-id": b"r1",
    }


async def test_a_failure_is_logged_with_its_request_and_without_passwords(
    lines: list[dict[str, Any]],
) -> None:
    harness = Harness(fail)

    await harness.call({"x-request-id": "r1"})

    failure, access = lines
    assert (failure["level"], failure["request_id"]) == ("ERROR", "r1")
    assert failure["exception"].endswith(
        "RuntimeError: cannot reach postgresql://quay:[redacted]@db/registry"
    )
    assert access["status"] == 500
    assert harness.number("quayside_requests_total", door="v2", method="GET", status="500") == 1


async def test_a_failure_in_the_middle_of_an_answer_does_not_begin_another(
    lines: list[dict[str, Any]],
) -> None:
    harness = Harness(fail_late)

    await harness.call()

    assert [message["type"] for message in harness.sent] == ["http.response.start"]
    assert [line["message"] for line in lines] == ["unhandled error", "request"]


async def test_a_disconnected_client_is_no_error(lines: list[dict[str, Any]]) -> None:
    harness = Harness(go_away)

    await harness.call()

    assert harness.sent == []
    assert [(line["level"], line["status"]) for line in lines] == [("INFO", 499)]


async def test_a_request_that_is_cancelled_is_logged_and_stays_cancelled(lines: list[dict[str, Any]]) -> None:
    task = asyncio.create_task(Harness(wait_for_ever).call())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert [line["status"] for line in lines] == [499]


@pytest.mark.parametrize(
    ("peer", "headers", "client", "scheme"),
    [
        ("192.0.2.7", {"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https"}, "192.0.2.7", "http"),
        (
            "10.0.0.1",
            {"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https"},
            "198.51.100.1",
            "https",
        ),
        ("::1", {"x-forwarded-for": "198.51.100.1"}, "198.51.100.1", "http"),
        ("::ffff:10.0.0.1", {"x-forwarded-for": "2001:db8::1"}, "2001:db8::1", "http"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.9, 198.51.100.1, 10.2.3.4"}, "198.51.100.1", "http"),
        ("10.0.0.1", {"x-forwarded-for": "10.9.9.9, 10.2.3.4"}, "10.9.9.9", "http"),
        ("10.0.0.1", {"x-forwarded-for": "198.51.100.1, unknown"}, "10.0.0.1", "http"),
        ("10.0.0.1", {"x-forwarded-for": "198.51.100.1, <script>, 10.2.3.4"}, "10.2.3.4", "http"),
        ("10.0.0.1", {"x-forwarded-proto": "gopher"}, "10.0.0.1", "http"),
        ("10.0.0.1", {}, "10.0.0.1", "http"),
    ],
)
async def test_forwarded_headers_count_only_from_trusted_proxies(
    peer: str, headers: dict[str, str], client: str, scheme: str
) -> None:
    scope = await Harness(hello).call(headers, client=(peer, 4711))

    assert (scope["client"][0], scope["scheme"]) == (client, scheme)


async def test_a_second_forwarded_header_continues_the_first() -> None:
    harness = Harness(hello)
    pairs = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.1")]

    scope = await harness.call(pairs, client=("10.0.0.1", 4711))

    assert scope["client"] == ("198.51.100.1", 0)


async def test_forwarded_headers_are_ignored_without_proxies_or_peer() -> None:
    scope = await Harness(hello).call({"x-forwarded-for": "198.51.100.1"}, client=None)

    assert scope["client"] is None


async def accept(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008, "reason": ""})


WEBSOCKET: dict[str, Any] = {"type": "websocket", "path": "/graphql", "scheme": "ws"}


async def test_a_websocket_has_a_request_id_and_its_own_count() -> None:
    harness = Harness(accept)

    await harness.call({"x-request-id": "r1"}, **WEBSOCKET)

    assert harness.sent == [
        {
            "type": "websocket.accept",
            "subprotocol": "graphql-transport-ws",
            "headers": [(b"x-request-id", b"r1")],
        }
    ]


@pytest.mark.parametrize(("app", "status"), [(accept, "101"), (refuse, "403")])
async def test_websockets_are_counted_by_whether_they_were_accepted(app: App, status: str) -> None:
    harness = Harness(app)

    await harness.call(**WEBSOCKET)

    assert harness.number("quayside_requests_total", door="graphql", method="WEBSOCKET", status=status) == 1
    assert harness.number("quayside_request_seconds_count", door="graphql", method="WEBSOCKET") is None


async def test_a_websocket_behind_a_proxy_is_secure() -> None:
    scope = await Harness(accept).call({"x-forwarded-proto": "https"}, **WEBSOCKET, client=("10.0.0.1", 1))

    assert scope["scheme"] == "wss"


async def test_a_failure_in_a_websocket_closes_it() -> None:
    harness = Harness(fail)

    await harness.call(**WEBSOCKET)

    assert harness.sent == [{"type": "websocket.close", "code": 1011, "reason": ""}]


@pytest.mark.parametrize(
    ("peer", "told"), [("10.0.0.1", []), ("192.168.0.9", ["192.168.0.9"]), ("192.0.2.7", ["192.0.2.7"])]
)
async def test_a_peer_that_forwards_without_being_trusted_is_told_of(peer: str, told: list[str]) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    middleware = RequestMiddleware(
        app, metrics=Metrics(), trusted_proxies=PROXIES, on_untrusted_proxy=seen.append
    )
    for headers in ([], [(b"x-forwarded-for", b"203.0.113.9")]):
        scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": headers}
        await middleware(scope | {"client": (peer, 1)}, Harness(app).receive, Harness(app).send)

    assert seen == told

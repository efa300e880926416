"""GraphQL over WebSocket, subprotocol `graphql-transport-ws`: many operations over one connection.

    client  connection_init {Authorization: "Bearer …"}    subscribe id {query …}    complete id
    server            connection_ack                            next id … complete id | error id

Source: the GraphQL over WebSocket Protocol of graphql-ws. What it leaves to servers:

- Credentials are `Authorization` in the payload of `connection_init`, else the `Authorization` header, else
  the session cookie. They are checked again for each operation.
- A `subscribe` is processed before the next message is read, so a `pong` to a later `ping` means that the
  subscription has started.
- Pings of the WebSocket transport detect clients that are gone.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from quayside.graphql.http import GraphQLApp, format_error, shared_payload
from quayside.graphql.requests import RequestRefused, check_parameters, refused, unavailable
from resolvers.access.attempts import network_of
from resolvers.errors import DatabaseUnavailable, ErrorCode, InvalidCredentials
from resolvers.record.shares import Holder, Shares
from schema import GraphContext

logger = logging.getLogger("quayside.graphql.ws")

SUBPROTOCOL: Final = "graphql-transport-ws"

STOP_SECONDS: Final = 1.0
"""Longest wait for an operation to stop, before the next message is read."""

ContextFor = Callable[[HTTPConnection, str | None], Awaitable[GraphContext]]


@dataclass(frozen=True)
class SocketLimits:
    """Bounds on one connection, and the shares of all connections."""

    init_seconds: float = 10.0
    send_seconds: float = 30.0
    operations: int = 20
    connections: Shares = field(default_factory=Shares)
    message_bytes: int = 1024 * 1024


class CloseConnection(Exception):
    """The connection must be closed with this code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLSocket:
    """The WebSocket endpoint `/graphql`. `allows_origin` says whether the page of a request may connect."""

    def __init__(
        self,
        graphql: GraphQLApp,
        *,
        context_for: ContextFor,
        allows_origin: Callable[[HTTPConnection], bool],
        limits: SocketLimits | None = None,
    ) -> None:
        self.graphql = graphql
        self.context_for = context_for
        self.allows_origin = allows_origin
        self.limits = limits or SocketLimits()
        self.open: set[Connection] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        websocket = WebSocket(scope, receive, send)
        if not self.allows_origin(websocket):
            # Closing before accepting answers the handshake with 403.
            await websocket.close()
            return
        is_known = SUBPROTOCOL in scope["subprotocols"]
        await websocket.accept(SUBPROTOCOL if is_known else None)
        if not is_known:
            await websocket.close(4406, "Subprotocol not acceptable")
            return
        connection = Connection(self, websocket)
        try:
            self.admit(connection, Holder(network_of(websocket.client.host if websocket.client else None)))
        except CloseConnection as closing:
            await websocket.close(closing.code, closing.reason)
            return
        try:
            await connection.serve()
        finally:
            self.open.discard(connection)

    def admit(self, connection: "Connection", holder: Holder) -> None:
        """Count a connection for a holder: its address first, its account when that is known.

        Raises CloseConnection if the holder has its share of connections.
        """
        others = [one.holder for one in self.open if one is not connection]
        refusal = self.limits.connections.refusal(holder, others, "connections")
        if refusal is not None:
            raise CloseConnection(1013, refusal)
        connection.holder = holder
        self.open.add(connection)


class Connection:
    """One connection: its credentials and its operations."""

    def __init__(self, app: GraphQLSocket, websocket: WebSocket) -> None:
        self.graphql = app.graphql
        self.limits = app.limits
        self.context_for = app.context_for
        self.admit = app.admit
        self.holder = Holder(None)
        self.websocket = websocket
        self.is_initialised = False
        self.is_acknowledged = False
        self.authorization: str | None = None
        self.account_id: int | None = None
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.closing: asyncio.Future[CloseConnection] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Answer messages until one side closes."""
        reading = asyncio.create_task(self.read())
        expiring = asyncio.get_running_loop().call_later(self.limits.init_seconds, self.require_initialised)
        try:
            ends: set[asyncio.Future[Any]] = {reading, self.closing}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self.closing.done():
                closing = self.closing.result()
                await self.websocket.close(
                    closing.code, closing.reason.encode()[:123].decode(errors="ignore")
                )
            else:
                await reading
        except (WebSocketDisconnect, TimeoutError):
            pass
        finally:
            expiring.cancel()
            tasks = [reading, *self.operations.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def close(self, code: int, reason: str) -> None:
        """Close the connection, unless it is closing already."""
        if not self.closing.done():
            self.closing.set_result(CloseConnection(code, reason))

    def require_initialised(self) -> None:
        """Close the connection if there was no `connection_init`."""
        if not self.is_initialised:
            self.close(4408, "Connection initialisation timeout")

    async def read(self) -> None:
        """Handle messages in their order. Returns when the client has disconnected."""
        try:
            while True:
                received = await self.websocket.receive()
                if received["type"] == "websocket.disconnect":
                    return
                await self.handle(self.decode(received.get("text")))
        except CloseConnection as closing:
            self.close(closing.code, closing.reason)

    def decode(self, text: str | None) -> dict[str, Any]:
        """The message in a text frame. Raises CloseConnection."""
        if text is None:
            raise CloseConnection(4400, "Messages must be text frames")
        if len(text) > self.limits.message_bytes:
            raise CloseConnection(1009, f"A message must have at most {self.limits.message_bytes} characters")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise CloseConnection(4400, "A message must be JSON") from error
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise CloseConnection(4400, "type: a string is required")
        if not isinstance(message.get("payload"), dict | None):
            raise CloseConnection(4400, "payload: must be an object")
        return message

    async def handle(self, message: dict[str, Any]) -> None:
        """Handle one message. Raises CloseConnection."""
        match message["type"]:
            case "connection_init":
                await self.initialise(message.get("payload") or {})
            case "ping":
                await self.send({"type": "pong"} | _payload(message))
            case "pong":
                pass
            case "subscribe":
                await self.subscribe(_operation_id(message), message)
            case "complete":
                await self.stop_operation(_operation_id(message))
            case unknown:
                raise CloseConnection(4400, f"Unknown message type {unknown[:40]}")

    async def initialise(self, payload: dict[str, Any]) -> None:
        """Authenticate the client. Raises CloseConnection."""
        if self.is_initialised:
            raise CloseConnection(4429, "Too many initialisation requests")
        self.is_initialised = True
        self.authorization = _authorization(payload)
        try:
            context = await self.context_for(self.websocket, self.authorization)
        except InvalidCredentials as error:
            raise CloseConnection(4403, "Forbidden") from error
        except DatabaseUnavailable as error:
            raise CloseConnection(1013, str(error)) from error
        self.admit(self, self.graphql.holder_for(context))
        self.account_id = context.context.account_id
        self.is_acknowledged = True
        await self.send({"type": "connection_ack"})

    async def subscribe(self, operation_id: str, message: dict[str, Any]) -> None:
        """Start an operation, or send the errors that prevent it. Raises CloseConnection."""
        if not self.is_acknowledged:
            raise CloseConnection(4401, "Unauthorized")
        if operation_id in self.operations:
            raise CloseConnection(4409, f"Subscriber for {operation_id} already exists")
        try:
            self.operations[operation_id] = await self.start_operation(operation_id, message.get("payload"))
        except RequestRefused as refusal:
            await self.send_errors(operation_id, [format_error(error) for error in refusal.errors])

    async def start_operation(self, operation_id: str, payload: Any) -> "asyncio.Task[None]":
        """Start an operation; its task. Raises RequestRefused, CloseConnection."""
        if payload is None:
            raise CloseConnection(4400, "payload: required")
        if len(self.operations) >= self.limits.operations:
            raise refused(
                422,
                f"A connection can have {self.limits.operations} operations; complete one first.",
                code=ErrorCode.TOO_MANY,
            )
        parameters = check_parameters(payload)
        context = await self.current_context()
        operation = self.graphql.operation(parameters, context, safe=False, streams=True)
        if operation.kind is OperationType.SUBSCRIPTION:
            results = await self.graphql.results(operation, parameters, context)
            return asyncio.create_task(self.run(operation_id, results))
        results = self.graphql.result(operation, parameters, context)
        return asyncio.create_task(self.run(operation_id, results))

    async def current_context(self) -> GraphContext:
        """The context of a new operation.

        Raises CloseConnection if the credentials have ended, RequestRefused while the database is away.
        """
        try:
            context = await self.context_for(self.websocket, self.authorization)
        except InvalidCredentials as error:
            raise CloseConnection(4401, "Unauthorized") from error
        except DatabaseUnavailable as error:
            raise unavailable(error) from error
        if context.context.account_id != self.account_id:
            # The session ended, or another session started in the same browser.
            raise CloseConnection(4401, "Unauthorized")
        return context

    async def run(self, operation_id: str, results: AsyncGenerator[ExecutionResult, None]) -> None:
        """Send results until they end, the client stops the operation, or the server ends it."""
        try:
            async with aclosing(results):
                async for result in results:
                    if result.data is None and result.errors:
                        errors = [format_error(error) for error in result.errors]
                        await self.finish(operation_id, {"type": "error", "payload": errors})
                        return
                    await self.send({"id": operation_id, "type": "next", "payload": shared_payload(result)})
            await self.finish(operation_id, {"type": "complete"})
        except GraphQLError as error:
            await self.finish(operation_id, {"type": "error", "payload": [format_error(error)]})
            code = (error.extensions or {}).get("code")
            if code == ErrorCode.UNAUTHENTICATED:
                self.close(4401, "Unauthorized")
            elif code != ErrorCode.NOT_FOUND:  # That concerns one operation alone.
                self.close(1013, "Too slow; subscribe again after the cursor")
        except (WebSocketDisconnect, TimeoutError):
            self.close(1013, "Too slow; subscribe again after the last cursor")
        except Exception:
            logger.exception("an operation failed")
            self.close(1011, "Internal error")

    async def finish(self, operation_id: str, message: dict[str, Any]) -> None:
        """Send the last message of an operation, and free its id."""
        self.operations.pop(operation_id, None)
        await self.send({"id": operation_id} | message)

    async def stop_operation(self, operation_id: str) -> None:
        """Stop an operation, if it has not ended. Its share is free for what the client sends next."""
        task = self.operations.pop(operation_id, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_SECONDS)

    async def send_errors(self, operation_id: str, errors: list[dict[str, Any]]) -> None:
        """Send the errors of an operation that cannot start."""
        await self.send({"id": operation_id, "type": "error", "payload": errors})

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message. Raises TimeoutError if the client does not read."""
        async with asyncio.timeout(self.limits.send_seconds):
            await self.websocket.send_text(orjson.dumps(message).decode())


def _operation_id(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise CloseConnection(4400, "id: a string is required")
    return operation_id


def _payload(message: dict[str, Any]) -> dict[str, Any]:
    return {"payload": message["payload"]} if message.get("payload") is not None else {}


def _authorization(payload: dict[str, Any]) -> str | None:
    for name, value in payload.items():
        if name.lower() == "authorization" and isinstance(value, str) and value:
            return value
    return None

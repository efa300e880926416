"""Clients of registries upstream whose time passes only by waiting."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from resolvers.outbound.client import Outbound
from resolvers.upstreams.location import parse_location
from resolvers.upstreams.pace import Clock
from resolvers.upstreams.registry import Registry, open_registry

OUTBOUND = Outbound(["127.0.0.1"])
NAME = "team/app"


class FakeClock(Clock):
    """Time that passes only by waiting; `slept` are the waits."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@asynccontextmanager
async def opened(
    host: str, *, outbound: Outbound = OUTBOUND, insecure: bool = True, **more: Any
) -> AsyncIterator[Registry]:
    """A client of the registry at `host:port`, by plain HTTP."""
    location = parse_location(f"{host}/{NAME}", insecure=insecure)
    async with open_registry(outbound, location, **{"clock": FakeClock(), **more}) as registry:
        yield registry


async def read(registry: Registry, digest: str, **more: Any) -> bytes:
    """The bytes of a blob."""
    async with aclosing(registry.blob(NAME, digest, **more)) as pieces:
        return b"".join([piece async for piece in pieces])

"""When a registry that limits or fails is asked again, and when not."""

import asyncio
import time
from email.utils import formatdate
from typing import Any

import pytest

from resolvers.upstreams.errors import (
    UpstreamFailure,
    UpstreamInvalid,
    UpstreamLimited,
    UpstreamUnavailable,
)
from resolvers.upstreams.limits import RegistryLimits
from resolvers.upstreams.pace import parse_retry_after
from tests.process import free_port
from tests.quayside.registry.kit import digest_of
from tests.resolvers.upstreams.asking import NAME, FakeClock, opened, read
from tests.upstreams.upstream import FakeUpstream
from tests.waiting import until

LATER = {"Retry-After": "20"}


@pytest.mark.parametrize("status", [429, 503])
async def test_a_registry_is_asked_again_when_it_says(upstream: FakeUpstream, status: int) -> None:
    upstream.image(NAME, "v1")
    upstream.rule("manifests", times=2, status=status, headers=LATER)
    clock = FakeClock()

    async with opened(upstream.host, clock=clock) as registry:
        await registry.manifest(NAME, "v1")

    assert clock.slept == [20, 20]
    assert len(upstream.asked()) == 3


async def test_all_requests_wait_when_one_is_limited(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.rule("manifests", times=1, status=429, headers=LATER)
    clock = FakeClock()
    asked: list[int] = []

    async def sleep(seconds: float) -> None:
        asked.append(len(upstream.asked()))
        await FakeClock.sleep(clock, seconds)

    clock.sleep = sleep  # type: ignore[method-assign]
    async with opened(upstream.host, clock=clock, limits=RegistryLimits(at_once=1)) as registry:
        await asyncio.gather(registry.manifest(NAME, "v1"), registry.ping())

    assert (clock.slept, asked) == ([20], [1])


@pytest.mark.parametrize(("status", "kind"), [(429, UpstreamLimited), (503, UpstreamUnavailable)])
async def test_a_wait_that_is_too_long_is_left_to_the_caller(
    upstream: FakeUpstream, status: int, kind: type[UpstreamFailure]
) -> None:
    upstream.rule("manifests", status=status, headers={"Retry-After": "3600"})
    clock = FakeClock()

    async with opened(upstream.host, clock=clock) as registry:
        for expected, left_s in ((kind, 3600), (UpstreamLimited, 3000)):
            with pytest.raises(expected) as caught:
                await registry.manifest(NAME, "v1")
            assert caught.value.retry_after_s == left_s
            clock.time += 600

    assert (clock.slept, len(upstream.asked())) == ([], 1)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ({"status": 429}, UpstreamLimited),
        ({"status": 429, "headers": {"Retry-After": "0"}}, UpstreamLimited),
        ({"status": 500, "headers": {"Retry-After": "soon"}}, UpstreamUnavailable),
        ({"status": 502}, UpstreamUnavailable),
        ({"cut": 10}, UpstreamUnavailable),
    ],
)
async def test_a_registry_that_fails_is_asked_less_and_less_often(
    upstream: FakeUpstream, rule: dict[str, Any], kind: type[UpstreamFailure]
) -> None:
    upstream.image(NAME, "v1")
    upstream.rule("manifests", **rule)
    clock = FakeClock()

    async with opened(upstream.host, clock=clock) as registry:
        with pytest.raises(kind) as caught:
            await registry.manifest(NAME, "v1")

    assert len(upstream.asked()) == 5
    assert len(clock.slept) == 4
    for waited, longest in zip(clock.slept, (1, 2, 4, 8), strict=True):
        assert longest / 2 <= waited <= longest
    assert caught.value.status == rule.get("status")


async def test_a_registry_that_recovers_is_believed(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    upstream.ask_for("bearer")
    for what in ("manifests", "token"):
        upstream.rule(what, times=2, status=500)

    async with opened(upstream.host) as registry:
        assert (await registry.manifest(NAME, "v1")).body


async def test_a_registry_that_is_not_there_is_asked_again(upstream: FakeUpstream) -> None:
    clock = FakeClock()
    async with opened(f"127.0.0.1:{free_port()}", clock=clock, limits=RegistryLimits(tries=3)) as registry:
        with pytest.raises(UpstreamUnavailable, match=r"^127\.0\.0\.1 cannot be reached\.$"):
            await registry.ping()

    assert len(clock.slept) == 2


async def test_a_registry_that_is_slow_is_left(upstream: FakeUpstream) -> None:
    upstream.rule("/v2/$", delay=0.3)

    async with opened(upstream.host, limits=RegistryLimits(tries=1, stall_s=0.1)) as registry:
        with pytest.raises(UpstreamUnavailable, match=r"did not answer within 0\.1 seconds"):
            await registry.ping()


async def test_a_private_address_is_not_asked() -> None:
    async with opened(f"127.0.0.2:{free_port()}") as registry:
        with pytest.raises(UpstreamInvalid, match=r"127\.0\.0\.2 is not on the public internet"):
            await registry.ping()


async def test_requests_at_once_are_limited(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1", b"layer")
    upstream.rule("blobs", times=3, pause_at=0)

    async with opened(upstream.host, limits=RegistryLimits(at_once=2)) as registry:
        reading = [asyncio.create_task(read(registry, digest_of(b"layer"))) for _ in range(3)]

        async def both_wait() -> bool:
            return upstream.waiting() == 2

        await until(both_wait)
        assert len(upstream.asked()) == 2
        upstream.rule("blobs", times=0)
        while not all(task.done() for task in reading):
            upstream.go()
            await asyncio.sleep(0.01)

    assert [task.result() for task in reading] == [b"layer"] * 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("0", 0),
        (" 120 ", 120),
        ("9" * 40, 86_400),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text) == seconds


def test_retry_after_a_date() -> None:
    assert parse_retry_after(formatdate(time.time() + 90, usegmt=True)) == pytest.approx(90, abs=3)

"""Blobs of other registries: judged as they come, and gone on with where they broke off."""

import asyncio
import tracemalloc
from contextlib import aclosing
from typing import Any

import pytest

from resolvers.upstreams.blob import ENOUGH_BYTES, PIECE_BYTES
from resolvers.upstreams.errors import UpstreamFailure, UpstreamInvalid, UpstreamUnavailable
from resolvers.upstreams.limits import RegistryLimits
from storage.blobs.digest import Hasher
from tests.quayside.registry.kit import digest_of
from tests.resolvers.upstreams.asking import NAME, FakeClock, opened, read
from tests.upstreams.upstream import FakeUpstream
from tests.waiting import until

BLOB = bytes(range(256)) * 4096
SIZE = len(BLOB)
DIGEST = digest_of(BLOB)


@pytest.fixture
def stored(upstream: FakeUpstream) -> FakeUpstream:
    """A registry that has the blob."""
    upstream.blob(NAME, BLOB)
    return upstream


def ranges(upstream: FakeUpstream) -> list[str | None]:
    return [each["headers"].get("range") for each in upstream.requests("blobs")]


@pytest.mark.parametrize(
    ("rule", "size"),
    [
        ({}, SIZE),
        ({}, None),
        ({"is_chunked": True}, SIZE),
        ({"is_chunked": True}, None),
        ({"drop": ["Content-Length"]}, SIZE),
    ],
)
async def test_a_blob_goes_on_where_it_broke_off(
    stored: FakeUpstream, rule: dict[str, Any], size: int | None
) -> None:
    stored.rule("blobs", times=1, cut=100_001, **rule)
    stored.rule("blobs", times=1, status=500)
    stored.rule("blobs", times=1, cut=0, **rule)
    clock = FakeClock()

    async with opened(stored.host, clock=clock) as registry:
        assert await read(registry, DIGEST, size=size) == BLOB

    assert ranges(stored) == [None, *["bytes=100001-"] * 3]
    assert len(clock.slept) == 3


async def test_a_registry_without_ranges_sends_again_what_is_known(stored: FakeUpstream) -> None:
    stored.rule("blobs", times=1, cut=300_000)
    stored.rule("blobs", is_whole=True)

    async with opened(stored.host) as registry:
        assert await read(registry, DIGEST, size=SIZE) == BLOB

    assert ranges(stored) == [None, "bytes=300000-"]


async def test_a_blob_that_always_breaks_is_given_up_unless_it_gets_on(stored: FakeUpstream) -> None:
    stored.rule("blobs", cut=1000)
    async with opened(stored.host) as registry:
        with pytest.raises(UpstreamUnavailable):
            await read(registry, DIGEST, size=SIZE)
    assert ranges(stored) == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-", "bytes=4000-"]

    stored.reset()
    large = BLOB * 8
    stored.blob(NAME, large)
    stored.rule("blobs", cut=ENOUGH_BYTES)
    async with opened(stored.host, limits=RegistryLimits(tries=2)) as registry:
        assert await read(registry, digest_of(large), size=len(large)) == large
    assert len(ranges(stored)) == 8


async def test_a_blob_is_read_from_a_byte_on(stored: FakeUpstream) -> None:
    hasher = Hasher()
    hasher.update(BLOB[:5000])

    async with opened(stored.host) as registry:
        assert await read(registry, DIGEST, start=5000, size=SIZE) == BLOB[5000:]
        assert await read(registry, DIGEST, start=5000, hasher=hasher) == BLOB[5000:]
        assert await read(registry, DIGEST, start=SIZE, size=SIZE) == b""
        with pytest.raises(UpstreamInvalid, match="another digest"):
            await read(registry, DIGEST, start=5000, hasher=Hasher())

    assert ranges(stored) == ["bytes=5000-"] * 3


@pytest.mark.parametrize(
    ("rule", "says", "before"),
    [
        ({"corrupt": True}, "another digest", SIZE),
        ({"corrupt": True, "is_chunked": True}, "another digest", SIZE),
        ({"extra": 1}, f"with {SIZE + 1} bytes instead of {SIZE}", 0),
        ({"extra": SIZE, "is_chunked": True}, f"with more than {SIZE} bytes", SIZE),
        ({"headers": {"Content-Encoding": "gzip"}}, "packed", 0),
        ({"status": 200, "body": "short"}, f"with 5 bytes instead of {SIZE}", 0),
        ({"status": 206, "body": "short"}, "from another byte on", 0),
        ({"status": 206, "headers": {"Content-Range": "bytes 1-5/6"}}, "from another byte on", 0),
        ({"status": 206, "headers": {"Content-Range": "bytes 0-4/5"}}, "with 5 bytes instead", 0),
        ({"status": 307, "headers": {"Location": "http://127.0.0.2/x"}}, "not on the public internet", 0),
        ({"status": 307, "headers": {"Location": "http://[/x"}}, "not a URL", 0),
        ({"status": 416}, "answered 416", 0),
    ],
)
async def test_what_is_not_the_blob_is_not_asked_for_again(
    stored: FakeUpstream, rule: dict[str, Any], says: str, before: int
) -> None:
    """The digest is known only at the end; all else before a byte too many."""
    stored.rule("blobs", **rule)
    size = 0

    async def copy() -> None:
        nonlocal size
        async with (
            opened(stored.host) as registry,
            aclosing(registry.blob(NAME, DIGEST, size=SIZE)) as pieces,
        ):
            async for piece in pieces:
                size += len(piece)

    with pytest.raises(UpstreamInvalid) as caught:
        await copy()

    assert says in caught.value.message
    assert size == before
    assert len(stored.asked()) == 1


async def test_a_blob_that_changes_between_two_answers_is_refused(stored: FakeUpstream) -> None:
    stored.rule("blobs", times=1, cut=1000)
    stored.rule("blobs", corrupt=True)

    async with opened(stored.host) as registry:
        with pytest.raises(UpstreamInvalid, match="another digest"):
            await read(registry, DIGEST)


async def test_a_redirect_to_a_store_keeps_the_range(
    upstream: FakeUpstream, other_upstream: FakeUpstream
) -> None:
    other_upstream.blob(NAME, BLOB)
    there = f"{other_upstream.url}/v2/{NAME}/blobs/{DIGEST}?signed=1"
    upstream.rule("blobs", status=302, headers={"Location": there})
    other_upstream.rule("blobs", times=1, cut=1000)

    async with opened(upstream.host) as registry:
        assert await read(registry, DIGEST, size=SIZE) == BLOB

    assert ranges(upstream) == ranges(other_upstream) == [None, "bytes=1000-"]
    assert {each["headers"]["user-agent"] for each in other_upstream.requests()} == {"quayside"}


async def test_silence_ends_an_answer_but_slowness_does_not(stored: FakeUpstream) -> None:
    small = BLOB[: 30 * 1024]
    stored.blob(NAME, small)
    stored.rule("blobs", drip=0.02)
    async with opened(stored.host, limits=RegistryLimits(stall_s=0.5, tries=1)) as registry:
        assert await read(registry, digest_of(small)) == small
    stored.reset()
    stored.blob(NAME, small)
    stored.rule("blobs", times=1, pause_at=100)
    async with opened(stored.host, limits=RegistryLimits(stall_s=0.5)) as registry:
        assert await read(registry, digest_of(small)) == small
    assert ranges(stored)[-1] == "bytes=100-"


async def test_a_blob_has_a_time_for_all_its_answers(stored: FakeUpstream) -> None:
    stored.rule("blobs", cut=1000)

    async with opened(stored.host, limits=RegistryLimits(blob_s=2, tries=100)) as registry:
        with pytest.raises(UpstreamUnavailable, match="within 2 seconds"):
            await read(registry, DIGEST)


async def test_who_leaves_a_blob_early_leaves_nothing_behind(stored: FakeUpstream) -> None:
    async with opened(stored.host, limits=RegistryLimits(at_once=1)) as registry:
        for error in (None, OSError("disk full"), UpstreamUnavailable("another registry")):
            try:
                async with aclosing(registry.blob(NAME, DIGEST)) as pieces:
                    async for _ in pieces:
                        if error is not None:
                            raise error
                        break
            except (OSError, UpstreamFailure) as raised:
                assert raised is error  # noqa: PT017 (what is raised here comes as it is)
        stored.rule("blobs", times=1, pause_at=1000)
        reading = asyncio.create_task(read(registry, DIGEST))

        async def waits() -> bool:
            return stored.waiting() == 1

        await until(waits)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await read(registry, DIGEST) == BLOB

    assert len(stored.asked()) == 5


async def test_pieces_are_neither_small_nor_many_in_memory(upstream: FakeUpstream) -> None:
    digest = upstream.blob(NAME, BLOB * 16)

    async with opened(upstream.host) as registry:
        await registry.ping()
        tracemalloc.start()
        async with aclosing(registry.blob(NAME, digest)) as pieces:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            sizes = [len(piece) async for piece in pieces]
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()

    assert sum(sizes) == SIZE * 16
    assert all(PIECE_BYTES <= size <= 1 << 20 for size in sizes[:-1])
    assert peak < 2 << 20

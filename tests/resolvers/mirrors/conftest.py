"""A mirror of an upstream in a process of its own, which misbehaves as it is told."""

import pytest

from tests.factories import Factory
from tests.resolvers.mirrors.mirroring import Mirroring, mirrored
from tests.upstreams.upstream import FakeUpstream


@pytest.fixture
async def mirroring(factory: Factory, upstream: FakeUpstream) -> Mirroring:
    return await mirrored(factory, f"{upstream.host}/team/app", upstream)

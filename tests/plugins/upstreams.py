"""Fixtures of registries upstream: the scripted one, Debian's docker-registry, and another quayside."""

from collections.abc import Iterator

import pytest

from tests.upstreams.upstream import (
    FakeUpstream,
    LiveUpstream,
    faking,
    serving_docker_registry,
    serving_quayside,
)


@pytest.fixture(scope="session")
def running_upstream() -> Iterator[FakeUpstream]:
    """The scripted registry, as the test before left it."""
    with faking() as fake:
        yield fake


@pytest.fixture
def upstream(running_upstream: FakeUpstream) -> FakeUpstream:
    """The scripted registry, empty and well-behaved."""
    running_upstream.reset()
    return running_upstream


@pytest.fixture(scope="session")
def running_other_upstream() -> Iterator[FakeUpstream]:
    """A second scripted registry, as the test before left it."""
    with faking() as fake:
        yield fake


@pytest.fixture
def other_upstream(running_other_upstream: FakeUpstream) -> FakeUpstream:
    """A second scripted registry: another server, to which the first may lead."""
    running_other_upstream.reset()
    return running_other_upstream


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveUpstream]:
    """A docker-registry for the whole session; a test with it needs the marker of that program."""
    with serving_docker_registry(tmp_path_factory.mktemp("docker-registry")) as live:
        yield live


@pytest.fixture(scope="session")
def second_quayside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveUpstream]:
    """Another quayside for the whole session."""
    with serving_quayside(tmp_path_factory.mktemp("second-quayside")) as live:
        yield live

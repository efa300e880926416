"""An organization that caches a namespace of an upstream in a process of its own."""

from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from resolvers.accounts import organization
from resolvers.caches import configuration
from resolvers.caches.configuration import ProxyCacheSettings
from tests.quayside.registry.caches.caching import ORG
from tests.quayside.registry.people import acting
from tests.upstreams.upstream import FakeUpstream


@pytest.fixture
def settings(settings_with_files: Settings) -> Settings:
    """Settings that let the upstream be asked, which is on this machine."""
    return replace(settings_with_files, ssrf_allowed_hosts=frozenset({"127.0.0.1"}))


@pytest.fixture(autouse=True)
async def cache(application: object, settings: Settings, upstream: FakeUpstream) -> None:
    """The organization `caching`, which is a cache of the namespace `lib` of the upstream."""
    async with acting(settings) as context:
        await organization.create(context, name=ORG, email=None)
        await configuration.create(
            context,
            ORG,
            ProxyCacheSettings(upstream_registry=f"{upstream.host}/lib", is_insecure=True, expiration_s=3600),
        )

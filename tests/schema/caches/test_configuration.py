"""Proxy caches at GraphQL: who sees them, what is kept of the login, and what does not go with them."""

from dataclasses import replace

import pytest

from resolvers.access.roles import TeamRole
from resolvers.accounts.namespace import Owner
from resolvers.caches import configuration
from resolvers.caches.configuration import ProxyCacheSettings
from resolvers.errors import AlreadyExists, Invalid
from resolvers.mirrors import mirror
from resolvers.mirrors.mirror import MirrorChanges
from resolvers.outbound.client import Outbound
from resolvers.tags import immutability, tag
from resolvers.tags.tag import TagChanges
from storage.statements import fetch
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import dump

CACHE = "proxyCache { upstreamRegistry expirationS isInsecure hasLogin createdAt }"


async def test_members_see_the_upstream_and_nobody_the_login(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "readers", TeamRole.MEMBER, ["bob"])
    document = f'query {{ organization(name: "acme") {{ {CACHE} }} namespace(name: "acme") {{ {CACHE} }} }}'
    before = await ada.data(document)

    made = await factory.proxy_cache(
        "acme", "localhost:1/library", owner="ada", username="reader", password="grape-vine", expiration_s=60
    )

    found = (await ada.data(document))["organization"]["proxyCache"]
    ((stored),) = await fetch("SELECT * FROM proxy_cache")
    (logged,) = await fetch("SELECT kind, metadata FROM audit_log WHERE kind LIKE '%proxy_cache%'")
    assert before == {"organization": {"proxyCache": None}, "namespace": {"proxyCache": None}}
    assert found.pop("createdAt")[:4].isdigit()
    assert found == {
        "upstreamRegistry": "localhost:1/library",
        "expirationS": 60,
        "isInsecure": True,
        "hasLogin": True,
    }
    assert (logged["kind"], "localhost:1/library" in str(logged["metadata"])) == (
        "create_proxy_cache_config",
        True,
    )
    assert made.login(factory.secrets) == ("reader", "grape-vine")
    assert "grape-vine" not in f"{made}{await dump()}"
    assert "reader" not in f"{stored}"


async def test_a_cache_goes_with_nothing_that_locks_tags(factory: Factory) -> None:
    await factory.user("ada")
    ada = await factory.as_account("ada")
    outbound = Outbound(["registry.example"])
    allowing = replace(ada, site=replace(ada.site, outbound=outbound))
    for name in ("locked", "ruled", "cached", "mirrored"):
        await factory.organization(name, owner="ada")
        await factory.repository(f"{name}/app", by="ada")
        await factory.image(f"{name}/app", b"layer", tag="v1")
    await tag.update(ada, "locked/app", "v1", TagChanges(is_immutable=True))
    policy = await immutability.create(ada, Owner(repository="ruled/app"), tag_pattern="x")

    for name in ("locked", "ruled"):
        with pytest.raises(Invalid, match="immutable tags exist"):
            await factory.proxy_cache(name, owner="ada")
    await factory.proxy_cache("cached", owner="ada")
    for owner in (Owner(namespace="cached"), Owner(repository="cached/app")):
        with pytest.raises(Invalid, match="follow the upstream"):
            await immutability.create(ada, owner, tag_pattern="x")
    with pytest.raises(Invalid, match="follow the upstream"):
        await tag.update(ada, "cached/app", "v1", TagChanges(is_immutable=True))

    followed = MirrorChanges(
        source="registry.example/app",
        sync_interval_s=3600,
        sync_starts_at_ms=1,
        tag_timeout_s=300,
        patterns=["v"],
    )
    for name in ("cached", "mirrored"):
        await factory.robot(f"{name}+bot", by="ada")
    with pytest.raises(Invalid, match="no mirror in a pull-through cache"):
        await mirror.create(allowing, "cached/app", replace(followed, robot="cached+bot"))
    await mirror.create(allowing, "mirrored/app", replace(followed, robot="mirrored+bot"))
    with pytest.raises(Invalid, match="has mirrors"):
        await factory.proxy_cache("mirrored", owner="ada")

    # What was in the way is gone, and so it is no more.
    await immutability.delete(ada, Owner(repository="ruled/app"), policy.uuid)
    await tag.update(ada, "locked/app", "v1", TagChanges(is_immutable=False))
    for name in ("locked", "ruled"):
        await factory.proxy_cache(name, owner="ada")
    with pytest.raises(AlreadyExists):
        await factory.proxy_cache("ruled", owner="ada")
    await configuration.delete(ada, "cached")
    await tag.update(ada, "cached/app", "v1", TagChanges(is_immutable=True))


async def test_a_flag_that_is_off_refuses_new_caches(factory: Factory) -> None:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    off = await factory.without_features("PROXY_CACHE").as_account("ada")

    with pytest.raises(Invalid, match="not enabled"):
        await configuration.create(off, "acme", ProxyCacheSettings(upstream_registry="registry.example"))
    with pytest.raises(Invalid, match="not enabled"):
        await configuration.delete(off, "acme")

    assert await fetch("SELECT id FROM proxy_cache") == []

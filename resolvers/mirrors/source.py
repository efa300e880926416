"""Sources: repositories of other registries, as `host[:port]/path`, and which of them may be named."""

import asyncio
from typing import Final

from resolvers.errors import Invalid, Upstream
from resolvers.outbound.client import Outbound
from resolvers.outbound.proxies import Proxies, is_local_name
from resolvers.outbound.urls import split_url
from resolvers.upstreams.location import Location, parse_location, parse_registry

LOOK_UP_S: Final = 5.0
"""A host that is not found in this time counts as unknown."""
NOT_ALLOWED: Final = "The provided registry location is not allowed"


def source_of(text: str, *, field: str) -> Location:
    """The location of a source as users write it. Raises `Invalid`."""
    if not text.strip():
        raise Invalid("External registry reference is required", field=field)
    return parse_location(text, field=field)


def namespace_of(url: str, namespace: str) -> Location:
    """The location of a namespace in the registry at a URL, which may lack its scheme. Raises `Invalid`."""
    host = url.strip().removeprefix("https://").removeprefix("http://").removesuffix("/")
    if not host or "/" in host:
        raise Invalid(
            "registryUrl: must be the address of a registry without a path, such as https://quay.io.",
            field="registry_url",
        )
    registry = parse_registry(host, field="registry_url")
    if not namespace:
        return registry
    return parse_registry(f"{registry.host}/{namespace}", field="namespace")


async def require_allowed(outbound: Outbound, location: Location, *, field: str) -> None:
    """Refuse a host that is inside of the network of this registry, unless its operator opened it.

    One that is unknown is allowed: each request looks for it again, and judges what it finds. Raises
    `Invalid`.
    """
    host = split_url(location.url).hostname or ""
    if outbound.is_allowed(host):
        return
    if ":" not in host and is_local_name(host):
        raise Invalid(NOT_ALLOWED, field=field)
    await _judge(outbound, location.url, NOT_ALLOWED, field)


async def require_allowed_proxies(outbound: Outbound, proxies: Proxies, *, field: str) -> None:
    """Refuse proxies inside of the network of this registry, as `require_allowed` does. Raises `Invalid`."""
    for url in proxies.urls:
        await _judge(outbound, url, f"The proxy {url} is not allowed", field)


async def _judge(outbound: Outbound, url: str, text: str, field: str) -> None:
    try:
        async with asyncio.timeout(LOOK_UP_S):
            await outbound.check(url)
    except Invalid as error:
        raise Invalid(text, field=field) from error
    except (Upstream, TimeoutError):
        return

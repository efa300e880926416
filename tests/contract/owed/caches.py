"""Proxy caches: organizations that follow another registry."""

from __future__ import annotations

from tests.contract.owed.given import PROXY_CACHE, UNLOCKED
from tests.contract.owed.rows import Row, at_acme, row

_UPSTREAM = 'organization: "acme", input: { upstreamRegistry: "localhost:1/library", isInsecure: true }'

ROWS: tuple[Row, ...] = (
    row(
        "proxyCacheCreate",
        _UPSTREAM,
        "organization",
        "+proxy_cache",
        at_acme("create_proxy_cache_config", upstream_registry="localhost:1/library"),
        given=(UNLOCKED,),
    ),
    row(
        "proxyCacheDelete",
        'organization: "acme"',
        "organization",
        "+job -proxy_cache",
        at_acme("delete_proxy_cache_config"),
        given=(UNLOCKED, PROXY_CACHE),
    ),
    row("proxyCacheValidate", _UPSTREAM, "organization", "", outcome="UPSTREAM"),
)

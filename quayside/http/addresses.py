"""The address that a client is told: links, token realms and image names begin with it.

It is PUBLIC_URL, unless the client came by another name that the operator has listed in ALLOWED_HOSTS: then
it is the `Host` of its request. Any other `Host` is a claim of the client's, which must not get into links.
"""

from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from resolvers.context import Site


class Addresses:
    """The addresses of one installation. `allowed` has names, or names with a port, in small letters."""

    def __init__(self, site: Site, allowed: frozenset[str] = frozenset()) -> None:
        self.site = site
        self._allowed = allowed
        public = urlsplit(site.public_url)
        self._public_name, self._public_scheme = public.hostname, public.scheme
        self._site_at = lru_cache(maxsize=64)(self._make)

    def site_for(self, scope: Scope) -> Site:
        """The site with the address by which this request came, if it may be told."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        # Of two fields, nobody knows which one a proxy heeded.
        host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
        if not host or host == self.site.registry_host.lower():
            return self.site
        return self._site_at(host, scope["scheme"] in {"https", "wss"})

    def _make(self, host: str, is_secure: bool) -> Site:
        name = host_name(host)
        if name is None:
            return self.site
        if name in self._allowed or host in self._allowed:
            scheme = "https" if is_secure else "http"
        elif name == self._public_name:
            # The same name at another port; what stands in front decides about TLS.
            scheme = self._public_scheme
        else:
            return self.site
        return replace(self.site, public_url=f"{scheme}://{host}", registry_host=host)


def host_name(host: str) -> str | None:
    """The name in a `Host` field, without its port and brackets; None if it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - Reading it is what checks it.
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None

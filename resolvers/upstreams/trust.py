"""Which servers may see the credentials for a registry: its trust boundary.

A registry names the server that hands out its tokens, the realm. Credentials go there only if the realm is

- at the host of the registry itself, by any port, or
- by HTTPS at a host below the same registered domain, as `auth.docker.io` is for `registry-1.docker.io`, and
  `gitlab.com` for `registry.gitlab.com`;

and never by plain HTTP, unless the registry itself is asked by it at the same host. An address has no domain,
so that only the same address will do. Domains below which anybody can register names (`co.uk`, `azurecr.io`)
join nobody.
"""

import ipaddress
from urllib.parse import SplitResult

_SECOND_LEVEL = frozenset(
    {
        "ac",
        "co",
        "com",
        "edu",
        "gob",
        "gov",
        "gouv",
        "go",
        "gv",
        "id",
        "in",
        "info",
        "ltd",
        "me",
        "mil",
        "ne",
        "net",
        "nic",
        "nom",
        "or",
        "org",
        "plc",
        "sch",
        "web",
    }
)
"""Labels that are public suffixes together with the two letters of a country, such as `co.uk`."""

_SHARED = (
    "amazonaws.com",
    "appspot.com",
    "azurecr.io",
    "azurewebsites.net",
    "cloudapp.net",
    "cloudfront.net",
    "duckdns.org",
    "dyndns.org",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "jfrog.io",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "nip.io",
    "no-ip.org",
    "onrender.com",
    "pages.dev",
    "pkg.dev",
    "run.app",
    "sslip.io",
    "vercel.app",
    "windows.net",
    "workers.dev",
)
"""Domains of which every customer, or anybody, has a name of their own."""


def is_within(realm: SplitResult, registry: SplitResult) -> bool:
    """Whether a realm is inside the trust boundary of a registry, both as parts of a URL."""
    there, here = _name(realm), _name(registry)
    if realm.scheme != "https" and not (registry.scheme == "http" and there == here):
        return False
    if there == here:
        return True
    domain = registered_domain(here)
    return domain is not None and domain == registered_domain(there)


def registered_domain(host: str) -> str | None:
    """The domain that somebody registered, to which a host belongs; None if its names belong to many."""
    labels = host.split(".")
    if len(labels) < 2 or not all(labels) or _is_address(host):
        return None
    if any(host == suffix or host.endswith(f".{suffix}") for suffix in _SHARED):
        return None
    count = 3 if len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-count:]) if len(labels) >= count else None


def _name(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()
    return True

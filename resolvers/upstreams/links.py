"""The header `Link`: where a list goes on (RFC 8288)."""

import re
from urllib.parse import urljoin, urlsplit

from resolvers.upstreams.errors import UpstreamInvalid

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[A-Za-z*]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next\b)", re.IGNORECASE)
_MAX_LENGTH = 8192


def next_page(header: str, path: str, registry_url: str) -> str | None:
    """The path and query of the page after that at `path`; None if it is the last.

    A link may name the registry with another scheme or port, as one behind a proxy does; it is asked where it
    was asked before. Raises `UpstreamInvalid` for one to another host.
    """
    for matched in _LINK.finditer(header[:_MAX_LENGTH]):
        target, parameters = str(matched[1]), str(matched[2])
        if not _NEXT.search(parameters):
            continue
        try:
            parts = urlsplit(urljoin(registry_url + path, target))
            host = parts.hostname
        except ValueError:
            host = None
        if host != urlsplit(registry_url).hostname or not parts.path.startswith("/"):
            raise UpstreamInvalid(f"{urlsplit(registry_url).hostname} leads to another host for a list.")
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return None

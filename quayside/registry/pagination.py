"""Keyset pagination of `/v2`: the parameters `n` and `last`, and the `Link` to the next page.

Source: OCI Distribution 1.1, "Listing Tags". Without `n` the page is the whole list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from quayside.registry.errors import OciCode, RegistryError

_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Page:
    """A request for at most `limit` entries (None: all) that sort after `last` (None: from the first)."""

    limit: int | None
    last: str | None


def parse_page(query: Mapping[str, str]) -> Page:
    """Read `n` and `last`. Raises RegistryError (400) unless `n` is a whole number, zero included."""
    n = query.get("n")
    if n is not None and not (n.isascii() and n.isdigit() and len(n) <= _MAX_DIGITS):
        raise RegistryError(
            OciCode.UNSUPPORTED, "n must be a whole number", status=400, detail={"field": "n"}
        )
    return Page(limit=None if n is None else int(n), last=query.get("last") or None)


def next_link(path: str, **parameters: str | int) -> str:
    """Return the `Link` header (RFC 8288) to the page that `parameters` select at `path`."""
    return f'<{path}?{urlencode(parameters)}>; rel="next"'

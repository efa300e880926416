"""The header `WWW-Authenticate`: how a registry wants to be asked (RFC 9110 section 11.6.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (the grammar of a token, not a secret)
_ITEM = re.compile(
    rf"\s*(?:,\s*)*(?:(?P<name>{_TOKEN})\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>{_TOKEN}))"
    rf"|(?P<scheme>{_TOKEN})(?=\s|,|$))"
)
_MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate: the scheme in lower case, and what it was given."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """The challenges of a header, in its order; what cannot be read ends them."""
    found: list[tuple[str, dict[str, str]]] = []
    position, header = 0, header[:_MAX_LENGTH]
    while matched := _ITEM.match(header, position):
        position = matched.end()
        if matched["scheme"]:
            found.append((matched["scheme"].lower(), {}))
        elif found:
            quoted = matched["quoted"]
            value = matched["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].setdefault(matched["name"].lower(), value)
    return [Challenge(scheme, parameters) for scheme, parameters in found]

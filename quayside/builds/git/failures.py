"""What git and ssh print when they fail, as sentences for whoever named the repository."""

import re
from collections.abc import Sequence
from typing import Final

from quayside.builds.git.location import Location

_PATTERNS: Final = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (
            "REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key for .* has changed",
            "The host key of {host} is not the one that was noted at first use: it may be another server.",
        ),
        (
            "Permission denied \\(",
            "{host} refuses the key: it must know the public half, with the right to read.",
        ),
        (
            "could not read (Username|Password)|prompts disabled|Authentication failed|error: 40[13]",
            "{host} asks for an account: a repository that is not public is reached by ssh, with a key.",
        ),
        ("error: 30[1-8]", "{host} leads to another address; the repository must be given as that."),
        (
            "certificate verif|SSL certificate|server certificate|gnutls_|SSL_",
            "{host} has no certificate that this server trusts.",
        ),
        (
            "transport '.*' not allowed|repository '.*' does not exist|[Pp]rotocol '.*' (is )?not ",
            "A submodule has an address that is not allowed: only https:// and ssh are.",
        ),
        ("dubious|refusing to|relative path|suspicious", "The repository holds what git refuses: {line}"),
        (
            "[Rr]epository .*not found|does not appear to be a git repository|error: 404|could not be found",
            "{host} has no such repository, or the key may not read it.",
        ),
        ("not our ref|[Cc]ould ?n.t find remote ref", "The repository has no such commit."),
        (
            "Could not read from remote repository",
            "{host} has ended the connection; it may have no such repository, or refuse the key.",
        ),
    )
)
_NOISE: Final = ("remote:", "warning:", "Warning:", "hint:", "Please make sure", "and the repository exists")


def sentence_of(lines: Sequence[str], location: Location, refusal: str | None) -> str:
    """Why a run failed: what the proxy refused, or what the lines that were printed mean."""
    if refusal is not None:
        return _printable(refusal)
    text = "\n".join(line for line in lines if not line.startswith(_NOISE))
    for pattern, sentence in _PATTERNS:
        if found := pattern.search(text):
            line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n")[0]
            return sentence.format(host=location.host, line=_printable(line))
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return f"git could not fetch from {location.host}: {_printable(last) or 'it gave no reason.'}"


def _printable(line: str) -> str:
    return "".join(character for character in line if character.isprintable())[:300]

"""Avatars: a stable hash and colour for every name, so that pages need no pictures."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

# Eight hues in four shades each, easy to tell apart in a list.
PALETTE = (
    "#1f77b4",
    "#6baed6",
    "#9ecae1",
    "#c6dbef",
    "#ff7f0e",
    "#fd8d3c",
    "#fdae6b",
    "#fdd0a2",
    "#2ca02c",
    "#74c476",
    "#a1d99b",
    "#c7e9c0",
    "#d62728",
    "#d6616b",
    "#e7969c",
    "#f7b6d2",
    "#9467bd",
    "#756bb1",
    "#9e9ac8",
    "#bcbddc",
    "#8c564b",
    "#a55194",
    "#ce6dbd",
    "#de9ed6",
    "#7f7f7f",
    "#969696",
    "#bdbdbd",
    "#c7c7c7",
    "#17becf",
    "#9edae5",
    "#bcbd22",
    "#e7ba52",
)


class AvatarKind(StrEnum):
    """The kind of owner of an avatar."""

    USER = "user"
    ROBOT = "robot"
    ORGANIZATION = "org"
    TEAM = "team"
    APPLICATION = "app"


@dataclass(frozen=True, slots=True)
class Avatar:
    """A name, the SHA-256 (hex) of the e-mail address or else the name in lower case, a colour `#rrggbb`."""

    name: str
    hash: str
    color: str
    kind: AvatarKind


def avatar(name: str, kind: AvatarKind, *, email: str | None = None) -> Avatar:
    """The avatar of a name; with an e-mail address it stays the same when its owner is renamed."""
    digest = hashlib.sha256((email or name).strip().lower().encode()).hexdigest()
    return Avatar(name, digest, PALETTE[int(digest[:8], 16) % len(PALETTE)], kind)

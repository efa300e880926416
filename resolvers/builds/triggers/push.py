"""Pushes: what a source code service tells when somebody pushes a commit.

A `Push` is the same whatever service told it. Its metadata, which builds keep and show, have this shape; what
a service does not tell is left out:

    {"commit": …, "ref": …, "default_branch": …,
     "commit_info": {"url": …, "message": …, "date": …, "author": {"username": …, "avatar_url": …, "url": …},
                     "committer": {…}}}

The address of the repository is not taken from what is pushed: a trigger clones what it was set up for.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from resolvers.errors import Invalid

HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
REMOTES: Final = "refs/remotes/"

_COMMIT: Final = re.compile(r"[0-9A-Fa-f]{7,64}")
_LONGEST_REF: Final = 255
_NOT_IN_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.(?:lock)?(?:/|\Z)|/\Z")
"""What `git check-ref-format` refuses."""

_LONGEST_TEXT: Final = 1024
_LONGEST_MESSAGE: Final = 4096


class Ignored(Exception):
    """A webhook that is no push of a commit. The message is a sentence that says why nothing is built."""


@dataclass(frozen=True, slots=True)
class Push:
    """A commit that a reference of a repository leads to now.

    Without a reference it was named by its hash alone. The default branch is None where nobody tells it.
    """

    commit: str
    ref: str | None = None
    default_branch: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    message: str | None = None

    @property
    def ref_name(self) -> str | None:
        """The reference as filters see it: `heads/main`, `tags/v1`."""
        return self.ref.removeprefix("refs/") if self.ref else None


def pushed(
    commit: object,
    ref: object,
    *,
    default_branch: object = None,
    commit_info: dict[str, Any] | None = None,
    fields: tuple[str, str] = ("commit", "ref"),
) -> Push:
    """A push of what somebody sent, with its metadata. Raises `Invalid`, which names one of `fields`."""
    commit_field, ref_field = fields
    checked_commit = check_commit(commit, field=commit_field)
    checked_ref = check_ref(ref, field=ref_field)
    branch = text(default_branch)
    metadata: dict[str, Any] = {"commit": checked_commit, "ref": checked_ref}
    if branch:
        metadata["default_branch"] = branch
    if commit_info:
        metadata["commit_info"] = commit_info
    message = (commit_info or {}).get("message")
    return Push(checked_commit, checked_ref, branch, metadata, message)


def check_commit(value: object, *, field: str = "commit") -> str:
    """Check the hash of a commit: 7 to 64 hexadecimal digits, returned in small letters. Raises `Invalid`."""
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise Invalid(f"{field}: must be the hash of a commit: 7 to 64 hexadecimal digits.", field=field)
    return value.lower()


def check_ref(value: object, *, field: str = "ref") -> str:
    """Check the full name of a reference. Raises `Invalid`."""
    is_full = isinstance(value, str) and any(
        value.startswith(kind) and value != kind for kind in (HEADS, TAGS, REMOTES)
    )
    if not isinstance(value, str) or not is_full or len(value) > _LONGEST_REF or _NOT_IN_REF.search(value):
        raise Invalid(
            f"{field}: must be the full name of a reference, such as refs/heads/main or refs/tags/v1,"
            f" of at most {_LONGEST_REF} characters.",
            field=field,
        )
    return value


def is_nothing(commit: object) -> bool:
    """Whether a service says by a hash that nothing is there: the reference was deleted."""
    return commit is None or (isinstance(commit, str) and not commit.strip("0"))


def text(value: object, longest: int = _LONGEST_TEXT) -> str | None:
    """The beginning of a text of somebody else, as both databases can store it; None for anything else."""
    if not isinstance(value, str):
        return None
    return value[:longest].replace("\0", "") or None


def info(
    *,
    url: object,
    message: object,
    date: object,
    author: dict[str, str] | None = None,
    committer: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The metadata of a commit, without what was not told."""
    told = {
        "url": text(url),
        "message": text(message, _LONGEST_MESSAGE),
        "date": text(date),
        "author": author,
        "committer": committer,
    }
    return {key: value for key, value in told.items() if value}


def person(username: object, *, avatar_url: object = None, url: object = None) -> dict[str, str] | None:
    """The metadata of an author or a committer; None for a person without a name."""
    told = {"username": text(username), "avatar_url": text(avatar_url), "url": text(url)}
    found = {key: value for key, value in told.items() if value}
    return found if "username" in found else None

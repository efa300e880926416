"""Git: where the sources of a build come from. The interface that triggers know; `quayside` brings one.

Repositories are named by users and hold what strangers wrote. Whoever asks them goes only where the guard of
outbound requests lets go, by https or ssh.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from resolvers.context import Site
from resolvers.errors import Upstream


class GitFailed(Upstream):
    """A repository could not be asked or fetched; the message is a sentence for who named it."""


@dataclass(frozen=True, slots=True)
class GitRemote:
    """A repository: its URL, the private key that ssh shows, and the host keys noted at first use.

    `known_hosts` are lines of a file of that name, empty before the first use. A host whose key is in there
    must have that key.
    """

    url: str
    private_key: str | None = field(default=None, repr=False)
    known_hosts: str = ""


@dataclass(frozen=True, slots=True)
class GitCommit:
    """A commit, by 7 to 64 hexadecimal digits, and a reference by which it may be found, if one is known."""

    remote: GitRemote
    commit: str
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class References:
    """The branches and tags of a repository, "refs/heads/main" and the like, each with its commit.

    `default_branch` is a branch without "refs/heads/", None in a repository without commits.
    """

    default_branch: str | None
    commits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reached:
    """What is to be remembered of a repository that was reached: the `known_hosts` for the next time."""

    known_hosts: str


class Git(Protocol):
    """Asks repositories."""

    async def check_url(self, url: str) -> None:
        """Judge the URL of a repository without asking it.

        Raises `Invalid` for any but https://HOST/PATH, ssh://USER@HOST/PATH and USER@HOST:PATH, for one with
        a password, and for a host that may not be asked; `Upstream` for a host that is unknown.
        """

    async def references(self, remote: GitRemote) -> tuple[References, Reached]:
        """The branches and tags of a repository. Raises `GitFailed`, and `Invalid` as `check_url` does."""


def git_of(site: Site) -> Git | None:
    """What asks repositories, None where the program git is not installed."""
    return cast(Git | None, site.git)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key of ssh: the private half in OpenSSH's PEM, the public one as a line of `authorized_keys`."""

    private: str = field(repr=False)
    public: str


def make_key_pair(comment: str) -> KeyPair:
    """A new Ed25519 key. The comment ends the public half, and holds no line breaks."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return KeyPair(private, f"{public} {' '.join(comment.split())}".rstrip())

"""What is remembered of a registry in a process, so that the next client of it need not be told again.

A client is opened for one use; a mirror or a cache has many. How the registry wants to be asked, the tokens
that are still good, and until when it wants no request, are the same for all clients with the same account.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from resolvers.outbound.client import Outbound

MAX_REGISTRIES = 1_000
MAX_TOKENS = 1_000


@dataclass(slots=True)
class Token:
    """What is sent for a scope; the times are of the clock that never goes back."""

    header: str
    fetched_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Realm:
    """The server of tokens that a registry named, with the service that it is to be told."""

    url: str
    service: str


@dataclass(slots=True)
class Memory:
    """What one registry said to one account.

    `scopes` are those that the registry itself named for what was wanted. `url` is where it is asked, if
    that had to be found out, until `url_until`.
    """

    realm: Realm | None = None
    is_basic: bool = False
    tokens: dict[str, Token] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)
    resumes_at: float = 0.0
    url: str = ""
    url_until: float = 0.0

    def keep_token(self, scope: str, token: Token) -> None:
        """Remember a token; too many are forgotten together."""
        if len(self.tokens) >= MAX_TOKENS:
            self.tokens.clear()
            self.scopes.clear()
        self.tokens[scope] = token


_MEMORIES: WeakKeyDictionary[Outbound, dict[Hashable, Memory]] = WeakKeyDictionary()


def memory_of(outbound: Outbound, key: Hashable) -> Memory:
    """What is remembered below a key, which holds everything by which clients differ.

    The registry that was not asked for longest is forgotten when there are too many.
    """
    memories = _MEMORIES.setdefault(outbound, {})
    memory = memories.pop(key, None) or Memory()
    while len(memories) >= MAX_REGISTRIES:
        del memories[next(iter(memories))]
    memories[key] = memory
    return memory

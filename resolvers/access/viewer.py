"""The viewer: who asks, and how far the presented credential carries."""

from dataclasses import dataclass
from enum import StrEnum

from resolvers.access.scopes import DIRECT, Scope
from resolvers.errors import Forbidden, FreshLoginRequired, QuaysideError, Unauthenticated

SESSION = "session"
"""The kind of credential that a browser's session is."""


class AccountKind(StrEnum):
    """What an account is."""

    USER = "user"
    ORGANIZATION = "organization"
    ROBOT = "robot"


@dataclass(frozen=True, slots=True)
class ViewerAccount:
    """The account that asks: a user or a robot."""

    id: int
    name: str
    kind: AccountKind
    auth_epoch: int


@dataclass(frozen=True, slots=True)
class Credential:
    """Which stored credential was presented; `kind` is its table, None where the account itself holds it."""

    kind: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `is_superuser` is true only if the credential's scopes let a superuser be one.

    `is_fresh` is false for a session whose password was given too long ago for what asks for a fresh login.
    """

    account: ViewerAccount | None = None
    scopes: frozenset[Scope] = frozenset()
    credential: Credential = Credential()
    is_superuser: bool = False
    has_full_access: bool = False
    is_fresh: bool = True

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.account is None

    @property
    def is_direct(self) -> bool:
        """Whether the viewer holds all rights of the account, not those of a scoped token."""
        return Scope.DIRECT_USER_LOGIN in self.scopes

    @property
    def is_session(self) -> bool:
        """Whether a browser asks by its cookie, which other pages can make it send."""
        return self.credential.kind == SESSION

    def refusal(self) -> QuaysideError:
        """The error that tells this viewer no: sign in, or you may not."""
        return Unauthenticated() if self.account is None else Forbidden()

    def require_account(self) -> ViewerAccount:
        """The account that asks. Raises `Unauthenticated` for anonymous callers."""
        if self.account is None:
            raise Unauthenticated
        return self.account

    def require_fresh(self) -> None:
        """Raise `FreshLoginRequired` for a session whose password was given too long ago."""
        if not self.is_fresh:
            raise FreshLoginRequired

    def require_superuser(self) -> None:
        """Raise unless the viewer is a superuser and the credential lets them be one."""
        if not self.is_superuser:
            raise self.refusal()


ANONYMOUS = Viewer()

__all__ = ["ANONYMOUS", "DIRECT", "SESSION", "AccountKind", "Credential", "Viewer", "ViewerAccount"]

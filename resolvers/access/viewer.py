"""The viewer: the account that asks, and the scopes of its credential."""

from dataclasses import dataclass, replace
from enum import StrEnum

from resolvers.access.needs import BE_SUPERUSER, Need
from resolvers.access.scopes import DIRECT, Scope
from resolvers.errors import Forbidden, FreshLoginRequired, QuaysideError, Unauthenticated

SESSION = "session"
"""The `Credential.kind` of a browser's session."""


class AccountKind(StrEnum):
    """The kind of an account."""

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
    """Who asks. `is_superuser` is true only if the scopes allow it as well.

    `is_read_only_superuser` says that they see what superusers see, and change nothing; it excludes that.
    `is_fresh` is false for a session that must give the password again before sensitive operations.
    """

    account: ViewerAccount | None = None
    scopes: frozenset[Scope] = frozenset()
    credential: Credential = Credential()
    is_superuser: bool = False
    is_read_only_superuser: bool = False
    has_full_access: bool = False
    is_fresh: bool = True

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.account is None

    @property
    def is_direct(self) -> bool:
        """Whether the viewer has all rights of the account, not only those of a scoped token."""
        return Scope.DIRECT_USER_LOGIN in self.scopes

    @property
    def is_session(self) -> bool:
        """Whether the credential is a cookie, which other sites can make the browser send (CSRF)."""
        return self.credential.kind == SESSION

    def refusal(self, need: Need) -> QuaysideError:
        """The error for a refusal: `Unauthenticated` for an anonymous viewer, else `Forbidden`."""
        missing = need.refusal(is_anonymous=self.is_anonymous, granted=self.scopes)
        return Unauthenticated(refusal=missing) if self.is_anonymous else Forbidden(refusal=missing)

    def require_account(self, need: Need | None = None) -> ViewerAccount:
        """The account that asks. Raises `Unauthenticated` for anonymous callers, with what else they need."""
        if self.account is None:
            raise self.refusal(need) if need else Unauthenticated
        return self.account

    def require_fresh(self) -> None:
        """Raise `FreshLoginRequired` for a session whose password was given too long ago."""
        if not self.is_fresh:
            raise FreshLoginRequired

    @property
    def sees_all(self) -> bool:
        """Whether the viewer sees every namespace: superusers with full access, and read-only superusers."""
        return self.has_full_access or self.is_read_only_superuser

    @property
    def looking(self) -> "Viewer":
        """The viewer for checks of who may see: a read-only superuser sees what full access shows.

        For checks alone: whatever a write or a credential asks, it asks of the viewer itself.
        """
        return replace(self, has_full_access=True) if self.is_read_only_superuser else self

    @property
    def sees_credentials(self) -> bool:
        """Whether the viewer may see credentials in what they administer; read-only superusers never do."""
        return not self.is_read_only_superuser

    def require_change(self) -> None:
        """Raise `Forbidden` for a read-only superuser; for changes that ask for no role."""
        if self.is_read_only_superuser:
            raise Forbidden("Read-only superusers change nothing but their own account.")

    @property
    def sees_site(self) -> bool:
        """Whether the viewer sees what concerns the installation: superusers, also read-only ones."""
        return self.is_superuser or self.is_read_only_superuser

    def require_site_view(self) -> None:
        """Raise unless the viewer may see what concerns the installation; for all that changes nothing."""
        if not self.sees_site:
            raise self.refusal(BE_SUPERUSER)

    def require_superuser(self) -> None:
        """Raise unless the viewer is a superuser, who may change, and the credential lets them be one."""
        if not self.is_superuser:
            raise self.refusal(BE_SUPERUSER)


ANONYMOUS = Viewer()

__all__ = ["ANONYMOUS", "DIRECT", "SESSION", "AccountKind", "Credential", "Viewer", "ViewerAccount"]

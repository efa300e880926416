"""What a call requires of its caller, and the refusal of a caller who lacks it.

A need depends on the call alone, not on the object that it is about. So a refusal can say what is missing
without telling anybody whether something hidden exists.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from resolvers.access.roles import AccountRole, RepositoryRole, Role, TeamRole
from resolvers.access.scopes import DIRECT, SCOPES, Scope
from resolvers.errors import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Need:
    """A role, and a scope that allows it; without a role, to be a superuser.

    `own` are scopes that suffice on the caller's own account or namespace; with `in_person`, no token does.
    """

    role: Role | None
    own: tuple[Scope, ...] = ()
    in_person: bool = False

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes any one of which allows it, the weakest first; none where no token is accepted."""
        return () if self.in_person else (*_allowing(self.role), *self.own)

    @property
    def role_name(self) -> str | None:
        """The role on the repository or in the namespace; None for a need of another kind."""
        return self.role.name if isinstance(self.role, RepositoryRole | TeamRole) else None

    def refusal(self, *, is_anonymous: bool, granted: Collection[Scope]) -> Refusal:
        """What a caller lacks who holds these scopes."""
        held = frozenset(granted)
        # Whoever holds a scope for their own account is refused elsewhere, where it is no help.
        helpful = _allowing(self.role) if held & frozenset(self.own) else self.scopes
        reason, sentence = self._missing(is_anonymous, held, helpful)
        return Refusal(
            reason,
            sentence,
            required_scopes=tuple(scope.value for scope in helpful),
            granted_scopes=tuple(sorted(scope.value for scope in granted)),
            required_role=self.role_name,
        )

    def _missing(
        self, is_anonymous: bool, held: frozenset[Scope], helpful: Sequence[Scope]
    ) -> tuple[Reason, str]:
        if is_anonymous:
            which = f" with the scope `{helpful[0]}`" if helpful else ""
            other = "" if self.in_person else f", or send an access token{which}"
            return Reason.NOT_SIGNED_IN, f"Sign in{other}."
        if self.in_person:
            return Reason.IN_PERSON, "Only a user who signed in may do this; access tokens are not accepted."
        if not held & (DIRECT | frozenset(helpful)):
            elsewhere = " outside of your own account" if held & frozenset(self.own) else ""
            return Reason.SCOPE, f"The token lacks a scope for this{elsewhere}: {_alternatives(helpful)}."
        if isinstance(self.role, RepositoryRole):
            return (
                Reason.ROLE,
                f"You lack the role {self.role.name} on the repository, or there is none such.",
            )
        if isinstance(self.role, TeamRole):
            return Reason.ROLE, f"You lack the role {self.role.name} in the namespace, or there is none such."
        if self.role is None:
            return Reason.SUPERUSER, "Only superusers may do this."
        return Reason.ROLE, "Only the user whose account it is may do this."


def _allowing(role: Role | None) -> tuple[Scope, ...]:
    """The scopes that allow a role, the weakest first."""
    if role is None:
        return (Scope.SUPER_USER,)
    caps = (
        (row.scope, cap)
        for row in SCOPES.values()
        if row.is_grantable
        for cap in (row.repository, row.organization, row.account)
    )
    found = [(scope, cap) for scope, cap in caps if isinstance(cap, type(role)) and cap >= role]
    return tuple(scope for scope, cap in sorted(found, key=lambda one: one[1].rank))


def _alternatives(scopes: Sequence[Scope]) -> str:
    *others, last = [f"`{scope}`" for scope in scopes]
    return f"{', '.join(others)} or {last}" if others else last


READ_REPOSITORY = Need(RepositoryRole.READ)
ADMINISTER_NAMESPACE = Need(TeamRole.ADMIN)
ADMINISTER_OWN_NAMESPACE = Need(TeamRole.ADMIN, own=(Scope.USER_ADMIN,))
"""To administer a namespace, where `user:admin` suffices for the caller's own."""
BE_MEMBER = Need(TeamRole.MEMBER)
BE_MEMBER_OR_OWNER = Need(TeamRole.MEMBER, own=(Scope.USER_READ, Scope.USER_ADMIN))
"""To be in an organization, or the owner of a namespace."""
ADMINISTER_ROBOTS = ADMINISTER_OWN_NAMESPACE
SEE_ROBOTS = Need(TeamRole.MEMBER, own=(Scope.USER_ADMIN,))
SEE_QUOTA = SEE_ROBOTS
READ_ACCOUNT = Need(AccountRole.READ)
ADMINISTER_ACCOUNT = Need(AccountRole.ADMIN)
BE_THERE = Need(AccountRole.ADMIN, in_person=True)
"""To be a user who signed in with a password or in a browser."""
BE_SUPERUSER = Need(None)

"""Shares of what one process has a maximum of, so that nobody can take all of it.

    total       everybody together
    account     one account, from wherever it comes
    address     one client address: an IPv4 address, or the /64 of an IPv6 subscriber
    anonymous   everybody together who is not signed in; one address at most a quarter of it

Subscriptions and WebSockets are bounded by the same numbers, each for itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resolvers.access.attempts import network_of
from resolvers.access.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds one of them. A connection whose client has not said who it is has neither an account nor is
    it anonymous.
    """

    address: str | None
    account_id: int | None = None
    is_anonymous: bool = False


def holder_of(viewer: Viewer, ip: str | None) -> Holder:
    """The holder for a viewer at an address."""
    account_id = viewer.account.id if viewer.account else None
    return Holder(network_of(ip), account_id, is_anonymous=viewer.is_anonymous)


@dataclass(frozen=True, slots=True)
class Shares:
    """The most that one process serves at a time."""

    total: int = 1_000
    account: int = 100
    address: int = 250
    anonymous: int = 100

    @property
    def anonymous_address(self) -> int:
        """The part of the anonymous share that one address can have."""
        return -(-self.anonymous // 4)

    def refusal(self, one: Holder, held: Iterable[Holder], noun: str) -> str | None:
        """Why `one` cannot have another beside those that are held; None if it can.

        `noun` is the plural of what is counted, for the sentence.
        """
        others = list(held)
        at_address = [other for other in others if other.address == one.address]
        if one.is_anonymous:
            if sum(other.is_anonymous for other in others) >= self.anonymous:
                return (
                    f"All {self.anonymous} {noun} for clients that are not signed in are taken; sign in, or"
                    " try again later."
                )
            if sum(other.is_anonymous for other in at_address) >= self.anonymous_address:
                return (
                    f"This address has its maximum of {self.anonymous_address} {noun} without signing in;"
                    " end one, or sign in."
                )
        if one.account_id is not None:
            own = sum(other.account_id == one.account_id for other in others)
            if own >= self.account:
                return f"This account has its maximum of {self.account} {noun}; end one first."
        if len(at_address) >= self.address:
            return f"This address has its maximum of {self.address} {noun}; end one first."
        if len(others) >= self.total:
            return f"This server has its maximum of {self.total} {noun}; try again later."
        return None

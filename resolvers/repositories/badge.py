"""The badge of a repository: a picture for web pages, which anybody may embed who has its address."""

import hmac
from enum import StrEnum

from resolvers.context import Context
from resolvers.repositories.repository import Visibility, find


class BadgeState(StrEnum):
    """What a badge says of the builds of a repository."""

    NONE = "none"


async def state(context: Context, path: str, token: str | None) -> BadgeState | None:
    """The state on the badge of a repository; None where the caller may not know that there is one.

    A private repository, or any where anonymous callers see nothing, shows it only with its token.
    """
    if "\0" in path:
        return None
    record = await find(path)
    if record is None:
        return None
    is_open = record.visibility is Visibility.PUBLIC and context.site.has("ANONYMOUS_ACCESS")
    if not is_open and not hmac.compare_digest((token or "").encode(), record.badge_token.encode()):
        return None
    return BadgeState.NONE

"""Whether an account can act, that is whether its credentials are accepted at all.

`storage.conditions.can_act` is the only definition; sign-ins, tokens, `/v2`, federation and explanations of
access share it.
"""

from storage.conditions import can_act
from storage.statements import fetch_one


async def account_can_act(account_id: int) -> bool:
    """Whether an account can act; one statement. False for an unknown account."""
    return (
        await fetch_one(f"SELECT a.id FROM account a WHERE a.id = ? AND {can_act('a')}", account_id)
        is not None
    )

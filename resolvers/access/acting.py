"""Who can act: whether the credentials of an account are good for anything.

`storage.conditions.can_act` is the one definition. Sign-ins, tokens, `/v2`, federation and explanations of
access share it.
"""

from storage.conditions import can_act as condition
from storage.statements import fetch_one


async def can_act(account_id: int) -> bool:
    """Whether an account can act; one statement. False for one that does not exist."""
    return (
        await fetch_one(f"SELECT a.id FROM account a WHERE a.id = ? AND {condition('a')}", account_id)
        is not None
    )

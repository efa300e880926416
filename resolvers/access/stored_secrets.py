"""Whether stored secrets can be read with the configured keys: the operator may have lost or changed them."""

from storage.secrets import Secrets, SecretUnreadable
from storage.statements import fetch

SIGNING_KEY = "the key that signs registry tokens"

_COLUMNS = {
    SIGNING_KEY: ("service_key", "private_key_encrypted"),
    "tokens of robots": ("robot", "token_encrypted"),
    "application tokens": ("app_token", "secret_encrypted"),
    "secrets of OAuth applications": ("application", "client_secret_encrypted"),
}


async def unreadable(secrets: Secrets) -> tuple[int, list[str]]:
    """How many secrets were looked at, and the kinds of which one cannot be read.

    Of each kind the oldest and the newest are looked at: keys change between them.
    """
    looked_at, kinds = 0, []
    for kind, (table, column) in _COLUMNS.items():
        rows = await fetch(
            f"SELECT {column} AS text FROM {table} WHERE {column} IS NOT NULL AND id IN"
            f" (SELECT min(id) FROM {table} UNION ALL SELECT max(id) FROM {table})"
        )
        looked_at += len(rows)
        if not all(_can_read(secrets, row["text"]) for row in rows):
            kinds.append(kind)
    return looked_at, kinds


def _can_read(secrets: Secrets, text: str) -> bool:
    try:
        secrets.decrypt(text)
    except SecretUnreadable:
        return False
    return True

"""Whether stored secrets can be read with the configured keys: the operator may have lost or changed them."""

from storage.secrets import Secrets, SecretUnreadable
from storage.statements import fetch

SIGNING_KEY = "the key that signs registry tokens"

COLUMNS = {
    SIGNING_KEY: (("service_key", "private_key_encrypted"),),
    "tokens of robots": (("robot", "token_encrypted"),),
    "application tokens": (("app_token", "secret_encrypted"),),
    "secrets of OAuth applications": (("application", "client_secret_encrypted"),),
    "logins and proxies of mirrors": tuple(
        (table, column)
        for table in ("repository_mirror", "organization_mirror")
        for column in ("username_encrypted", "password_encrypted", "proxy_encrypted")
    ),
    "logins of caches": (("proxy_cache", "username_encrypted"), ("proxy_cache", "password_encrypted")),
    "arguments of builds": (("build", "arguments_encrypted"),),
    "credentials of build triggers": tuple(
        ("build_trigger", f"{column}_encrypted")
        for column in ("write_token", "webhook_secret", "private_key")
    ),
    "secrets of notifications": (("notification", "secret"),),
}
"""The kinds of stored secrets, and the columns that hold them."""


async def unreadable(secrets: Secrets) -> tuple[int, list[str]]:
    """How many secrets were looked at, and the kinds of which one cannot be read.

    Of each column the oldest and the newest are looked at: keys change between them.
    """
    looked_at, kinds = 0, []
    for kind, columns in COLUMNS.items():
        texts = [text for table, column in columns for text in await _oldest_and_newest(table, column)]
        looked_at += len(texts)
        if not all(_can_read(secrets, text) for text in texts):
            kinds.append(kind)
    return looked_at, kinds


async def _oldest_and_newest(table: str, column: str) -> list[str]:
    held = f"FROM {table} WHERE {column} IS NOT NULL"
    rows = await fetch(
        f"SELECT {column} AS text FROM {table}"
        f" WHERE id IN (SELECT min(id) {held} UNION ALL SELECT max(id) {held})"
    )
    return [row["text"] for row in rows]


def _can_read(secrets: Secrets, text: str) -> bool:
    try:
        secrets.decrypt(text)
    except SecretUnreadable:
        return False
    return True

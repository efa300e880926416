"""Another name for a user or an organization, and for everything that is called after it.

Rows refer to a namespace by its id, so that most of it follows by itself, and nothing of it stays behind for
whoever takes the name next. What holds the name in its text is changed in the same transaction: the paths of
repositories (by a trigger), its robots, targets of notifications, and mirrors and caches that fetch from it
through this registry.
"""

import orjson

from resolvers.access.epochs import Cause, bump
from resolvers.access.viewer import AccountKind
from resolvers.accounts.account import AccountRecord, require_name_free
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Conflict, Invalid, NotFound
from resolvers.names import NAMESPACE_RULE, check_namespace
from storage.database import IntegrityError
from storage.faults import fault
from storage.statements import Row, decode_json, execute, fetch, fetch_one, is_postgres
from storage.transactions import lock_and_read

LENGTH = 255
"""Most characters of a robot's whole name."""


def check_new_name(name: str) -> None:
    """Raise `Invalid` for a name that no namespace may have, with a text that clients know."""
    try:
        check_namespace(name)
    except Invalid as error:
        raise Invalid(f"Invalid username {name[:255]}: use {NAMESPACE_RULE}.", field="name") from error


async def rename(context: Context, record: AccountRecord, name: str) -> None:
    """Give a namespace another name, in the open transaction; the old one is free when it ends.

    The caller has authorized it and checked the name. Ends all registry tokens of the user, and of the
    robots. Raises `AlreadyExists` for a taken or reserved name, `Invalid` if a robot's name became too long,
    `NotFound` if it was renamed or deleted meanwhile.
    """
    # Whoever changes a repository locks it first, and its namespace by the trigger of its path after it.
    if is_postgres():
        await fetch(
            "SELECT id FROM repository WHERE namespace_id = ? ORDER BY id FOR NO KEY UPDATE", record.id
        )
    row = await lock_and_read("account", record.id, "name", "deleted_at_ms")
    if row is None or row["deleted_at_ms"] is not None or row["name"] != record.name:
        raise NotFound(f"{record.kind.value.capitalize()} does not exist: {record.name}", field=record.kind)
    await require_name_free(context, name)
    longest = await fetch_one(
        "SELECT MAX(LENGTH(a.name)) AS length FROM robot r JOIN account a ON a.id = r.account_id"
        " WHERE r.owner_id = ?",
        record.id,
    )
    if longest and (longest["length"] or 0) - len(record.name) + len(name) > LENGTH:
        raise Invalid(
            f"name: the names of its robots would have more than {LENGTH} characters; choose a shorter one.",
            field="name",
        )
    bumped = bump(Cause.ACCOUNT_RENAMED)
    try:
        await execute(f"UPDATE account SET name = ?, {bumped} WHERE id = ?", name, record.id)
        await execute(
            f"UPDATE account SET name = CAST(? AS VARCHAR) || substr(name, ?), {bumped}"
            " WHERE id IN (SELECT account_id FROM robot WHERE owner_id = ?)",
            name,
            len(record.name) + 1,
            record.id,
        )
    except IntegrityError as error:
        raise AlreadyExists("A user or organization with this name already exists", field="name") from error
    await _retarget(record, name)
    for table, column in _UPSTREAMS:
        await _follow(context, table, column, record.name, name)
    fault("rename.before_commit")


async def require_same_name(record: AccountRecord) -> None:
    """Keep a namespace from being renamed until the open transaction ends, for what is called after it.

    Raises `Conflict` if it was renamed or deleted since it was found.
    """
    row = await lock_and_read("account", record.id, "name", "deleted_at_ms")
    if row is None or row["deleted_at_ms"] is not None or row["name"] != record.name:
        raise Conflict(f"{record.name} was renamed or deleted meanwhile; look it up again.", field="owner")


async def _retarget(record: AccountRecord, name: str) -> None:
    """Let notifications that ring the bell of the user or the organization find it."""
    kind = "user" if record.kind is AccountKind.USER else "org"
    rows = await fetch(
        "SELECT id, config FROM notification WHERE method = 'quay_notification'"
        " AND CAST(config AS TEXT) LIKE ?",
        f'%"{record.name}"%',
    )
    for row in rows:
        config = decode_json(row["config"])
        target = config.get("target")
        if isinstance(target, dict) and (target.get("kind"), target.get("name")) == (kind, record.name):
            config["target"] = target | {"name": name}
            await execute(
                "UPDATE notification SET config = ? WHERE id = ?", orjson.dumps(config).decode(), row["id"]
            )


_UPSTREAMS = (
    ("repository_mirror", "source"),
    ("organization_mirror", "source"),
    ("proxy_cache", "upstream_registry"),
)
"""The tables of what is fetched from a registry, with the column of its host and the path there."""


async def _follow(context: Context, table: str, column: str, old: str, new: str) -> None:
    """Point what fetches from a namespace of this registry at its new name, as whom it does so as well."""
    rows = await fetch(f"SELECT * FROM {table} WHERE {column} LIKE ?", f"%/{old}%")
    for row in rows:
        host, _, path = row[column].partition("/")
        namespace, slash, rest = path.partition("/")
        if namespace != old or not context.site.is_own_host(host):
            continue
        values = {column: f"{host}/{new}{slash}{rest}"}
        if table == "organization_mirror":
            values["upstream_namespace"] = new
        if (username := _renamed_login(context, row, old, new)) is not None:
            values["username_encrypted"] = username
        await execute(
            f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?",
            *values.values(),
            row["id"],
        )


def _renamed_login(context: Context, row: Row, old: str, new: str) -> str | None:
    """The login of the user or a robot under the new name, encrypted; None for any other login."""
    if row["username_encrypted"] is None:
        return None
    owner, plus, robot = context.secrets.decrypt(row["username_encrypted"]).partition("+")
    return context.secrets.encrypt(f"{new}{plus}{robot}") if owner == old else None

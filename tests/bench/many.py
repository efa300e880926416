"""Lists and searches over 1,000, 10,000 and 100,000 repositories.

    python -m tests.bench.many

Queries GraphQL in this process, on SQLite and PostgreSQL. `ada` owns all; `bob` may see every third, which
are public, and twenty more; `cy` also has a permission on every tenth. Up to 10,000 repositories, these are
few enough to be checked one by one. A flat query costs with 100,000 what it costs with 1,000.
"""

from functools import partial

from resolvers.access.roles import RepositoryRole
from resolvers.repositories.repository import Visibility
from storage.statements import execute, fetch_one, is_postgres
from storage.transactions import transaction
from tests.bench.flat import SIZES, measured, on_every_database, report
from tests.factories import Factory
from tests.schema.client import endpoint

LIST = "{ repositories(first: 50) { nodes { path isStarred lastModifiedAt } } }"
BY_NAME = "{ repositories(first: 50, orderBy: NAME) { nodes { path } } }"
OWN = "{ repositories(first: 50, includePublic: false) { nodes { path } } }"
STARRED = "{ repositories(first: 50, isStarred: true) { nodes { path } } }"
NAMESPACE = '{ repositories(first: 50, namespace: "bulk") { nodes { path } } }'
OWN_BY_NAME = "{ repositories(first: 50, includePublic: false, orderBy: NAME) { nodes { path } } }"
PRIVATE_BY_NAME = """{ repositories(first: 50, namespace: "bulk", visibility: PRIVATE, orderBy: NAME) {
  nodes { path } } }"""


def searching(text: str) -> str:
    """A search as a web interface sends it."""
    return (
        f'{{ search(text: "{text}", perKind: 5, first: 25) {{ nodes {{ score item {{ __typename }} }} }} }}'
    )


QUESTIONS = {
    "list": LIST,
    "list by name": BY_NAME,
    "list, no public": OWN,
    "list, no public, by name": OWN_BY_NAME,
    "list, starred": STARRED,
    "list of a namespace": NAMESPACE,
    "private ones of it, by name": PRIVATE_BY_NAME,
    "search, whole name": searching("image-000500"),
    "search, rare part": searching("0500-x"),
    "search, part of all": searching("mage"),
    "search, begins all": searching("im"),
    "search, description": searching("harbour 77"),
    "search, hidden from others": searching("hidden"),
    "search, several such words": searching("hidden in a harb"),
    "search, in a namespace": searching("bulk/image-0005"),
    "search, nothing": searching("nowhere"),
}


def numbers() -> str:
    """The query for the numbers from one value to another, as `n`."""
    if is_postgres():
        return "SELECT generate_series(CAST(? AS BIGINT), CAST(? AS BIGINT)) AS n"
    return "WITH RECURSIVE s(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM s WHERE n < ?) SELECT n FROM s"


async def fill(namespace_id: int, first: int, last: int) -> None:
    """Write repositories as rows: every third is public, each has a unique description."""
    padded = "lpad(CAST(n AS TEXT), 6, '0')" if is_postgres() else "printf('%06d', n)"
    for start in range(first, last, 10_000):
        async with transaction("bench.fill"):
            await execute(
                "INSERT INTO repository (uuid, namespace_id, name, visibility, state, description,"
                " badge_token, auth_epoch, created_at_ms) SELECT 'bulk-' || n, CAST(? AS BIGINT),"
                f" 'image-' || {padded} || '-x', CASE WHEN n % 3 = 0 THEN 'public' ELSE 'private' END,"
                " 'NORMAL',"
                " CASE WHEN n % 3 = 0 THEN 'Serves a harbour ' ELSE 'Hidden in a harbour ' END || (n % 1000),"
                f" 'none', 0, n FROM ({numbers()}) numbers",
                *(namespace_id, start, min(start + 10_000, last) - 1),
            )


async def fill_grants(account_id: int, first: int, last: int) -> None:
    """Give an account a permission on every tenth repository of `fill`."""
    async with transaction("bench.fill_grants"):
        await execute(
            "INSERT INTO repository_permission (repository_id, account_id, role)"
            " SELECT r.id, CAST(? AS BIGINT), 'read' FROM repository r WHERE r.uuid LIKE 'bulk-%0'"
            " AND r.created_at_ms >= ? AND r.created_at_ms < ?",
            account_id,
            first,
            last,
        )


async def fill_users(number: int) -> None:
    """Write users as rows."""
    async with transaction("bench.fill_users"):
        await execute(
            "INSERT INTO account (uuid, kind, name, is_enabled, is_verified, is_superuser, auth_epoch,"
            " tag_expiration_s, invoice_email, created_at_ms) SELECT 'person-' || n, 'user', 'person-' || n,"
            f" TRUE, TRUE, FALSE, 0, 0, FALSE, n FROM ({numbers()}) numbers",
            1,
            number,
        )


async def measure(factory: Factory) -> None:
    """Fill the database step by step, and print a line for each query and viewer."""
    for name in ("ada", "bob", "cy"):
        await factory.user(name)
    await factory.organization("bulk", owner="ada")
    for number in range(20):
        path = f"ada/own-image-{number}"
        await factory.repository(path, visibility=Visibility.PRIVATE)
        await factory.grant(path, "bob", RepositoryRole.READ, by="ada")
    owner = await fetch_one("SELECT id FROM account WHERE name = 'bulk'")
    granted = await fetch_one("SELECT id FROM account WHERE name = 'cy'")
    assert owner is not None
    assert granted is not None
    await fill_users(10_000)
    tokens = {name: await factory.token(name) for name in ("ada", "bob", "cy")}
    found: dict[str, list[tuple[float, int]]] = {}
    size = 0
    async with endpoint(factory) as client:
        for target in SIZES:
            await fill(owner["id"], size, target)
            await fill_grants(granted["id"], size, target)
            size = target
            await execute("ANALYZE")
            for viewer, token in tokens.items():
                for question, document in QUESTIONS.items():
                    ask = partial(client.with_token(token).data, document)
                    found.setdefault(f"{viewer}, {question}", []).append(await measured(ask))
    report(found)


if __name__ == "__main__":
    on_every_database(measure, module="tests.bench.many")

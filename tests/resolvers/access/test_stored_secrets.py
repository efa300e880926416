"""Which stored secrets are looked at, so that a lost key is noticed before they are needed."""

import re

from resolvers.access import stored_secrets
from storage.secrets import Secrets
from storage.statements import execute
from tests.factories import Factory
from tests.process import ROOT

TABLE = re.compile(
    r"^class \w+\(Model\):\n(?P<body>.*?)^        table = \"(?P<table>\w+)\"", re.MULTILINE | re.DOTALL
)


def test_every_column_that_is_encrypted_is_looked_at() -> None:
    encrypted = {
        (match["table"], column)
        for path in (ROOT / "storage" / "models").glob("*.py")
        for match in TABLE.finditer(path.read_text(encoding="utf-8"))
        for column in re.findall(r"^    (\w+_encrypted) = ", match["body"], re.MULTILINE)
    }

    looked_at = {column for columns in stored_secrets.COLUMNS.values() for column in columns}
    assert looked_at == encrypted | {("notification", "secret")}


async def test_a_column_that_is_seldom_filled_is_read_where_it_is(factory: Factory) -> None:
    key, other = Secrets(["k" * 32]), Secrets(["o" * 32])
    await factory.user("ada")
    for name, text in (("a", None), ("b", other.encrypt("secret")), ("c", None)):
        record = await factory.repository(f"ada/{name}")
        await execute(
            "INSERT INTO notification (uuid, namespace_id, repository_id, event, method, config,"
            " event_config, secret, number_of_failures, created_at_ms, since_transaction_id, since_event_id)"
            " VALUES (?, ?, ?, 'repo_push', 'webhook', '{}', '{}', ?, 0, 1, 0, 0)",
            *(name, record.namespace_id, record.id, text),
        )

    looked_at, kinds = await stored_secrets.unreadable(key)

    assert (looked_at, kinds) == (1, ["secrets of notifications"])

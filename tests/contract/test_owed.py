"""What every write owes: mutations, REST writes, and writes at `/v2`, each by its row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quayside.registry.routes import ROUTES
from quayside.settings.settings import Settings
from schema import schema
from tests.contract.owed import registry, rest_accounts, rest_content, rest_quotas, signing_in, users
from tests.contract.owed.engine import problems
from tests.contract.owed.mutations import FAMILIES
from tests.contract.owed.place import place
from tests.contract.owed.requests import carry_out, pull, registry_token
from tests.contract.owed.rights import CALLERS, RIGHTS, F
from tests.contract.owed.rows import Request, Row
from tests.contract.reference import rows as operations
from tests.factories import Factory

FULL_ACCESS = "REST, superusers with full access"
REST = (
    rest_content.ROWS + rest_accounts.ROWS + rest_accounts.FIRST + rest_quotas.ROWS + rest_quotas.FULL_ACCESS
)
ALL = {
    **FAMILIES,
    "REST, content": rest_content.ROWS,
    "REST, accounts": rest_accounts.ROWS,
    "REST, quotas": rest_quotas.ROWS,
    FULL_ACCESS: rest_quotas.FULL_ACCESS,
    "/v2": registry.ROWS + signing_in.REGISTRY,
    "a browser": signing_in.BROWSER,
}
FIRST = users.FIRST + rest_accounts.FIRST
"""What is done where there is nobody yet."""


def names(rows: tuple[Row, ...]) -> set[str]:
    """What the rows are of, without their variants."""
    return {row.name.partition(":")[0] for row in rows}


@pytest.mark.parametrize("family", ALL)
async def test_writes_owe_what_their_rows_say(
    family: str, factory: Factory, settings_with_files: Settings
) -> None:
    settings = settings_with_files
    if family == FULL_ACCESS:
        settings = replace(settings, features=settings.features | {"SUPERUSERS_FULL_ACCESS"})
    async with place(factory, settings) as populated:
        assert CALLERS.keys() <= populated.callers.keys()
        found = await problems(populated, ALL[family])
    assert not found, "\n".join(found)


async def test_a_token_for_what_was_deleted_is_none_for_what_has_its_name_now(
    factory: Factory, settings_with_files: Settings
) -> None:
    async with place(factory, settings_with_files) as populated:
        path = "acme/second"
        old = await registry_token(populated, "owner", path)
        # Both are as new, so that their epochs are the same.
        for text in (
            f'repositoryDelete(repository: "{path}")',
            'repositoryCreate(input: { namespace: "acme", name: "second" })',
        ):
            assert await carry_out(populated, Request(text)) is None
        new = await registry_token(populated, "owner", path)

        assert [await pull(populated, path, token) for token in (old, new)] == [401, 200]


async def test_the_first_user_owes_what_the_row_says(factory: Factory, settings_with_files: Settings) -> None:
    async with place(factory, settings_with_files, is_empty=True) as empty:
        found = await problems(empty, FIRST)
    assert not found, "\n".join(found)


def test_every_mutation_has_a_row() -> None:
    mutation = schema._schema.mutation_type
    assert mutation is not None
    assert set().union(*(names(rows) for rows in FAMILIES.values()), names(users.FIRST)) == set(
        mutation.fields
    )


OF_THE_OWN_ACCOUNT = {
    *("userUpdate", "encryptedPasswordCreate", "emailConfirm", "passwordRecoveryRequest", "passwordReset"),
    *("appTokenCreate", "appTokenRevoke", "accessTokenRevoke", "tokenAssignmentDelete"),
    *("inboxClear", "inboxNoticeUpdate", "repositoryStar", "repositoryUnstar", "teamInviteDecline"),
    # Without an account, or with the code of a mail
    *("userSignUp", "authorizedEmailConfirm"),
}
"""What a read-only superuser may change: nothing that is others'."""


def test_a_read_only_superuser_is_refused_every_mutation_but_those_of_the_own_account() -> None:
    refused = {
        row.name.partition(":")[0]
        for rows in FAMILIES.values()
        for row in rows
        if RIGHTS[row.right].get("inspector") == F
    }
    mutation = schema._schema.mutation_type
    assert mutation is not None
    # What takes a browser is refused to their token.
    assert mutation.fields.keys() - names(users.FIRST) - (refused - {"userUpdate"}) == OF_THE_OWN_ACCOUNT


def test_every_rest_write_has_a_row() -> None:
    assert names(REST) == {
        name for name, (_, route) in operations().items() if route.method not in ("GET", "HEAD")
    }


def test_every_registry_write_has_a_row() -> None:
    writes = {f"{method} {route.name}" for route in ROUTES for method in route.methods - {"GET", "HEAD"}}
    assert names(registry.ROWS) | {"POST token"} == writes
    assert "POST token" in names(signing_in.REGISTRY)


def test_rows_have_names_of_their_own() -> None:
    found = [row.name for rows in (*ALL.values(), FIRST) for row in rows]
    assert len(found) == len(set(found))

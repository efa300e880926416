"""Authentication: every kind of credential, and everything that invalidates it."""

import pytest

from resolvers.access.credentials import basic_viewer, bearer_viewer, encrypted_password
from resolvers.access.scopes import DIRECT, Scope
from resolvers.access.viewer import AccountKind, Credential, Viewer
from resolvers.errors import InvalidCredentials
from resolvers.oauth import token
from storage.clock import now_ms
from storage.secrets import Secrets
from storage.statements import count_statements, execute, fetch_one
from tests.factories import Factory

PASSWORD = "correct-horse-battery"
READ = frozenset({Scope.REPO_READ})


async def basic(factory: Factory, username: str, password: str) -> Viewer:
    return await basic_viewer(username, password, site=factory.site, secrets=factory.secrets)


async def refused(factory: Factory, username: str, password: str) -> bool:
    """Whether the credentials are refused."""
    try:
        await basic(factory, username, password)
    except InvalidCredentials:
        return True
    return False


async def app_token(factory: Factory, name: str) -> str:
    return (await token.create_app_token(await factory.as_account(name), title="laptop")).secret


async def test_the_right_password_gives_all_rights_and_others_are_refused(factory: Factory) -> None:
    user = await factory.user("ada", password=PASSWORD)

    viewer = await basic(factory, "ada", PASSWORD)

    assert viewer.account is not None
    assert (viewer.account.id, viewer.account.name, viewer.account.kind) == (user.id, "ada", AccountKind.USER)
    assert (viewer.scopes, viewer.credential, viewer.is_superuser) == (DIRECT, Credential(), False)
    for username, password in (
        ("ada", "wrong"),
        ("ada", ""),
        ("Ada", PASSWORD),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("ada\0", PASSWORD),
        ("ada", PASSWORD + "\0"),
        ("$app", "\0" * 120),
    ):
        assert await refused(factory, username, password), username


async def test_an_encrypted_password_is_accepted_as_the_password(factory: Factory) -> None:
    await factory.user("ada", password=PASSWORD)

    text = encrypted_password(PASSWORD, factory.secrets)

    assert (await basic(factory, "ada", text)).scopes == DIRECT
    assert PASSWORD not in text
    assert await refused(factory, "ada", encrypted_password("another-password", factory.secrets))
    assert await refused(factory, "ada", encrypted_password(PASSWORD, Secrets(["another key " * 4])))
    # A text that was encrypted for another purpose is not accepted as a password.
    assert await refused(factory, "ada", factory.secrets.encrypt(PASSWORD))


async def test_a_user_without_a_password_cannot_sign_in_by_password(factory: Factory) -> None:
    await factory.user("ada")

    for password in ("", "None", "null", "nobody has this password"):
        assert await refused(factory, "ada", password)


async def test_an_access_token_has_its_scopes_with_every_user_name(factory: Factory) -> None:
    await factory.user("ada")
    secret = await factory.token("ada", READ)
    row = await fetch_one("SELECT id FROM access_token")
    assert row is not None

    viewers = [
        await bearer_viewer(secret, site=factory.site),
        await basic(factory, "$oauthtoken", secret),
        await basic(factory, "ada", secret),
    ]

    assert {(viewer.scopes, viewer.credential) for viewer in viewers} == {
        (READ, Credential("access_token", row["id"]))
    }


async def test_an_app_token_gives_all_rights_of_its_user(factory: Factory) -> None:
    await factory.user("ada")
    secret = await app_token(factory, "ada")

    viewers = [await basic(factory, "$app", secret), await basic(factory, "ada", secret)]

    assert [viewer.scopes for viewer in viewers] == [DIRECT, DIRECT]
    assert {viewer.credential.kind for viewer in viewers} == {"app_token"}


async def test_the_tokens_of_another_user_are_refused_as_passwords(factory: Factory) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)

    assert await refused(factory, "bob", await factory.token("ada", READ))
    assert await refused(factory, "bob", await app_token(factory, "ada"))


async def test_a_token_of_one_kind_is_refused_as_the_other(factory: Factory) -> None:
    await factory.user("ada")
    robot = await factory.robot("ada+bot")

    assert await refused(factory, "$app", await factory.token("ada", READ))
    assert await refused(factory, "$oauthtoken", await app_token(factory, "ada"))
    assert await refused(factory, "$oauthtoken", robot.token)
    assert await refused(factory, "ada+bot", await app_token(factory, "ada"))
    assert await refused(factory, "ada", robot.token)


async def test_a_changed_token_is_refused(factory: Factory) -> None:
    await factory.user("ada")
    for username, secret in (
        ("$oauthtoken", await factory.token("ada", READ)),
        ("$app", await app_token(factory, "ada")),
    ):
        changed = secret[:-1] + ("a" if secret[-1] != "a" else "b")
        for text in (changed, secret[:-1], secret + "A", secret.swapcase(), f" {secret}", secret[::-1]):
            assert await refused(factory, username, text)


async def test_a_robot_signs_in_only_with_its_token(factory: Factory) -> None:
    await factory.user("ada", password=PASSWORD)
    robot = await factory.robot("ada+bot")

    viewer = await basic(factory, "ada+bot", robot.token)

    assert viewer.account is not None
    assert (viewer.account.name, viewer.account.kind) == ("ada+bot", AccountKind.ROBOT)
    for username, password in (("ada+bot", PASSWORD), ("ada+no", robot.token), ("+bot", robot.token)):
        assert await refused(factory, username, password)


async def test_expired_tokens_are_refused(factory: Factory) -> None:
    await factory.user("ada")
    access, app = await factory.token("ada", READ), await app_token(factory, "ada")
    for table in ("access_token", "app_token"):
        await execute(f"UPDATE {table} SET expires_at_ms = ?", now_ms() + 60_000)
    assert not await refused(factory, "$oauthtoken", access)
    assert not await refused(factory, "$app", app)

    for table in ("access_token", "app_token"):
        await execute(f"UPDATE {table} SET expires_at_ms = ?", now_ms())

    assert await refused(factory, "$oauthtoken", access)
    assert await refused(factory, "$app", app)


@pytest.mark.parametrize("ended", ["is_enabled = FALSE", "deleted_at_ms = 1"])
async def test_credentials_of_a_disabled_or_deleted_account_are_refused(factory: Factory, ended: str) -> None:
    await factory.user("ada", password=PASSWORD)
    robot = await factory.robot("ada+bot")
    credentials = {
        "ada": PASSWORD,
        "$oauthtoken": await factory.token("ada", READ),
        "$app": await app_token(factory, "ada"),
        "ada+bot": robot.token,
    }
    assert not any([await refused(factory, *pair) for pair in credentials.items()])

    await execute(f"UPDATE account SET {ended} WHERE name = 'ada'")

    assert all([await refused(factory, *pair) for pair in credentials.items()])


async def test_a_robot_of_a_deleted_or_disabled_organization_is_refused(factory: Factory) -> None:
    from resolvers.accounts import organization

    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    robot = await factory.robot("acme+bot", by="ada")
    assert not await refused(factory, "acme+bot", robot.token)

    await organization.delete(await factory.as_account("ada"), "acme")

    assert await refused(factory, "acme+bot", robot.token)


async def test_app_tokens_are_refused_while_their_feature_is_off(factory: Factory) -> None:
    await factory.user("ada")
    secret = await app_token(factory, "ada")
    without = factory.without_features("APP_SPECIFIC_TOKENS")

    assert await refused(without, "$app", secret)
    assert not await refused(factory, "$app", secret)


@pytest.mark.parametrize(
    ("scopes", "is_superuser"),
    [(DIRECT, True), (frozenset({Scope.SUPER_USER}), True), (READ, False)],
)
async def test_superuser_rights_need_the_scope(
    factory: Factory, scopes: frozenset[Scope], is_superuser: bool
) -> None:
    await factory.user("root", password=PASSWORD, is_superuser=True)

    if scopes == DIRECT:
        viewer = await basic(factory, "root", PASSWORD)
    else:
        viewer = await bearer_viewer(await factory.token("root", scopes), site=factory.site)

    assert (viewer.is_superuser, viewer.has_full_access) == (is_superuser, False)


async def test_the_last_use_is_noted_beside_requests_at_most_once_a_minute(factory: Factory) -> None:
    await factory.user("ada")
    secret = await factory.token("ada", READ)

    # given requests, between which what they noted is written
    counted = []
    for _ in range(3):
        with count_statements() as count:
            await bearer_viewer(secret, site=factory.site)
        counted.append(len(count.statements))
        with count_statements() as count:
            await factory.site.uses.write()
        counted.append(len(count.statements))
    row = await fetch_one("SELECT last_accessed_at_ms FROM access_token")

    # then each request reads alone, and the use is written once
    assert counted == [1, 1, 1, 0, 1, 0]
    assert row is not None
    assert abs(row["last_accessed_at_ms"] - now_ms()) < 60_000


async def test_no_secret_is_stored_in_plain_text(factory: Factory) -> None:
    from tests.state import dump

    await factory.user("ada", password=PASSWORD)
    robot = await factory.robot("ada+bot")
    access, app = await factory.token("ada", READ), await app_token(factory, "ada")

    stored = str(await dump())

    for secret in (PASSWORD, robot.token, access, access[20:], app, app[60:]):
        assert secret not in stored

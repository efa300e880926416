"""The first user: created once, from loopback or with the code that the server printed."""

import asyncio
from dataclasses import replace

import pytest

from resolvers import site
from resolvers.access.credentials import basic_viewer, bearer_viewer
from resolvers.errors import AlreadyExists, Forbidden, Invalid, TooMany
from storage.statements import fetch, fetch_one
from tests.factories import EVERY_SCOPE, Factory
from tests.state import dump, dump_without_counters

PASSWORD = "correct-horse-battery"


async def initialize(
    factory: Factory,
    ip: str | None,
    *,
    username: str = "root",
    code: str | None = None,
    password: str = PASSWORD,
) -> site.Initialized:
    context = replace(factory.context(), ip=ip)
    return await site.initialize(
        context,
        username=username,
        password=password,
        email="root@example.com",
        code=code,
        with_access_token=True,
    )


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.8.9.10", "::1"])
async def test_loopback_needs_no_code(factory: Factory, ip: str) -> None:
    made = await initialize(factory, ip)

    assert (made.account.name, made.account.email, made.account.is_superuser) == (
        "root",
        "root@example.com",
        True,
    )
    assert made.access_token is not None
    assert (await bearer_viewer(made.access_token, site=factory.site)).scopes == EVERY_SCOPE
    for password in (PASSWORD, made.encrypted_password):
        viewer = await basic_viewer("root", password, site=factory.site, secrets=factory.secrets)
        assert viewer.is_superuser


@pytest.mark.parametrize(
    "ip", ["203.0.113.9", "10.0.0.1", "2001:db8::1", "::ffff:203.0.113.9", "", "x", None]
)
async def test_other_addresses_need_the_code(factory: Factory, ip: str | None) -> None:
    code = await site.first_start_code()
    before = await dump_without_counters()
    assert code is not None

    for wrong in (None, "", "x", code[:-1], code.upper() + "0"):
        with pytest.raises(Forbidden):
            await initialize(factory, ip, code=wrong)
    assert await dump_without_counters() == before

    assert (await initialize(factory, ip, code=code)).account.name == "root"


async def test_no_code_is_accepted_before_one_is_created(factory: Factory) -> None:
    with pytest.raises(Forbidden):
        await initialize(factory, "203.0.113.9", code="")


async def test_a_new_code_invalidates_the_earlier_one(factory: Factory) -> None:
    first, second = await site.first_start_code(), await site.first_start_code()
    assert first != second

    with pytest.raises(Forbidden):
        await initialize(factory, "203.0.113.9", code=first)
    await initialize(factory, "203.0.113.9", code=second)


async def test_initialization_works_once_and_deletes_the_code(factory: Factory) -> None:
    code = await site.first_start_code()
    await initialize(factory, "203.0.113.9", code=code)
    before = await dump()

    for ip in ("127.0.0.1", "203.0.113.9"):
        with pytest.raises(Invalid, match="non-empty database"):
            await initialize(factory, ip, username="second", code=code)

    assert await dump() == before
    assert await site.first_start_code() is None
    assert await fetch_one("SELECT name FROM site_setting WHERE name = ?", site.FIRST_START_CODE) is None


async def test_initialization_is_refused_once_a_user_exists(factory: Factory) -> None:
    await factory.user("ada")

    with pytest.raises(Invalid, match="non-empty database"):
        await initialize(factory, "127.0.0.1")
    assert await site.first_start_code() is None


@pytest.mark.parametrize(
    ("username", "password"), [("R", PASSWORD), ("root", "short"), ("root", "with space 1")]
)
async def test_invalid_values_leave_the_installation_uninitialized(
    factory: Factory, username: str, password: str
) -> None:
    before = await dump()

    with pytest.raises(Invalid):
        await initialize(factory, "127.0.0.1", username=username, password=password)

    assert await dump() == before
    assert (await initialize(factory, "127.0.0.1")).account.name == "root"


async def test_of_concurrent_callers_exactly_one_becomes_the_first_user(factory: Factory) -> None:
    ended = await asyncio.gather(
        *(initialize(factory, "127.0.0.1", username=f"root{number}") for number in range(8)),
        return_exceptions=True,
    )

    made = [result for result in ended if isinstance(result, site.Initialized)]
    assert len(made) == 1
    assert {type(result) for result in ended} - {site.Initialized} <= {Invalid, AlreadyExists}
    assert await fetch("SELECT name, is_superuser FROM account WHERE kind = 'user'") == [
        {"name": made[0].account.name, "is_superuser": True}
    ]


@pytest.mark.usefixtures("still_clock")
async def test_wrong_codes_are_slowed_down_and_the_right_one_is_not(factory: Factory) -> None:
    code = await site.first_start_code()
    refusals = []
    for number in range(8):
        with pytest.raises((Forbidden, TooMany)) as caught:
            await initialize(factory, "203.0.113.9", code=f"guess {number}")
        refusals.append(type(caught.value))

    assert refusals == [Forbidden] * 6 + [TooMany] * 2
    assert (await initialize(factory, "203.0.113.9", code=code)).account.name == "root"

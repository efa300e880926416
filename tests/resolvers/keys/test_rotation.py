"""The key of registry tokens: made once, replaced without a refused token, known to all processes at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from typing import Any

import pytest
from jose import jwt

from resolvers.access.registry_tokens import RegistryGrant, RepositoryGrant, TokenSigner
from resolvers.access.viewer import AccountKind, Viewer, ViewerAccount
from resolvers.context import Context
from resolvers.errors import InvalidCredentials
from resolvers.job_kinds import Run, Tools
from resolvers.keys import own_key, service_key
from resolvers.keys.own_key import NEEDED_MS, OVERLAP_MS, ROTATION_S
from resolvers.keys.ring import KeyRing
from resolvers.keys.service_key import ServiceKeyChanges
from resolvers.keys.upkeep import tend_keys
from storage.clock import DAY_MS, now_ms
from storage.hot import open_hot_store
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory

Process = Callable[[], TokenSigner]

GRANT = RegistryGrant(
    subject="ada",
    account_id=7,
    account_epoch=3,
    credential_kind=None,
    credential_id=0,
    repositories={"ada/app": RepositoryGrant(11, 2, 5, frozenset({"pull"}))},
)


@pytest.fixture
def context(factory: Factory) -> Context:
    """A superuser."""
    account = ViewerAccount(1, "root", AccountKind.USER, 0)
    return factory.context(Viewer(account, is_superuser=True))


@pytest.fixture
async def process(context: Context, database_url: str) -> AsyncIterator[Process]:
    """Makes the signers of processes of their own."""
    hot = await open_hot_store(database_url)
    yield lambda: TokenSigner(KeyRing(context, nullcontext, hot), audience="registry.test")
    await hot.close()


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def keys() -> list[dict[str, Any]]:
    return [dict(row) for row in await fetch("SELECT * FROM service_key ORDER BY id")]


async def test_processes_that_start_at_once_make_one_key(process: Process) -> None:
    tokens = await asyncio.gather(*(process().issue(GRANT) for _ in range(4)))

    (row,) = await keys()
    assert {kid_of(token) for token in tokens} == {row["kid"]}
    assert (row["service"], row["approval_type"], row["expires_at_ms"]) == (
        own_key.SERVICE,
        "automatic",
        None,
    )
    assert row["rotation_duration_s"] == ROTATION_S
    assert "PRIVATE" not in row["private_key_encrypted"]
    assert row["public_key"].startswith("-----BEGIN PUBLIC KEY-----")


async def test_a_rotation_refuses_nothing_in_any_process(context: Context, process: Process) -> None:
    one, other = process(), process()
    before = await one.issue(GRANT)
    assert (await other.verify(before)).subject == "ada"

    rotated_at = now_ms()
    made = await service_key.rotate(context)
    after = await one.issue(GRANT)

    assert kid_of(before) != kid_of(after) == made.kid
    for signer in (one, other, process()):
        for token in (before, after):
            assert (await signer.verify(token)).subject == "ada"
    old, new = await keys()
    assert (old["successor_kid"], new["expires_at_ms"]) == (made.kid, None)
    assert rotated_at + OVERLAP_MS <= old["expires_at_ms"] <= now_ms() + OVERLAP_MS
    assert (new["approval_type"], new["approver_id"], new["name"]) == ("key_rotation", 1, old["name"])


async def test_rotations_at_once_leave_one_successor(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_key.ensure(context)
    have_looked, prepared = asyncio.Barrier(3), service_key.prepared

    async def together() -> Any:
        await have_looked.wait()
        return await prepared()

    monkeypatch.setattr(service_key, "prepared", together)

    made = await asyncio.gather(*(service_key.rotate(context) for _ in range(3)))

    _, new = await keys()
    assert {record.kid for record in made} == {new["kid"]}
    told = await fetch("SELECT kind FROM audit_log WHERE kind = 'service_key_rotate'")
    assert len(told) == 1


async def test_a_key_that_is_deleted_or_ends_early_has_a_successor_first(
    context: Context, process: Process
) -> None:
    signer, other = process(), process()
    token = await signer.issue(GRANT)
    await other.verify(token)

    await service_key.delete(context, kid_of(token))

    (second,) = await keys()
    assert kid_of(await signer.issue(GRANT)) == second["kid"]
    # A process that has not looked yet takes it for a second at most.
    await asyncio.sleep(1.01)
    for each in (signer, other):
        with pytest.raises(InvalidCredentials):
            await each.verify(token)

    ends = now_ms() + 60_000
    await service_key.update(context, second["kid"], ServiceKeyChanges(expires_at_ms=ends))

    ended, third = await keys()
    assert (ended["kid"], ended["expires_at_ms"], ended["successor_kid"]) == (
        second["kid"],
        ends,
        third["kid"],
    )
    assert kid_of(await signer.issue(GRANT)) == third["kid"]


async def test_a_key_does_not_sign_what_would_outlive_it(process: Process) -> None:
    signer = process()
    first = await signer.issue(GRANT)
    await execute("UPDATE service_key SET expires_at_ms = ?", now_ms() + NEEDED_MS - 1000)

    second = await signer.issue(GRANT)

    old, new = await keys()
    assert (kid_of(first), kid_of(second)) == (old["kid"], new["kid"])
    assert (await signer.verify(first)).subject == "ada"


async def test_made_up_key_ids_cost_few_statements_and_hold_up_no_real_one(
    context: Context, process: Process
) -> None:
    signer = process()
    await signer.verify(await signer.issue(GRANT))
    forged = [
        jwt.encode({"sub": str(number)}, "x" * 32, algorithm="HS256", headers={"kid": f"k{number}"})
        for number in range(100)
    ]
    # The algorithm is looked at before the key, so these have to be right in that.
    named = [f"{_header(number)}.{token.partition('.')[2]}" for number, token in enumerate(forged)]
    made = await service_key.rotate(context)
    real = await process().issue(GRANT)

    with count_statements() as counted:
        answers = await asyncio.gather(
            *(signer.verify(token) for token in (*named, *forged, real)), return_exceptions=True
        )

    assert kid_of(real) == made.kid
    assert [type(answer) for answer in answers] == [InvalidCredentials] * 200 + [RegistryGrant]
    assert 1 <= len(counted.statements) <= 3


def _header(number: int) -> str:
    token = jwt.encode({}, "x" * 32, algorithm="HS256", headers={"kid": f"k{number}", "alg": "RS256"})
    return str(token).partition(".")[0]


async def test_the_job_rotates_when_it_is_due_and_removes_what_is_over(context: Context) -> None:
    await own_key.ensure(context)
    run = Run({}, Tools(context))

    assert await tend_keys(run) is None
    await execute("UPDATE service_key SET created_at_ms = ?", now_ms() - ROTATION_S * 1000)
    said = await tend_keys(run)

    old, new = await keys()
    assert said == f"{new['kid']} signs registry tokens now."
    assert (old["successor_kid"], new["rotation_duration_s"]) == (new["kid"], ROTATION_S)
    assert await tend_keys(run) is None

    await execute("UPDATE service_key SET expires_at_ms = ? WHERE id = ?", now_ms() - 7 * DAY_MS, old["id"])
    assert await tend_keys(run) == "1 removed."
    assert [row["kid"] for row in await keys()] == [new["kid"]]

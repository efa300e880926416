"""Access: each documented operation by each kind of caller; a refused one writes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.quotas.quota import LimitKind
from resolvers.repositories.permission import GranteeKind
from resolvers.repositories.repository import Visibility
from storage.statements import Row
from tests import state
from tests.contract.reference import DATA, EXTRA, rows
from tests.contract.world import ORGANIZATION, World, callers, observed
from tests.factories import READ_ONLY_SUPERUSER, Factory

WITHOUT_ANSWERS = {"authFederatedRobotToken", "getErrorDescription", "getReferrers"}
"""Operations without recorded callers: they need no access, or are served elsewhere."""


@cache
def record() -> dict[str, list[dict[str, Any]]]:
    """`callers`: a request with the status for each caller; `superusers`: with and without full access.

    `inspector` is a read-only superuser, who asks everything that anybody does.
    """
    found: dict[str, list[dict[str, Any]]] = json.loads((DATA / "authorization.json").read_text("utf-8"))
    return found


OPERATIONS = sorted({case["operation"] for case in record()["callers"]})


def test_every_operation_has_callers() -> None:
    assert {*OPERATIONS} == rows().keys() - EXTRA - WITHOUT_ANSWERS


OWN_WRITES = {"createStar", "deleteStar", "exportUserLogs", "exportOrgLogs"}
"""What a read-only superuser writes: bookmarks of their own, and files of logs that they read."""


def test_a_read_only_superuser_asks_everything_and_writes_nothing_that_is_others() -> None:
    asked = [case for case in record()["callers"] if "inspector" in case["expect"]]
    wrote = {
        case["operation"] for case in asked if case["method"] != "GET" and case["expect"]["inspector"] < 400
    }

    assert asked == record()["callers"]
    assert wrote == OWN_WRITES


async def everything(factory: Factory) -> World:
    """Private and public content, some of which `ole` may see by a permission or through a team."""
    world = World(factory)
    await world.people()
    await factory.read_only_superuser()
    world.tokens[READ_ONLY_SUPERUSER] = await factory.token(READ_ONLY_SUPERUSER)
    await world.organization()
    await factory.user("piet")
    await factory.user("sigrid")
    await factory.organization("far-harbour", owner="piet")
    await factory.team(ORGANIZATION, "readers", TeamRole.MEMBER, ["ole"])
    await factory.team("far-harbour", "pilots", TeamRole.MEMBER, ["ole"])
    await world.application()
    await factory.organization("dry-dock", owner="piet")
    for owner, name in ((ORGANIZATION, ""), ("tove", "own_"), ("far-harbour", "far_")):
        quota = await factory.quota(owner, 3000, (LimitKind.WARNING, 50))
        world.digests |= {f"{name}quota": quota.id, f"{name}limit": quota.limits[0].id}
    await world.cache()
    await factory.proxy_cache("harbour-cache", owner="maren")
    await factory.repository("maren/sextant")
    await factory.repository("maren/skiff")
    await factory.repository("piet/lighthouse", visibility=Visibility.PUBLIC)
    await factory.repository(f"{ORGANIZATION}/crane", by="maren")
    await factory.grant("maren/skiff", "ole", RepositoryRole.READ, by="maren")
    await factory.grant(
        f"{ORGANIZATION}/crane", "readers", RepositoryRole.READ, kind=GranteeKind.TEAM, by="maren"
    )
    return world


def expected(case: dict[str, Any], actor: str) -> int:
    """The status for a caller.

    The recorded anonymous callers had the token of an anonymous session with them. Ours have none, so the
    door refuses their writes before it looks at the row.
    """
    status: int = case["expect"][actor]
    return 403 if actor == "anonymous" and case["method"] != "GET" else status


async def important() -> dict[str, list[Row]]:
    """All rows, except records of the calls themselves."""
    tables = await state.dump()
    return {table: found for table, found in tables.items() if table not in {"event", "audit_log"}}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_by_each_caller(
    operation: str, factory: Factory, settings_with_files: Settings
) -> None:
    world = await everything(factory)
    wrong: list[str] = []
    calls = [
        (case, actor, expected(case, actor))
        for case in record()["callers"]
        if case["operation"] == operation
        for actor in case["expect"]
    ]
    async with callers(world, observed(settings_with_files)) as caller:
        before = await important()
        # Refused callers come first, before others change anything.
        for case, actor, status in sorted(calls, key=lambda call: -call[2]):
            answer = await caller.ask(actor, case["method"], case["path"], case.get("body"))
            if answer.status_code != status:
                wrong.append(f"{actor} {case['path']}: {answer.status_code}, not {status}: {answer.text}")
            if status >= 400 and await important() != before:
                wrong.append(f"{actor} {case['path']} was refused and wrote")

    assert wrong == []


@pytest.mark.parametrize("case", record()["superusers"], ids=lambda case: case["operation"])
@pytest.mark.parametrize("access", ["with", "without"])
async def test_a_superuser_in_foreign_namespaces(
    case: dict[str, Any], access: str, factory: Factory, settings_with_files: Settings
) -> None:
    world = await everything(factory)
    settings = observed(settings_with_files)
    if access == "without":
        settings = replace(settings, features=settings.features - {"SUPERUSERS_FULL_ACCESS"})

    async with callers(world, settings) as caller:
        before = await important()
        answer = await caller.ask("ingrid", case["method"], case["path"], case.get("body"))
        after = await important()

    assert answer.status_code == case[access]
    assert (after == before) == (case[access] >= 400 or case["method"] == "GET")

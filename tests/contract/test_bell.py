"""REST routes of the bell, which every page of web interfaces asks, with exact answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from quayside.settings.settings import Settings
from resolvers.access.roles import TeamRole
from rest_compat.forms import WRITE_FORMS
from storage.statements import execute
from tests.contract.world import ORGANIZATION, Caller, World, callers
from tests.factories import Factory

PATH = "/user/notifications"


@pytest.fixture
async def caller(factory: Factory, settings_with_files: Settings) -> AsyncIterator[Caller]:
    """The harbour with an empty team."""
    world = World(factory)
    await world.people()
    await world.organization()
    await factory.team(ORGANIZATION, "deckhands", TeamRole.MEMBER)
    async with callers(world, settings_with_files) as asking:
        yield asking


async def test_the_bell_over_rest(caller: Caller) -> None:
    assert (await caller.ask("tove", "GET", PATH)).json() == {"notifications": [], "additional": False}
    for status, actor in ((401, "anonymous"), (403, "maren, reading only")):
        assert (await caller.ask(actor, "GET", PATH)).status_code == status

    invited = await caller.ask(
        "maren", "PUT", f"/organization/{ORGANIZATION}/team/deckhands/members/tove", {}
    )
    assert invited.json()["invited"] is True
    await execute("UPDATE inbox_notice SET created_at_ms = ?", 1_730_801_472_000)
    answer = (await caller.ask("tove", "GET", PATH)).json()
    told = answer["notifications"][0]
    created = WRITE_FORMS["RFC2822"].render(datetime(2024, 11, 5, 10, 11, 12, tzinfo=UTC).isoformat())
    assert answer == {
        "notifications": [
            {
                "id": told["id"],
                "organization": None,
                "kind": "org_team_invite",
                "created": created,
                "metadata": {
                    "org": ORGANIZATION,
                    "team": "deckhands",
                    "inviter": "maren",
                    "code": told["metadata"]["code"],
                },
                "dismissed": False,
            }
        ],
        "additional": False,
    }
    assert created == "Tue, 05 Nov 2024 10:11:12 -0000"
    one = f"{PATH}/{told['id']}"
    assert (await caller.ask("tove", "GET", one)).json() == told
    for actor, status in (("maren", 404), ("anonymous", 401)):
        assert (await caller.ask(actor, "GET", one)).status_code == status
    assert (await caller.ask("maren", "PUT", one, {"dismissed": True})).status_code == 404
    assert (await caller.ask("tove", "PUT", one, {"dismissed": "yes"})).status_code == 400

    put_away = await caller.ask("tove", "PUT", one, {"dismissed": True})
    assert (put_away.status_code, put_away.json()) == (200, told | {"dismissed": True})
    assert (await caller.ask("tove", "GET", PATH)).json()["notifications"] == []
    assert (await caller.ask("tove", "GET", one)).json()["dismissed"] is True
    assert (await caller.ask("tove", "PUT", one, {"dismissed": False})).json() == told
    # The code of the bell answers the invitation, as that of the mail does.
    accepted = await caller.ask("tove", "PUT", f"/teaminvite/{told['metadata']['code']}")
    assert (accepted.status_code, accepted.json()) == (200, {"org": ORGANIZATION, "team": "deckhands"})
    assert (await caller.ask("tove", "GET", PATH)).json() == {"notifications": [], "additional": False}


async def test_pages_of_the_bell_over_rest(caller: Caller) -> None:
    await execute(
        "INSERT INTO inbox_notice (kind, account_id, metadata, created_at_ms)"
        " SELECT k.kind, a.id, '{}', 1 FROM account a, (SELECT 'quota_warning' AS kind UNION ALL"
        " SELECT 'quota_error' UNION ALL SELECT 'repo_push') k WHERE a.name = ?",
        ORGANIZATION,
    )

    async def page(query: str) -> tuple[list[str], bool]:
        answer = (await caller.ask("maren", "GET", f"{PATH}?{query}")).json()
        assert {one["organization"] for one in answer["notifications"]} <= {ORGANIZATION}
        return [one["kind"] for one in answer["notifications"]], answer["additional"]

    (first, more), (second, end) = await page("limit=2"), await page("limit=2&page=2")
    assert (len(first), more, len(second), end) == (2, True, 1, False)
    assert sorted(first + second) == ["quota_error", "quota_warning", "repo_push"]
    assert (await page("limit=0"), await page("limit=1&page=4")) == ((first[:1], True), ([], False))
    assert (await caller.ask("ole", "GET", PATH)).json()["notifications"] == []

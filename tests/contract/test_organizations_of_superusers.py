"""Organizations by the REST chapter for superusers: what no recorded exchange of the contract holds."""

from dataclasses import replace

import pytest

from quayside.settings.settings import Settings
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory

LIST = "/superuser/organizations"
ONE = f"{LIST}/{ORGANIZATION}"
TAKEN = "A user or organization with this name already exists"


@pytest.fixture
async def world(factory: Factory) -> World:
    made = World(factory)
    await made.people()
    for prepare in (made.organization, made.cache, made.office):
        await prepare()
    return made


async def test_all_are_listed_page_by_page_at_both_spellings(
    world: World, settings_with_files: Settings
) -> None:
    async with callers(world, settings_with_files) as caller:
        whole = (await caller.ask("ingrid", "GET", LIST)).json()
        seen, token = [], ""
        for _ in range(3):
            page = (await caller.ask("ingrid", "GET", f"{LIST}/?limit=1&next_page={token}")).json()
            seen += page["organizations"]
            token = page.get("next_page", "")
        refused = await caller.ask("ingrid", "GET", f"{LIST}/?limit=101")

    assert list(whole) == ["organizations"]
    assert [one["name"] for one in whole["organizations"]] == [ORGANIZATION, "harbour-cache", "pilot-house"]
    assert (seen, token) == (whole["organizations"], "")
    assert (refused.status_code, refused.json()["error_message"]) == (400, "Page limit cannot be above 100")


@pytest.mark.parametrize(
    ("path", "body", "status", "answer"),
    [
        (f"{LIST}/nowhere", {"name": "new"}, 400, {"message": "Organization does not exist: nowhere"}),
        (f"{LIST}/maren", {"name": "new"}, 400, {"message": "Organization does not exist: maren"}),
        (ONE, {"name": "maren", "email": "new@example.com"}, 400, {"message": TAKEN}),
        (ONE, {"name": "new", "tag_expiration_s": 5}, 400, {"message": "Invalid tag expiration option"}),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(
    path: str,
    body: dict[str, object],
    status: int,
    answer: dict[str, str],
    world: World,
    settings_with_files: Settings,
) -> None:
    async with callers(world, settings_with_files) as caller:
        before = (await caller.ask("ingrid", "GET", LIST)).json()
        refused = await caller.ask("ingrid", "PUT", path, body)
        after = (await caller.ask("ingrid", "GET", LIST)).json()

    assert (refused.status_code, refused.json()) == (status, answer)
    assert after == before


async def test_an_invalid_name_or_address_is_told(world: World, settings_with_files: Settings) -> None:
    async with callers(world, settings_with_files) as caller:
        name = await caller.ask("ingrid", "PUT", ONE, {"name": "Nope"})
        email = await caller.ask("ingrid", "PUT", ONE, {"name": "new", "email": "nope"})

    assert name.status_code == 400
    assert name.json()["message"].startswith("Invalid username Nope: use 2 to 255 lower-case letters")
    assert (email.status_code, email.json()["error_message"]) == (400, "Invalid email address")


async def test_a_superuser_without_full_access_changes_all_at_once(
    world: World, settings_with_files: Settings
) -> None:
    settings = replace(settings_with_files, features=settings_with_files.features | {"ORG_SHARED_EMAIL"})
    body = {
        "name": "harbour",
        "email": "harbour@example.com",
        "invoice_email": True,
        "invoice_email_address": "bills@example.com",
        "tag_expiration_s": 86400,
    }
    async with callers(world, settings) as caller:
        changed = await caller.ask("ingrid", "PUT", f"{ONE}/", body)
        shown = (await caller.ask("maren", "GET", "/organization/harbour")).json()
        gone = await caller.ask("maren", "GET", f"/organization/{ORGANIZATION}")
        cleared = await caller.ask(
            "ingrid", "PUT", f"{LIST}/harbour", {"email": "", "invoice_email_address": None}
        )
        taken = await caller.ask("ingrid", "POST", "/superuser/takeownership/harbour/", {})
        refused = await caller.ask("maren", "POST", "/superuser/takeownership/pilot-house", {})

    assert (changed.status_code, changed.json()["name"], changed.json()["email"]) == (
        200,
        "harbour",
        "harbour@example.com",
    )
    assert {key: shown[key] for key in body} == body
    assert gone.status_code == 404
    assert (cleared.status_code, cleared.json()["email"]) == (200, "")
    assert (taken.status_code, taken.json()) == (200, {"namespace": "harbour"})
    assert refused.status_code == 403

"""The page on which an invitation into a team is accepted or declined."""

import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from starlette.applications import Starlette

from resolvers.access.roles import TeamRole
from resolvers.accounts import invite
from resolvers.repositories import membership
from storage.statements import fetch
from tests import state
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.asking import last_code, mails

FOR_HER = "ada invites you, eve, to join the team crew of the organization acme."


@pytest.fixture
async def code(factory: Factory, app: Starlette) -> str:
    """The code of the mail by which `ada` invites whoever reads it into the team `crew` of acme."""
    await factory.user("eve", password=PASSWORD)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER)
    await invite.create(await factory.as_account("ada"), "acme", "crew", "eve@work.example")
    return await last_code()


@pytest.fixture
async def eve(app: Starlette, code: str) -> AsyncIterator[Browser]:
    """A browser in which `eve` is signed in."""
    async with browsing(app) as opened:
        await opened.sign_in("eve")
        yield opened


async def members() -> list[str]:
    rows = await fetch(
        "SELECT a.name FROM team_member m JOIN account a ON a.id = m.account_id"
        " JOIN team t ON t.id = m.team_id WHERE t.name = 'crew'"
    )
    return [row["name"] for row in rows]


async def test_the_link_leads_to_sign_in_the_invitation_and_the_team(
    app: Starlette, factory: Factory, code: str
) -> None:
    link = f"/confirminvite?code={code}"
    assert f"{factory.site.public_url}{link}\n" in (await mails())[-1]["body"]
    async with browsing(app) as browser:
        before = await browser.http.get(link)
        sign_in = await browser.http.get(unescape(found(r'href="(/signin\?[^"]*)"', before.text)))
        signed_in = await browser.http.post(
            "/signin", data=fields(sign_in.text) | {"username": "eve", "password": PASSWORD}
        )
        page = await browser.http.get(signed_in.headers["location"])
        joined = await browser.http.post("/confirminvite", data=fields(page.text) | {"answer": "accept"})
        again = await browser.http.post("/confirminvite", data=fields(page.text) | {"answer": "accept"})

    assert "crew" not in before.text
    assert signed_in.headers["location"] == link
    assert FOR_HER in page.text
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        " form-action 'self'"
    )
    assert page.headers["referrer-policy"] == "no-referrer"
    assert (joined.status_code, again.status_code) == (200, 400)
    assert "you are now in the team crew of acme" in joined.text
    assert await members() == ["eve"]


async def test_who_declines_does_not_join(eve: Browser, code: str) -> None:
    page = await eve.http.get("/confirminvite", params={"code": code})

    declined = await eve.http.post("/confirminvite", data=fields(page.text) | {"answer": "decline"})
    late = await eve.http.post("/confirminvite", data=fields(page.text) | {"answer": "accept"})

    assert "You have declined to join the team crew of acme." in declined.text
    assert (declined.status_code, late.status_code) == (200, 400)
    assert await members() == []


async def test_get_and_forged_forms_change_nothing(
    app: Starlette, factory: Factory, eve: Browser, code: str
) -> None:
    page = await eve.http.get("/confirminvite", params={"code": code})
    form = fields(page.text) | {"answer": "accept"}
    before = await state.dump_without_counters()

    forged = await eve.http.post("/confirminvite", data=form | {"_csrf_token": "x"})
    undecided = await eve.http.post("/confirminvite", data=form | {"answer": "later"})
    unknown = await eve.http.post("/confirminvite", data=form | {"code": "<b>x</b>"})
    looked = await eve.http.get("/confirminvite", params={"code": "<b>x</b>"})
    no_form = await eve.http.post("/confirminvite", json=form)
    async with browsing(app) as stranger:
        sign_in = await stranger.http.get("/signin")
        token = fields(sign_in.text)["_csrf_token"]
        anonymous = await stranger.http.post("/confirminvite", data=form | {"_csrf_token": token})

    answers = (forged, undecided, unknown, looked, no_form, anonymous)
    assert [answer.status_code for answer in answers] == [403, 400, 400, 400, 400, 403]
    assert FOR_HER in forged.text
    assert "Sign in to see the invitation." in anonymous.text
    assert not any("<b>" in answer.text for answer in answers)
    assert await members() == []
    assert await state.dump_without_counters() == before


async def test_the_invitation_of_another_user_is_not_shown(factory: Factory, eve: Browser, code: str) -> None:
    await factory.user("bob")
    context = await factory.as_account("ada")
    await membership.add(context, "acme", "crew", "bob")

    page = await eve.http.get("/confirminvite", params={"code": await last_code()})

    assert page.status_code == 400
    assert "The invitation is for another user." in page.text
    assert "crew" not in page.text


def found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match is not None
    return match[1]


def fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms; the last of each name."""
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}

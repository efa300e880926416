"""The page on which an administrator connects a repository with a Git repository."""

import re
from html import unescape
from typing import Any

from starlette.applications import Starlette

from storage.statements import fetch
from tests import state
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.test_invitation import fields

PAGE = "/customtrigger/setup/ada/ferry"
HTML = {"Accept": "text/html,application/xhtml+xml"}


async def triggers() -> list[dict[str, Any]]:
    return await fetch("SELECT uuid, service, activated_at_ms FROM build_trigger ORDER BY id")


async def test_the_form_makes_a_trigger_that_is_not_active(ada: Browser, factory: Factory) -> None:
    await factory.repository("ada/ferry")

    page = await ada.http.get(PAGE)
    assert await triggers() == []
    made = await ada.http.post(PAGE, data=fields(page.text), headers=HTML)
    for_programs = await ada.http.post(PAGE, data=fields(page.text))

    assert "for ada/ferry when somebody pushes" in page.text
    assert "with your rights, ada." in page.text
    first, second = await triggers()
    assert (first["service"], first["activated_at_ms"]) == ("custom-git", None)
    assert first["uuid"] in made.text
    assert for_programs.json() == {"id": second["uuid"], "service": "custom-git", "repository": "ada/ferry"}
    # What the page says to run is a mutation that the schema knows.
    mutation = unescape(re.findall(r"<code>(.*?)</code>", made.text, re.DOTALL)[0])
    answer = (await ada.post("/graphql", query=mutation)).json()
    assert "errors" not in answer
    assert answer["data"]["buildTriggerActivate"].keys() == {"trigger", "errors"}


async def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(app: Starlette) -> None:
    async with browsing(app) as stranger:
        page = await stranger.http.get(PAGE)

    assert f'href="/signin?next={PAGE}"' in page.text
    assert "<form" not in page.text


async def test_forged_forms_and_others_than_administrators_make_no_trigger(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.repository("ada/ferry")
    await factory.user("eve", password=PASSWORD)
    form = fields((await ada.http.get(PAGE)).text)
    before = await state.dump_without_counters()

    async with browsing(app) as eve:
        await eve.sign_in("eve")
        shown = await eve.http.get(PAGE)
        unknown = await eve.http.get("/customtrigger/setup/ada/nothing")
        hers = await eve.http.post(PAGE, data={"_csrf_token": eve.token})
        await eve.http.post("/api/v1/signout", headers={"X-CSRF-Token": eve.token})
    forged = await ada.http.post(PAGE, data={"_csrf_token": "x"})
    no_form = await ada.http.post(PAGE, json=form)
    absent = await ada.http.post("/customtrigger/setup/ada/nothing", data=form)

    assert [one.status_code for one in (shown, unknown, hers)] == [400, 400, 400]
    assert shown.text == unknown.text
    assert [one.status_code for one in (forged, no_form, absent)] == [403, 400, 400]
    assert await triggers() == []
    after = await state.dump_without_counters()
    assert {table: rows for table, rows in after.items() if table.startswith(("build", "job"))} == {
        table: rows for table, rows in before.items() if table.startswith(("build", "job"))
    }

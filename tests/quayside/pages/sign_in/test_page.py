"""The sign-in page, and its redirects."""

import re
from html import unescape

import pytest

from quayside.pages.sign_in import local_path
from tests.browser import PASSWORD, Browser
from tests.quayside.pages.sign_in.waiting import free_ones_are_used_up


async def test_a_person_signs_in_and_out_on_a_page(browser: Browser) -> None:
    page = await browser.http.get("/signin?next=/graphql%3Fquery=x")
    token = hidden(page.text, "_csrf_token")
    signed_in = await browser.http.post(
        "/signin",
        data={
            "_csrf_token": token,
            "next": hidden(page.text, "next"),
            "username": "ada",
            "password": PASSWORD,
        },
    )
    again = await browser.http.get("/signin")
    signed_out = await browser.http.post("/signout", data={"_csrf_token": hidden(again.text, "_csrf_token")})
    after = await browser.http.get("/signin")

    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        " form-action 'self'"
    )
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/graphql?query=x")
    assert "You are signed in as ada." in again.text
    assert (signed_out.status_code, signed_out.headers["location"]) == (303, "/signin")
    assert "signed in as" not in after.text


@pytest.mark.usefixtures("still_clock")
async def test_the_page_shows_why_it_did_not_work(browser: Browser) -> None:
    page = await browser.http.get("/signin")
    form = {"_csrf_token": hidden(page.text, "_csrf_token"), "username": "<ada>", "password": "x"}

    forged = await browser.http.post("/signin", data=form | {"_csrf_token": "x"})
    wrong = await browser.http.post("/signin", data=form)
    await free_ones_are_used_up()
    late = await browser.http.post("/signin", data=form | {"password": "y"})
    no_form = await browser.http.post("/signin", json=form)

    assert [answer.status_code for answer in (forged, wrong, late, no_form)] == [403, 403, 429, 400]
    assert "Invalid Username or Password" in wrong.text
    assert "<ada>" not in wrong.text
    assert late.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "text",
    ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", None, "/a b", "/\n/evil"],
)
def test_signing_in_leads_nowhere_else(text: str | None) -> None:
    assert local_path(text) == "/graphql"


def test_signing_in_leads_back_to_paths_of_ours() -> None:
    assert local_path("/oauth/authorize?client_id=1&scope=repo:read") == (
        "/oauth/authorize?client_id=1&scope=repo:read"
    )


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return unescape(found[1])

"""What superusers see of the mails of others: all but the codes."""

import re

from starlette.applications import Starlette

from resolvers.mail import without_codes
from resolvers.record.export import _letter, export_token
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.quayside.pages.account.asking import SIGN_UP, mails


async def test_superusers_see_mails_without_their_codes(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.user("root", password=PASSWORD, is_superuser=True)
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    async with browsing(app) as browser:
        await browser.arrive()
        await browser.post("/api/v1/user/", **SIGN_UP)
        await browser.post("/api/v1/recovery", email="ada@example.com")
        await ada.call("PUT", "/api/v1/user/", email="new@example.com")
        await ada.call("PUT", "/api/v1/organization/acme/team/owners/invite/eve@elsewhere.example")
        await ada.call("PUT", "/api/v1/organization/acme/team/owners/members/bob")
        await browser.sign_in("root")
        shown = (await browser.graphql("{ mails { nodes { subject body } } }"))["mails"]["nodes"]

    kept = [mail["body"] for mail in await mails()]
    codes = [re.findall(r"\b[A-Za-z0-9]{40,}\b", body) for body in kept]
    assert [len(set(found)) for found in codes] == [1] * 5
    bodies = [mail["body"] for mail in reversed(shown)]
    assert bodies == [body.replace(code[0], "(hidden)") for body, code in zip(kept, codes, strict=True)]
    # The code of an invitation stands in its mail twice.
    assert [body.count("(hidden)") for body in bodies] == [1, 1, 1, 2, 2]


def test_addresses_of_exported_logs_are_hidden(factory: Factory) -> None:
    token = export_token(factory.secrets, "sha256:" + "0" * 64)
    _, text = _letter("an-id", "acme", f"https://registry.example/exportedlogs/{token}")

    assert token in text
    assert without_codes(text) == text.replace(token, "(hidden)")


def test_a_name_that_looks_like_a_code_hides_nothing_else() -> None:
    text = "eve?code=e invites you. https://registry.example/confirminvite?code=" + "A" * 48

    assert without_codes(text) == text.replace("A" * 48, "(hidden)")

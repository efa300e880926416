"""Addresses that agree to take notifications: asked by mail, agreeing on a page, known to administrators."""

import asyncio

from starlette.applications import Starlette

from resolvers.accounts.namespace import Owner
from resolvers.job_kinds import KINDS, Run, Tools
from resolvers.mail import HIDDEN, without_codes
from resolvers.repositories import authorized_email
from resolvers.repositories.authorized_email import ADDRESSES, agreed
from storage.statements import execute, fetch
from tests.browser import PASSWORD, Browser, browsing
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.quayside.pages.account.asking import last_code, mails, payload

PATH = "/api/v1/repository/ada/app/authorizedemail"
STATE = {"email": "crew@example.com", "repository": "app", "namespace": "ada"}


async def state(browser: Browser, email: str = "crew@example.com") -> object:
    answer = await browser.http.get(f"{PATH}/{email}")
    return answer.json() if answer.status_code == 200 else answer.status_code


async def test_an_address_agrees_on_the_page_of_the_mail(ada: Browser, factory: Factory) -> None:
    await factory.repository("ada/app")
    assert await state(ada) == 404
    asked = await ada.post(f"{PATH}/crew@example.com")
    assert (asked.status_code, asked.json()) == (200, STATE | {"confirmed": False})
    assert await state(ada, "CREW@Example.com") == STATE | {"confirmed": False}
    (mail,) = await mails()
    code = await last_code()
    assert mail == {
        "recipient": "crew@example.com",
        "subject": "Notifications of the repository ada/app",
        "body": (
            "ada asks whether this address may get notifications of the repository ada/app\n"
            f"on {factory.site.registry_host}.\n\nTo agree, open this page within three days:\n\n"
            f"{factory.site.public_url}/authrepoemail?code={code}\n\n"
            "If you do nothing, no notifications are sent.\n"
        ),
    }

    page = await ada.http.get("/authrepoemail", params={"code": code})
    assert (page.status_code, 'action="/authrepoemail"' in page.text, code in page.text) == (200, True, True)
    assert await state(ada) == STATE | {"confirmed": False}
    uses = await asyncio.gather(*(ada.http.post("/authrepoemail", data={"code": code}) for _ in range(3)))
    assert sorted(answer.status_code for answer in uses) == [200, 400, 400]
    shown = next(answer for answer in uses if answer.status_code == 200)
    thanks = "crew@example.com may get notifications of the repository ada/app from now on."
    assert thanks in shown.text
    assert await state(ada) == STATE | {"confirmed": True}
    # It is not asked again, and keeps what it agreed to.
    assert (await ada.post(f"{PATH}/Crew@example.com")).json() == STATE | {"confirmed": True}
    assert len(await mails()) == 1

    removed = await payload(
        ada,
        'authorizedEmailDelete(owner: { repository: "ada/app" }, email: "CREW@example.com") {'
        " email errors { code } }",
    )
    assert removed == {"email": "crew@example.com", "errors": []}
    assert await state(ada) == 404


async def test_what_is_asked_again_or_not_answered(
    app: Starlette, ada: Browser, factory: Factory, clock: Clock
) -> None:
    await factory.repository("ada/app")
    await ada.post(f"{PATH}/crew@example.com")
    first = await last_code()
    await ada.post(f"{PATH}/crew@example.com")
    assert len(await mails()) == 1
    clock.move(120)
    await ada.post(f"{PATH}/crew@example.com")
    second = await last_code()
    assert (len(await mails()), first != second) == (2, True)
    assert (await ada.http.post("/authrepoemail", data={"code": first})).status_code == 400
    clock.move(72 * 3_600 + 1)
    late = await ada.http.post("/authrepoemail", data={"code": second})
    assert (late.status_code, "unknown, expired or already used" in late.text) == (400, True)
    await KINDS["authorized_email.forget"].handler(Run({}, Tools(factory.context())))
    assert await fetch("SELECT id FROM authorized_email") == []

    # A repository that was deleted takes nobody's agreement any more.
    await authorized_email.request(await factory.as_account("ada"), Owner(repository="ada/app"), "a@b.cd")
    third = await last_code()
    await payload(ada, 'repositoryDelete(repository: "ada/app") { errors { code } }')
    assert (await ada.http.post("/authrepoemail", data={"code": third})).status_code == 400


async def test_namespaces_have_addresses_of_their_own_and_all_are_bounded(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.repository("ada/app")
    await factory.organization("acme", owner="ada")
    context = await factory.as_account("ada")
    for owner, name in ((Owner(namespace="acme"), "the namespace acme"), (Owner(), "the namespace ada")):
        await authorized_email.request(context, owner, "crew@example.com")
        assert (await mails())[-1]["subject"] == f"Notifications of {name}"
        thanks = await ada.http.post("/authrepoemail", data={"code": await last_code()})
        assert f"notifications of {name} from now on" in thanks.text
        place = await ADDRESSES.place(context, owner)
        found = await agreed(place, "Crew@example.com")
        assert found is not None
        assert found.email == "crew@example.com"
        assert await agreed(place, "a@b.cd") is None
    assert (
        await agreed(await ADDRESSES.place(context, Owner(repository="ada/app")), "crew@example.com") is None
    )
    shown = await ada.graphql(
        '{ namespace(name: "acme") { authorizedEmails { nodes { email isConfirmed repository { path } } }'
        ' authorizedEmail(email: "none@example.com") { email } } }'
    )
    assert shown["namespace"] == {
        "authorizedEmails": {
            "nodes": [{"email": "crew@example.com", "isConfirmed": True, "repository": None}]
        },
        "authorizedEmail": None,
    }

    await execute(
        "INSERT INTO authorized_email (namespace_id, repository_id, email, email_key, asked_at_ms)"
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
        " SELECT r.namespace_id, r.id, 'x' || n.i, 'x' || n.i, 1 FROM repository r, n"
    )
    full = await ada.post(f"{PATH}/crew@example.com")
    assert (full.status_code, "100 addresses" in full.text) == (429, True)


async def test_others_neither_ask_nor_learn(app: Starlette, ada: Browser, factory: Factory) -> None:
    await factory.repository("ada/app")
    await factory.user("eve", password=PASSWORD)
    await ada.post(f"{PATH}/crew@example.com")
    async with browsing(app) as eve:
        assert await state(eve) == 401
        await eve.sign_in("eve")
        for email in ("crew@example.com", "none@example.com"):
            assert await state(eve, email) == 403
        assert (await eve.post(f"{PATH}/crew@example.com")).status_code == 403
    assert len(await mails()) == 1
    assert (await ada.post(f"{PATH}/nowhere")).status_code == 400
    assert (await ada.post("/api/v1/repository/ada/none/authorizedemail/a@b.cd")).status_code == 404


async def test_a_link_in_each_notification_takes_the_agreement_back(
    app: Starlette, ada: Browser, factory: Factory
) -> None:
    await factory.repository("ada/app")
    context = await factory.as_account("ada")
    await authorized_email.request(context, Owner(repository="ada/app"), "crew@example.com")
    agreement = await authorized_email.confirm(context, await last_code())
    link = authorized_email.stop_link(context, agreement.record)
    path, _, code = link.removeprefix(factory.site.public_url).partition("?code=")

    async with browsing(app) as browser:
        page = await browser.http.get(path, params={"code": code})
        assert (page.status_code, f'action="{path}"' in page.text, code in page.text) == (200, True, True)
        assert await state(ada) == STATE | {"confirmed": True}
        # What the registry encrypted for another purpose is no such code.
        for wrong in ("x", "é", "", context.secrets.encrypt(str(agreement.record.id))):
            assert (await browser.http.post(path, data={"code": wrong})).status_code == 400
        stopped = await browser.http.post(path, data={"code": code})
        again = await browser.http.post(path, data={"code": code})
    assert "crew@example.com gets no more notifications of the repository ada/app." in stopped.text
    assert (stopped.status_code, again.status_code) == (200, 400)
    assert await state(ada) == 404
    # The outbox shows no code to superusers.
    assert without_codes(link) == f"{factory.site.public_url}{path}?code={HIDDEN}"

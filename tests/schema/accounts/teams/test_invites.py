"""Invitations into teams: accepted, declined, withdrawn, and used up."""

import asyncio
from typing import Any

import pytest

from resolvers.accounts import invite
from resolvers.accounts.invite import RESEND_AFTER_MS, InviteReference
from resolvers.errors import QuaysideError
from resolvers.pages import Page
from storage.statements import execute, fetch
from tests import state
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.accounts.teams.documents import ADD, EXPEL, INVITE, REMOVE, kinds, subjects
from tests.schema.client import GraphQL, Json

INVITES = """{ viewer { teamInvites { totalCount nodes {
  id teamName organization { name } inviter { name } } } } }"""
ACCEPT = """mutation ($invite: TeamInviteInput!) { teamInviteAccept(invite: $invite) {
  team { name } errors { code field message } } }"""
DECLINE = """mutation ($invite: TeamInviteInput!) { teamInviteDecline(invite: $invite) {
  teamName errors { code field message } } }"""


async def codes() -> list[str]:
    """The codes of all invitations that were mailed, oldest first."""
    rows = await fetch("SELECT body FROM mail ORDER BY id")
    return [row["body"].partition("The code of the invitation is ")[2].partition(".")[0] for row in rows]


async def the_invite(client: GraphQL) -> Json:
    """The one invitation of a viewer."""
    data = await client.data(INVITES)
    (found,) = data["viewer"]["teamInvites"]["nodes"]
    return dict(found)


async def test_a_user_accepts_an_invitation_without_its_mail(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(ADD, team="crew", account="bob")
    bob = owner.with_token(await factory.token("bob"))
    invited = await the_invite(bob)
    identity = invited.pop("id")
    assert invited == {"teamName": "crew", "organization": {"name": "acme"}, "inviter": {"name": "ada"}}

    payload = await bob.payload(ACCEPT, invite={"id": identity})

    assert payload["team"] == {"name": "crew"}
    assert await subjects(owner) == ["bob"]
    assert await bob.data(INVITES) == {"viewer": {"teamInvites": {"totalCount": 0, "nodes": []}}}
    assert await bob.payload_error(ACCEPT, invite={"id": identity}) == ("NOT_FOUND", "invite")
    assert await kinds() == ["org_invite_team_member", "org_team_member_invite_accepted"]


async def test_an_invitation_of_a_user_is_refused_to_another(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(ADD, team="crew", account="bob")
    cyd = owner.with_token(await factory.token("cyd"))
    identity = (await the_invite(owner.with_token(await factory.token("bob"))))["id"]
    (code,) = await codes()
    before = await state.dump()

    for document in (ACCEPT, DECLINE):
        assert await cyd.payload_error(document, invite={"id": identity}) == ("NOT_FOUND", "invite")
        assert await cyd.payload_error(document, invite={"code": code}) == ("INVALID", "invite")

    assert await state.dump() == before


async def test_an_invitation_is_declined_once(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(ADD, team="crew", account="bob")
    bob = owner.with_token(await factory.token("bob"))
    (code,) = await codes()

    assert (await bob.payload(DECLINE, invite={"code": code}))["teamName"] == "crew"

    assert await subjects(owner) == []
    assert await bob.payload_error(DECLINE, invite={"code": code}) == ("NOT_FOUND", "invite")
    assert await kinds() == ["org_invite_team_member", "org_team_member_invite_declined"]


async def test_the_code_in_the_mail_accepts_an_invitation_of_an_address(
    owner: GraphQL, factory: Factory
) -> None:
    payload = await owner.payload(INVITE, email="Robin@work.example")
    assert payload["address"] == {"email": "Robin@work.example", "avatar": {"kind": "USER"}}
    assert await subjects(owner) == ["Robin@work.example?"]
    (code,) = await codes()
    # Only its hash is kept beside the mail.
    assert all(code not in str(row) for row in await fetch("SELECT * FROM team_invite"))

    bob = owner.with_token(await factory.token("bob"))
    await bob.payload(ACCEPT, invite={"code": code})

    assert await subjects(owner) == ["bob"]
    cyd = owner.with_token(await factory.token("cyd"))
    assert await cyd.payload_error(ACCEPT, invite={"code": code}) == ("NOT_FOUND", "invite")


async def test_of_concurrent_uses_of_one_code_one_joins(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(INVITE, email="robin@work.example")
    (code,) = await codes()
    contexts = [await factory.as_account(name) for name in ("bob", "cyd") for _ in range(5)]

    found = await asyncio.gather(
        *(invite.accept(context, InviteReference(code=code)) for context in contexts),
        return_exceptions=True,
    )

    assert sum(not isinstance(one, BaseException) for one in found) == 1
    assert all(isinstance(one, QuaysideError) for one in found if isinstance(one, BaseException))
    assert len(await subjects(owner)) == 1


async def test_inviting_again_is_rate_limited_and_replaces_the_code(owner: GraphQL, factory: Factory) -> None:
    for _ in range(3):
        await owner.payload(INVITE, email="robin@work.example")
    assert len(await codes()) == 1

    await execute("UPDATE team_invite SET created_at_ms = created_at_ms - ?", RESEND_AFTER_MS)
    await owner.payload(INVITE, email="robin@work.example")

    old, new = await codes()
    assert await subjects(owner) == ["robin@work.example?"]
    bob = owner.with_token(await factory.token("bob"))
    assert await bob.payload_error(ACCEPT, invite={"code": old}) == ("NOT_FOUND", "invite")
    await bob.payload(ACCEPT, invite={"code": new})


async def test_an_invitation_is_withdrawn(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(INVITE, email="robin@work.example")
    await owner.payload(ADD, team="crew", account="bob")
    robin, bob = await codes()

    await owner.payload(REMOVE, team="crew", account="bob")
    await owner.payload(
        """mutation { teamInviteDelete(organization: "acme", team: "crew", email: "robin@work.example") {
          email errors { code } } }"""
    )

    assert await subjects(owner) == []
    client = owner.with_token(await factory.token("bob"))
    for code in (robin, bob):
        assert await client.payload_error(ACCEPT, invite={"code": code}) == ("NOT_FOUND", "invite")
    assert await kinds() == [
        "org_invite_team_member",
        "org_invite_team_member",
        "org_delete_team_member_invite",
        "org_delete_team_member_invite",
    ]


@pytest.mark.parametrize(("document", "variables"), [(REMOVE, {"team": "crew"}), (EXPEL, {})])
async def test_a_removed_member_cannot_rejoin_by_an_older_code(
    document: str, variables: dict[str, str], owner: GraphQL, factory: Factory
) -> None:
    (row,) = await fetch("SELECT email FROM account WHERE name = 'bob'")
    await owner.payload(INVITE, email=row["email"].title())
    await owner.payload(INVITE, email="robin@work.example")
    await owner.payload(ADD, team="crew", account="bob")
    own, of_another, joining = await codes()
    bob = owner.with_token(await factory.token("bob"))
    await bob.payload(ACCEPT, invite={"code": joining})

    await owner.payload(document, account="bob", **variables)

    assert await bob.payload_error(ACCEPT, invite={"code": own}) == ("NOT_FOUND", "invite")
    assert await subjects(owner) == ["robin@work.example?"]
    await owner.payload(INVITE, email=row["email"])
    await bob.payload(ACCEPT, invite={"code": (await codes())[-1]})
    assert await subjects(owner) == ["bob", "robin@work.example?"]
    cyd = owner.with_token(await factory.token("cyd"))
    await cyd.payload(ACCEPT, invite={"code": of_another})


@pytest.mark.parametrize("given", [{}, {"id": "x", "code": "x"}, {"code": None}])
async def test_an_invitation_is_named_by_id_or_by_code(given: dict[str, Any], owner: GraphQL) -> None:
    answer = await owner.answer(ACCEPT, invite=given)

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}


async def test_a_viewer_without_user_read_sees_no_invitations(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(ADD, team="crew", account="bob")
    token = await factory.token("bob", frozenset(scope for scope in EVERY_SCOPE if "user" not in scope.value))
    bob = owner.with_token(token)

    assert await bob.refusal("{ viewer { teamInvites { totalCount } } }") == "FORBIDDEN"
    found = await invite.of_viewer(await factory.as_account("bob"), Page())
    assert len(found.items) == 1

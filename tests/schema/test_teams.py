"""Teams, who is in them, and who is invited."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from resolvers import invite, membership, team
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.errors import QuaysideError
from resolvers.grantee import GranteeKind
from resolvers.invite import AGAIN_AFTER_MS, InviteReference
from resolvers.pages import Page
from storage.statements import count_statements, execute, fetch
from tests import state
from tests.factories import EVERY_SCOPE, Factory
from tests.schema.client import GraphQL, Json

TEAM = """query ($team: String!) { organization(name: "acme") { team(name: $team) {
  name role description memberCount repositoryCount viewerCanView viewerCanAdminister
  avatar { name kind } organization { name } } } }"""
MEMBERS = """query ($first: Int!, $after: Cursor, $invited: Boolean!) {
  organization(name: "acme") { team(name: "crew") { members(
    first: $first, after: $after, includeInvited: $invited
  ) { totalCount pageInfo { nextCursor } nodes { isInvited inviter { name } subject {
    __typename ... on User { name } ... on Robot { name } ... on InvitedAddress { email } } } } } } }"""
PEOPLE = """query ($first: Int!) { organization(name: "acme") {
  members(first: $first) { nodes {
    account { name } teams { nodes { name } } repositories { nodes { name } } } }
  collaborators(first: $first) { nodes { account { name } repositories { nodes { name } } } } } }"""
ADD = """mutation ($team: String!, $account: String!) {
  teamMemberAdd(organization: "acme", team: $team, account: $account) {
    account { name } isInvited errors { code field message } } }"""
REMOVE = """mutation ($team: String!, $account: String!) {
  teamMemberRemove(organization: "acme", team: $team, account: $account) {
    name errors { code field message } } }"""
EXPEL = """mutation ($account: String!) {
  organizationMemberRemove(organization: "acme", account: $account) {
    name errors { code field message } } }"""
INVITE = """mutation ($email: String!) {
  teamInviteCreate(organization: "acme", team: "crew", email: $email) {
    address { email avatar { kind } } errors { code field message } } }"""
INVITES = """{ viewer { teamInvites { totalCount nodes {
  id teamName organization { name } inviter { name } } } } }"""
ACCEPT = """mutation ($invite: TeamInviteInput!) { teamInviteAccept(invite: $invite) {
  team { name } errors { code field message } } }"""
DECLINE = """mutation ($invite: TeamInviteInput!) { teamInviteDecline(invite: $invite) {
  teamName errors { code field message } } }"""


@pytest.fixture
async def owner(ada: GraphQL, factory: Factory) -> GraphQL:
    """`ada`, who owns acme with its team `crew`; `bob` and `cyd` have accounts."""
    for name in ("bob", "cyd"):
        await factory.user(name)
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER)
    return ada


async def subjects(client: GraphQL, *, invited: bool = True) -> list[str]:
    """Who is in `crew`, and with a question mark who is invited."""
    data = await client.data(MEMBERS, first=100, after=None, invited=invited)
    nodes = data["organization"]["team"]["members"]["nodes"]
    return [(row["subject"].get("name") or row["subject"]["email"]) + "?" * row["isInvited"] for row in nodes]


async def epoch(name: str) -> int:
    """What registry tokens of an account, or for a namespace, are compared with."""
    (row,) = await fetch("SELECT auth_epoch FROM account WHERE name = ?", name)
    return int(row["auth_epoch"])


async def codes() -> list[str]:
    """The codes of all invitations that were mailed, oldest first."""
    rows = await fetch("SELECT body FROM mail ORDER BY id")
    return [row["body"].partition("The code of the invitation is ")[2].partition(".")[0] for row in rows]


async def kinds() -> list[str]:
    """What happened with teams, in order."""
    rows = await fetch("SELECT kind FROM event WHERE kind LIKE 'org_%' ORDER BY id")
    return [row["kind"] for row in rows if row["kind"] != "org_create"]


async def test_a_team_is_created_changed_and_deleted(owner: GraphQL) -> None:
    created = await owner.payload(
        """mutation { teamCreate(organization: "acme", input: { name: "makers", role: CREATOR }) {
          team { name role description memberCount } errors { code } } }"""
    )
    assert created["team"] == {"name": "makers", "role": "CREATOR", "description": "", "memberCount": 0}

    await owner.payload(
        """mutation { teamUpdate(organization: "acme", team: "makers", input: { description: "# Hands" }) {
          team { name } errors { code } } }"""
    )
    data = await owner.data(TEAM, team="makers")
    assert data["organization"]["team"] == {
        "name": "makers",
        "role": "CREATOR",
        "description": "# Hands",
        "memberCount": 0,
        "repositoryCount": 0,
        "viewerCanView": True,
        "viewerCanAdminister": True,
        "avatar": {"name": "makers", "kind": "TEAM"},
        "organization": {"name": "acme"},
    }

    await owner.payload(
        'mutation { teamDelete(organization: "acme", team: "makers") { name errors { code } } }'
    )
    assert await owner.data(TEAM, team="makers") == {"organization": {"team": None}}
    assert await kinds() == ["org_create_team", "org_set_team_description", "org_delete_team"]


async def test_setting_a_team_creates_it_or_changes_what_is_given(owner: GraphQL) -> None:
    document = """mutation ($input: TeamSetInput!) {
      teamSet(organization: "acme", team: "t1", input: $input) {
        isNew team { role description } errors { code } } }"""

    first = await owner.payload(document, input={"role": "CREATOR", "description": "x"})
    second = await owner.payload(document, input={"role": "MEMBER"})
    await owner.payload(document, input={"role": "MEMBER"})

    assert (first["isNew"], first["team"]) == (True, {"role": "CREATOR", "description": "x"})
    assert (second["isNew"], second["team"]) == (False, {"role": "MEMBER", "description": "x"})
    assert await kinds() == ["org_create_team", "org_set_team_role"]


async def test_the_owner_is_told_of_a_role_that_nobody_would_have(owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    document = 'mutation { teamDelete(organization: "acme", team: "owners") { name errors { message } } }'

    # bob would still administer, but not the one who asks
    data = await owner.data(document)
    assert data["teamDelete"]["errors"] == [{"message": "You would no longer administer 'acme'."}]

    # while for bob the team is no more than another
    bob = owner.with_token(await factory.token("bob"))
    assert (await bob.data(document))["teamDelete"] == {"name": "owners", "errors": []}
    assert (await owner.answer(TEAM, team="admins"))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("account", ["robot", "disabled"])
async def test_only_people_who_can_sign_in_administer(account: str, owner: GraphQL, factory: Factory) -> None:
    await factory.robot("acme+bot", by="ada")
    await factory.team("acme", "admins", TeamRole.ADMIN, ["acme+bot" if account == "robot" else "bob"])
    await execute("UPDATE account SET is_enabled = ? WHERE name = 'bob'", False)

    assert await owner.payload_error(EXPEL, account="ada") == ("INVALID", "account")
    assert await owner.payload_error(REMOVE, team="owners", account="ada") == ("INVALID", "account")


async def test_two_administrators_cannot_remove_each_other(owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    contexts = [await factory.as_account(name) for name in ("ada", "bob")]

    found = await asyncio.gather(
        membership.remove_from_organization(contexts[0], "acme", "bob"),
        membership.remove_from_organization(contexts[1], "acme", "ada"),
        return_exceptions=True,
    )

    assert sum(isinstance(one, QuaysideError) for one in found) == 1
    (left,) = await fetch(
        "SELECT COUNT(*) AS n FROM team_member m JOIN team t ON t.id = m.team_id WHERE t.role = 'admin'"
    )
    assert left["n"] == 1


async def test_twenty_callers_make_one_team(owner: GraphQL, factory: Factory) -> None:
    context = await factory.as_account("ada")

    made = await asyncio.gather(
        *(team.put(context, "acme", "many", role=TeamRole.MEMBER, description=str(n)) for n in range(20))
    )

    assert sorted(is_new for _, is_new in made) == [False] * 19 + [True]
    assert len({record.id for record, _ in made}) == 1


async def test_people_from_outside_are_invited_and_others_added(owner: GraphQL, factory: Factory) -> None:
    await factory.robot("acme+bot", by="ada")
    await factory.team("acme", "makers", TeamRole.CREATOR, ["cyd"])

    added = {
        name: (await owner.payload(ADD, team="crew", account=name))["isInvited"]
        for name in ("bob", "cyd", "acme+bot")
    }

    assert added == {"bob": True, "cyd": False, "acme+bot": False}
    assert await subjects(owner) == ["cyd", "acme+bot", "bob?"]
    assert await subjects(owner, invited=False) == ["cyd", "acme+bot"]
    assert await kinds() == ["org_invite_team_member", "org_add_team_member", "org_add_team_member"]
    # The invitation is no membership yet.
    bob = owner.with_token(await factory.token("bob"))
    assert await bob.refusal(TEAM, team="crew") == "FORBIDDEN"


@pytest.mark.parametrize("flag", ["REQUIRE_TEAM_INVITE", "MAILING"])
async def test_without_invitations_everybody_is_added(flag: str, owner: GraphQL, factory: Factory) -> None:
    context = await factory.without_features(flag).as_account("ada")

    _, is_invited = await membership.add(context, "acme", "crew", "bob")

    assert not is_invited
    assert await subjects(owner) == ["bob"]


async def test_members_see_each_other_but_not_who_is_invited(owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "makers", TeamRole.CREATOR, ["cyd"])
    await owner.payload(ADD, team="crew", account="cyd")
    await owner.payload(ADD, team="crew", account="bob")
    cyd = owner.with_token(await factory.token("cyd"))

    assert await subjects(cyd) == ["cyd"]
    data = await cyd.data(TEAM, team="crew")
    shown = data["organization"]["team"]
    assert (shown["viewerCanView"], shown["viewerCanAdminister"]) == (True, False)


async def test_the_list_of_a_team_is_paged_across_members_and_invitations(
    owner: GraphQL, factory: Factory
) -> None:
    names = [f"user{number}" for number in range(4)]
    for name in names:
        await factory.user(name)
    await factory.team("acme", "makers", TeamRole.CREATOR, names[:2])
    for name in (*names, "bob"):
        await owner.payload(ADD, team="crew", account=name)
    await owner.payload(INVITE, email="eve@example.com")

    seen: list[str] = []
    after = None
    while True:
        data = await owner.data(MEMBERS, first=2, after=after, invited=True)
        found = data["organization"]["team"]["members"]
        assert found["totalCount"] == 6
        seen += [row["subject"].get("name") or row["subject"]["email"] for row in found["nodes"]]
        after = found["pageInfo"]["nextCursor"]
        if after is None:
            break

    assert seen == [*names, "bob", "eve@example.com"]


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


async def test_an_invitation_for_a_user_is_of_no_use_to_another(owner: GraphQL, factory: Factory) -> None:
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


async def test_whoever_reads_the_mail_accepts_for_an_address(owner: GraphQL, factory: Factory) -> None:
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


async def test_of_many_who_use_one_code_at_once_one_joins(owner: GraphQL, factory: Factory) -> None:
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


async def test_inviting_again_sends_a_new_code_after_a_while_and_ends_the_old_one(
    owner: GraphQL, factory: Factory
) -> None:
    for _ in range(3):
        await owner.payload(INVITE, email="robin@work.example")
    assert len(await codes()) == 1

    await execute("UPDATE team_invite SET created_at_ms = created_at_ms - ?", AGAIN_AFTER_MS)
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


@pytest.mark.parametrize("given", [{}, {"id": "x", "code": "x"}, {"code": None}])
async def test_exactly_one_way_to_name_an_invitation(given: dict[str, Any], owner: GraphQL) -> None:
    answer = await owner.answer(ACCEPT, invite=given)

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}


async def test_members_and_collaborators_with_what_they_have(owner: GraphQL, factory: Factory) -> None:
    for name in ("app", "tool"):
        await factory.repository(f"acme/{name}", by="ada")
    await factory.repository("ada/own")
    await factory.team("acme", "makers", TeamRole.CREATOR, ["bob"])
    await owner.payload(ADD, team="crew", account="bob")
    await factory.robot("acme+bot", by="ada")
    await owner.payload(ADD, team="crew", account="acme+bot")
    for path, name in (
        ("acme/app", "cyd"),
        ("acme/tool", "bob"),
        ("ada/own", "cyd"),
        ("acme/app", "acme+bot"),
    ):
        await factory.grant(path, name, RepositoryRole.READ, by="ada")

    data = await owner.data(PEOPLE, first=50)

    def listed(rows: list[Json]) -> list[Any]:
        return [
            (
                row["account"]["name"],
                *(
                    [one["name"] for one in row[key]["nodes"]]
                    for key in ("teams", "repositories")
                    if key in row
                ),
            )
            for row in rows
        ]

    assert listed(data["organization"]["members"]["nodes"]) == [
        ("ada", ["owners"], ["app", "tool"]),
        ("bob", ["crew", "makers"], ["tool"]),
    ]
    assert listed(data["organization"]["collaborators"]["nodes"]) == [("cyd", ["app"])]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bob", True),
        ("acme+bot", True),
        ("cyd", False),
        ("ada+bot", False),
        ("acme", False),
        ("nobody", False),
    ],
)
async def test_one_member_by_name(name: str, found: bool, owner: GraphQL, factory: Factory) -> None:
    await factory.team("acme", "makers", TeamRole.CREATOR, ["bob"])
    for robot in ("acme+bot", "ada+bot"):
        await factory.robot(robot, by="ada")

    data = await owner.data(
        'query ($n: String!) { organization(name: "acme") { member(name: $n) { account { name } } } }', n=name
    )

    assert data["organization"]["member"] == ({"account": {"name": name}} if found else None)


async def test_whoever_leaves_an_organization_keeps_nothing_there(owner: GraphQL, factory: Factory) -> None:
    # given bob with everything that one can have, in two organizations
    for organization in ("acme", "other"):
        if organization == "other":
            await factory.organization(organization, owner="ada")
        await factory.team(organization, "makers", TeamRole.CREATOR, ["bob"])
        await factory.team(organization, "admins", TeamRole.ADMIN, ["bob"])
        await factory.repository(f"{organization}/app", by="ada")
        await factory.grant(f"{organization}/app", "bob", RepositoryRole.ADMIN, by="ada")
    await factory.grant("acme/app", "cyd", RepositoryRole.READ, by="ada")
    before = await epoch("bob")

    # when he is removed from one, and once more
    for _ in range(2):
        assert (await owner.payload(EXPEL, account="bob"))["name"] == "bob"

    # then there he has nothing, and elsewhere all
    rows = await fetch(
        "SELECT o.name AS name FROM team_member m JOIN team t ON t.id = m.team_id"
        " JOIN account o ON o.id = t.organization_id JOIN account a ON a.id = m.account_id"
        " WHERE a.name = 'bob'"
    )
    assert [row["name"] for row in rows] == ["other", "other"]
    rows = await fetch(
        "SELECT n.name AS namespace, a.name AS name FROM repository_permission p"
        " JOIN repository r ON r.id = p.repository_id JOIN account n ON n.id = r.namespace_id"
        " JOIN account a ON a.id = p.account_id WHERE a.name <> 'ada' ORDER BY p.id"
    )
    assert [(row["namespace"], row["name"]) for row in rows] == [("other", "bob"), ("acme", "cyd")]
    # and his registry tokens ended, the second time being nothing to end
    assert await epoch("bob") == before + 1


CHANGES: dict[str, tuple[str, Callable[[GraphQL], Any]]] = {
    "leaves the team": ("bob", lambda owner: owner.payload(REMOVE, team="admins", account="bob")),
    "leaves the organization": ("bob", lambda owner: owner.payload(EXPEL, account="bob")),
    "the team loses its role": (
        "acme",
        lambda owner: owner.payload(
            """mutation { teamSet(organization: "acme", team: "admins", input: { role: MEMBER }) {
              errors { code } } }"""
        ),
    ),
    "the team is deleted": (
        "acme",
        lambda owner: owner.payload(
            'mutation { teamDelete(organization: "acme", team: "admins") { errors { code } } }'
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_registry_tokens_end_with_the_right_that_they_carry(
    change: str, owner: GraphQL, factory: Factory
) -> None:
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    ended, make = CHANGES[change]
    before = {name: await epoch(name) for name in ("ada", "bob", "acme")}

    await make(owner)

    grown = {name: await epoch(name) - count for name, count in before.items()}
    assert grown == {name: int(name == ended) for name in before}


async def test_a_refused_removal_leaves_tokens_and_members_alone(owner: GraphQL) -> None:
    before = await state.dump()

    await owner.payload_error(REMOVE, team="owners", account="ada")
    await owner.payload_error(EXPEL, account="ada")

    assert await state.dump() == before


async def test_a_team_of_another_organization_is_not_found(owner: GraphQL, factory: Factory) -> None:
    await factory.organization("other", owner="ada")
    await factory.team("other", "others", TeamRole.MEMBER, ["bob"])
    before = await state.dump()

    assert await owner.data(TEAM, team="others") == {"organization": {"team": None}}
    assert await owner.payload_error(ADD, team="others", account="cyd") == ("NOT_FOUND", "team")
    assert await owner.payload_error(REMOVE, team="others", account="bob") == ("NOT_FOUND", "team")

    assert await state.dump() == before


async def test_the_repositories_of_a_team(owner: GraphQL, factory: Factory) -> None:
    for name, role in (
        ("web", RepositoryRole.WRITE),
        ("app", RepositoryRole.READ),
        ("gone", RepositoryRole.ADMIN),
    ):
        await factory.repository(f"acme/{name}", by="ada")
        await factory.grant(f"acme/{name}", "crew", role, kind=GranteeKind.TEAM, by="ada")
    await owner.payload('mutation { repositoryDelete(repository: "acme/gone") { errors { code } } }')

    data = await owner.data(
        """{ organization(name: "acme") { team(name: "crew") {
          permissions { totalCount nodes { role repository { path } } } } } }"""
    )

    assert data["organization"]["team"]["permissions"] == {
        "totalCount": 2,
        "nodes": [
            {"role": "WRITE", "repository": {"path": "acme/web"}},
            {"role": "READ", "repository": {"path": "acme/app"}},
        ],
    }


async def test_lists_of_people_cost_the_same_however_long(owner: GraphQL, factory: Factory) -> None:
    async def statements(document: str, **variables: Any) -> int:
        with count_statements() as count:
            await owner.data(document, **variables)
        return len(count.statements)

    async def fill(first: int, last: int) -> None:
        for number in range(first, last):
            for name in (f"mate{number}", f"guest{number}"):
                await factory.user(name)
            await factory.team("acme", f"team{number}", TeamRole.MEMBER, [f"mate{number}"])
            await owner.payload(ADD, team="crew", account=f"mate{number}")
            await factory.repository(f"acme/app{number}", by="ada")
            for name in (f"mate{number}", f"guest{number}"):
                await factory.grant(f"acme/app{number}", name, RepositoryRole.READ, by="ada")

    await fill(0, 2)
    few = [
        await statements(PEOPLE, first=50),
        await statements(MEMBERS, first=100, after=None, invited=True),
    ]
    await fill(2, 25)
    many = [
        await statements(PEOPLE, first=50),
        await statements(MEMBERS, first=100, after=None, invited=True),
    ]

    assert many == few
    assert max(many) <= 14


async def test_a_viewer_without_user_read_sees_no_invitations(owner: GraphQL, factory: Factory) -> None:
    await owner.payload(ADD, team="crew", account="bob")
    token = await factory.token("bob", frozenset(scope for scope in EVERY_SCOPE if "user" not in scope.value))
    bob = owner.with_token(token)

    assert await bob.refusal("{ viewer { teamInvites { totalCount } } }") == "FORBIDDEN"
    found = await invite.of_viewer(await factory.as_account("bob"), Page())
    assert len(found.items) == 1

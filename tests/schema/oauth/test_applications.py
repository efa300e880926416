"""OAuth applications of an organization, their tokens, and token assignments."""

import pytest

from resolvers.access.credentials import bearer_viewer
from resolvers.access.roles import TeamRole
from resolvers.access.scopes import Scope
from resolvers.errors import InvalidCredentials
from storage.statements import count_statements, execute, fetch
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import dump

ALL = "clientId name description applicationUri clientSecret redirectUri avatarEmail viewerCanAdminister"
CREATE = f"""mutation ($organization: String! = "acme", $input: ApplicationCreateInput!) {{
  applicationCreate(organization: $organization, input: $input) {{
    application {{ {ALL} }} errors {{ code field message }} }} }}"""
UPDATE = f"""mutation ($organization: String! = "acme", $id: String!, $input: ApplicationUpdateInput!) {{
  applicationUpdate(organization: $organization, clientId: $id, input: $input) {{
    application {{ {ALL} }} errors {{ code field message }} }} }}"""
DELETE = """mutation ($organization: String! = "acme", $id: String!) {
  applicationDelete(organization: $organization, clientId: $id) {
    clientId errors { code field message } } }"""
RESET = """mutation ($organization: String! = "acme", $id: String!) {
  applicationSecretReset(organization: $organization, clientId: $id) {
    application { clientSecret } errors { code field message } } }"""
TOKEN = """mutation ($organization: String! = "acme", $id: String!, $scope: String!, $title: String! = "ci",
  $lifetime: Int) {
  applicationTokenCreate(organization: $organization, clientId: $id,
    input: { title: $title, scope: $scope, lifetimeS: $lifetime }) {
    secret accessToken { uuid title scope createdAt expiresAt user { name } application { clientId } }
    errors { code field message } } }"""
TOKEN_REVOKE = """mutation ($organization: String! = "acme", $id: String!, $uuid: String!) {
  applicationTokenRevoke(organization: $organization, clientId: $id, uuid: $uuid) {
    uuid errors { code field message } } }"""
ASSIGN = """mutation ($organization: String! = "acme", $id: String!, $username: String!, $scope: String!,
  $uri: String, $type: String! = "token") {
  tokenAssignmentCreate(organization: $organization, clientId: $id,
    input: { username: $username, scope: $scope, redirectUri: $uri, responseType: $type }) {
    tokenAssignment { uuid scope redirectUri responseType } errors { code field message } } }"""
DECLINE = (
    "mutation ($uuid: String!) { tokenAssignmentDelete(uuid: $uuid) { uuid errors { code field message } } }"
)
ONE = f'query ($id: String!) {{ organization(name: "acme") {{ application(clientId: $id) {{ {ALL} }} }} }}'
LIST = """query ($first: Int! = 50) { organization(name: "acme") { applications(first: $first) {
  nodes { clientId clientSecret organization { name } avatar { hash } accessTokens { nodes { title } } }
  totalCount } } }"""
PUBLIC = f"query ($id: String!) {{ application(clientId: $id) {{ {ALL} organization {{ name }} }} }}"
TOKENS = """query ($id: String!) { organization(name: "acme") { application(clientId: $id) {
  accessTokens { nodes { uuid title user { name } } } } } }"""


@pytest.fixture
async def acme(ada: GraphQL, factory: Factory) -> GraphQL:
    """A client of `ada`, who administers the organization `acme`."""
    await factory.organization("acme", owner="ada")
    return ada


async def made(client: GraphQL, **values: str) -> dict[str, str]:
    application: dict[str, str] = (
        await client.payload(
            CREATE, input={"name": "Helm", "redirectUri": "https://helm.example/cb"} | values
        )
    )["application"]
    return application


async def test_an_application_has_a_client_id_and_a_readable_secret(acme: GraphQL) -> None:
    application = await made(acme)

    assert (len(application["clientId"]), len(application["clientSecret"])) == (20, 40)
    assert (await acme.data(ONE, id=application["clientId"]))["organization"]["application"] == application
    assert application["clientSecret"] not in str(await fetch("SELECT * FROM application"))
    assert application == {
        "clientId": application["clientId"],
        "name": "Helm",
        "description": "",
        "applicationUri": "",
        "clientSecret": application["clientSecret"],
        "redirectUri": "https://helm.example/cb",
        "avatarEmail": None,
        "viewerCanAdminister": True,
    }


async def test_the_public_sees_an_application_without_its_secret(graphql: GraphQL, acme: GraphQL) -> None:
    application = await made(acme, avatarEmail="helm@example.com")

    assert (await graphql.data(PUBLIC, id=application["clientId"]))["application"] == {
        "clientId": application["clientId"],
        "name": "Helm",
        "description": "",
        "applicationUri": "",
        "clientSecret": None,
        "redirectUri": None,
        "avatarEmail": None,
        "viewerCanAdminister": False,
        "organization": {"name": "acme"},
    }
    assert (await graphql.data(PUBLIC, id="NONE"))["application"] is None
    query = f'{{ application(clientId: "{application["clientId"]}") {{ accessTokens {{ totalCount }} }} }}'
    assert await graphql.refusal(query) == "UNAUTHENTICATED"


async def test_values_left_out_of_a_change_stay(acme: GraphQL) -> None:
    application = await made(acme, description="Steers", avatarEmail="helm@example.com")

    changed = (await acme.payload(UPDATE, id=application["clientId"], input={"name": "Tiller"}))[
        "application"
    ]
    assert changed == application | {"name": "Tiller"}

    changed = await acme.payload(UPDATE, id=application["clientId"], input={"avatarEmail": None})
    assert changed["application"] == application | {"name": "Tiller", "avatarEmail": None}

    assert (await acme.payload(UPDATE, id=application["clientId"], input={}))["application"][
        "name"
    ] == "Tiller"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "n" * 256}, "name"),
        ({"name": "__quay_bootstrap_app"}, "name"),
        ({"description": "d" * 10_001}, "description"),
        ({"applicationUri": "u" * 2_001}, "applicationUri"),
        ({"redirectUri": "u" * 2_001}, "redirectUri"),
        ({"avatarEmail": "nobody"}, "avatarEmail"),
    ],
)
async def test_invalid_values_name_the_field_and_nothing_is_written(
    acme: GraphQL, values: dict[str, str], field: str
) -> None:
    application = await made(acme)
    before = await dump()

    created = await acme.payload_error(CREATE, input={"name": "Helm"} | values)
    updated = await acme.payload_error(UPDATE, id=application["clientId"], input=values)

    assert created == updated == ("INVALID", f"input.{field}")
    assert await dump() == before


async def test_a_new_secret_replaces_the_old_one(acme: GraphQL) -> None:
    application = await made(acme)

    reset = (await acme.payload(RESET, id=application["clientId"]))["application"]["clientSecret"]

    assert len(reset) == 40
    assert reset != application["clientSecret"]
    assert (await acme.data(ONE, id=application["clientId"]))["organization"]["application"][
        "clientSecret"
    ] == reset


async def test_deleting_an_application_revokes_its_tokens(acme: GraphQL, factory: Factory) -> None:
    application = await made(acme)
    secret = (await acme.payload(TOKEN, id=application["clientId"], scope="repo:read"))["secret"]
    assert (await bearer_viewer(secret, site=factory.site)).scopes == {Scope.REPO_READ}

    assert (await acme.payload(DELETE, id=application["clientId"]))["clientId"] == application["clientId"]

    with pytest.raises(InvalidCredentials):
        await bearer_viewer(secret, site=factory.site)
    assert await acme.payload_error(DELETE, id=application["clientId"]) == ("NOT_FOUND", "clientId")
    assert await acme.payload_error(RESET, id=application["clientId"]) == ("NOT_FOUND", "clientId")


async def test_deleting_the_organization_revokes_the_tokens_at_once(acme: GraphQL, factory: Factory) -> None:
    application = await made(acme)
    secret = (await acme.payload(TOKEN, id=application["clientId"], scope="repo:read"))["secret"]

    await acme.payload('mutation { organizationDelete(organization: "acme") { name errors { code } } }')

    with pytest.raises(InvalidCredentials):
        await bearer_viewer(secret, site=factory.site)
    assert (await acme.data(PUBLIC, id=application["clientId"]))["application"] is None


async def test_a_token_of_an_application_acts_for_its_creator(acme: GraphQL) -> None:
    application = await made(acme)

    payload = await acme.payload(
        TOKEN, id=application["clientId"], scope="repo:read,user:read", lifetime=3600
    )

    assert len(payload["secret"]) == 40
    token = payload["accessToken"]
    assert (token["title"], token["scope"], token["user"], token["application"]) == (
        "ci",
        "repo:read user:read",
        {"name": "ada"},
        {"clientId": application["clientId"]},
    )
    (row,) = await fetch(
        "SELECT expires_at_ms - created_at_ms AS lifetime_ms FROM access_token"
        " WHERE application_id IS NOT NULL"
    )
    assert row["lifetime_ms"] == 3_600_000
    assert payload["secret"] not in str(await fetch("SELECT * FROM access_token"))
    listed = (await acme.data(TOKENS, id=application["clientId"]))["organization"]["application"]
    assert listed["accessTokens"]["nodes"] == [
        {"uuid": token["uuid"], "title": "ci", "user": {"name": "ada"}}
    ]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"scope": ""}, "scope"),
        ({"scope": "repo:read nonsense"}, "scope"),
        ({"scope": "direct_user_login"}, "scope"),
        ({"scope": "repo:read", "title": "t" * 256}, "title"),
        ({"scope": "repo:read", "lifetime": 0}, "lifetimeS"),
        ({"scope": "repo:read", "lifetime": 315_576_001}, "lifetimeS"),
    ],
)
async def test_an_invalid_token_is_not_created(acme: GraphQL, values: dict[str, object], field: str) -> None:
    application = await made(acme)
    before = await dump()

    assert await acme.payload_error(TOKEN, id=application["clientId"], **values) == (
        "INVALID",
        f"input.{field}",
    )
    assert await dump() == before


async def test_a_token_cannot_create_a_stronger_one(
    graphql: GraphQL, acme: GraphQL, factory: Factory
) -> None:
    application = await made(acme)
    scopes = frozenset({Scope.ORG_ADMIN, Scope.REPO_WRITE})
    weak = graphql.with_token(await factory.token("ada", scopes))
    before = await dump()

    for scope in ("repo:admin", "user:read", "user:admin", "super:user", "repo:read user:read"):
        refused = await weak.payload_error(TOKEN, id=application["clientId"], scope=scope)
        assert refused == ("INVALID", "input.scope"), scope

    assert await dump() == before
    payload = await weak.payload(TOKEN, id=application["clientId"], scope="repo:read repo:create")
    assert payload["accessToken"]["scope"] == "repo:create repo:read"


async def test_only_administrators_see_and_change_applications(
    graphql: GraphQL, acme: GraphQL, factory: Factory
) -> None:
    application = await made(acme)
    for name in ("eve", "grace"):
        await factory.user(name)
    await factory.team("acme", "makers", TeamRole.CREATOR, ["grace"])
    await factory.user("root", is_superuser=True)
    callers = {
        "UNAUTHENTICATED": [graphql],
        "FORBIDDEN": [
            graphql.with_token(await factory.token("eve")),
            graphql.with_token(await factory.token("grace")),
            graphql.with_token(await factory.token("root")),
            graphql.with_token(await factory.token("ada", frozenset({Scope.USER_ADMIN, Scope.REPO_ADMIN}))),
            graphql.with_token(await factory.token("ada", frozenset({Scope.REPO_CREATE}))),
        ],
    }
    before = await dump()

    for code, clients in callers.items():
        for client in clients:
            key = application["clientId"]
            assert await client.refusal(LIST) == code
            assert await client.refusal(ONE, id=key) == code
            assert await client.refusal(CREATE, input={"name": "Mine"}) == code
            assert await client.refusal(UPDATE, id=key, input={"name": "Mine"}) == code
            assert await client.refusal(RESET, id=key) == code
            assert await client.refusal(DELETE, id=key) == code
            assert await client.refusal(TOKEN, id=key, scope="repo:read") == code
            assert await client.refusal(TOKEN_REVOKE, id=key, uuid="any") == code
            assert await client.refusal(ASSIGN, id=key, username="eve", scope="repo:read") == code
            assert (await client.data(PUBLIC, id=key))["application"]["clientSecret"] is None
            # An unknown object is refused like a hidden one.
            assert await client.refusal(DELETE, organization="nowhere", id=key) == code

    assert await dump() == before


async def test_an_application_or_token_of_another_parent_is_not_found(
    acme: GraphQL, factory: Factory
) -> None:
    await factory.organization("other", owner="ada")
    application = await made(acme)
    foreign = (await acme.payload(CREATE, organization="other", input={"name": "Foreign"}))["application"]
    token = await acme.payload(TOKEN, organization="other", id=foreign["clientId"], scope="repo:read")
    uuid = token["accessToken"]["uuid"]
    before = await dump()

    missing = ("NOT_FOUND", "clientId")
    assert (await acme.data(ONE, id=foreign["clientId"]))["organization"]["application"] is None
    assert await acme.payload_error(UPDATE, id=foreign["clientId"], input={"name": "Mine"}) == missing
    assert await acme.payload_error(DELETE, id=foreign["clientId"]) == missing
    assert await acme.payload_error(RESET, id=foreign["clientId"]) == missing
    assert await acme.payload_error(TOKEN, id=foreign["clientId"], scope="repo:read") == missing
    assert await acme.payload_error(TOKEN_REVOKE, id=foreign["clientId"], uuid=uuid) == missing
    assert await acme.payload_error(TOKEN_REVOKE, id=application["clientId"], uuid=uuid) == (
        "NOT_FOUND",
        "uuid",
    )
    user = await acme.payload_error(CREATE, organization="ada", input={"name": "Mine"})
    assert user == ("NOT_FOUND", "organization")
    assert await dump() == before


async def test_an_administrator_revokes_tokens_of_an_application(
    graphql: GraphQL, acme: GraphQL, factory: Factory
) -> None:
    application = await made(acme)
    await factory.user("grace")
    await factory.team("acme", "captains", TeamRole.ADMIN, ["grace"])
    grace = graphql.with_token(await factory.token("grace"))
    payload = await grace.payload(TOKEN, id=application["clientId"], scope="repo:read")

    await acme.payload(TOKEN_REVOKE, id=application["clientId"], uuid=payload["accessToken"]["uuid"])

    with pytest.raises(InvalidCredentials):
        await bearer_viewer(payload["secret"], site=factory.site)


async def test_a_token_assignment_can_be_declined(graphql: GraphQL, acme: GraphQL, factory: Factory) -> None:
    application = await made(acme)
    await factory.user("eve")
    eve = graphql.with_token(await factory.token("eve"))

    offer = (
        await acme.payload(ASSIGN, id=application["clientId"], username="eve", scope="repo:read repo:write")
    )["tokenAssignment"]

    assert (offer["scope"], offer["responseType"]) == ("repo:read repo:write", "token")
    assert offer["redirectUri"] == f"{factory.site.public_url}/oauth/localapp"
    mine = """{ viewer { user { tokenAssignments { nodes {
        uuid scope application { name clientSecret } } } } } }"""
    assert (await eve.data(mine))["viewer"]["user"]["tokenAssignments"]["nodes"] == [
        {
            "uuid": offer["uuid"],
            "scope": "repo:read repo:write",
            "application": {"name": "Helm", "clientSecret": None},
        }
    ]
    assert await acme.payload_error(DECLINE, uuid=offer["uuid"]) == ("NOT_FOUND", "uuid")
    await eve.payload(DECLINE, uuid=offer["uuid"])
    assert (await eve.data(mine))["viewer"]["user"]["tokenAssignments"]["nodes"] == []


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"username": "nobody"}, ("UNKNOWN_REFERENCE", "input.username")),
        ({"username": "acme"}, ("UNKNOWN_REFERENCE", "input.username")),
        ({"scope": "nonsense"}, ("INVALID", "input.scope")),
        ({"type": "password"}, ("INVALID", "input.responseType")),
        ({"uri": "https://evil.example/cb"}, ("INVALID", "input.redirectUri")),
    ],
)
async def test_an_invalid_token_assignment_is_not_created(
    acme: GraphQL, factory: Factory, values: dict[str, str], refusal: tuple[str, str]
) -> None:
    application = await made(acme)
    await factory.user("eve")
    before = await dump()

    given = {"username": "eve", "scope": "repo:read"} | values
    assert await acme.payload_error(ASSIGN, id=application["clientId"], **given) == refusal
    assert await dump() == before


async def test_events_record_every_change_without_secrets(acme: GraphQL) -> None:
    application = await made(acme)
    key = application["clientId"]
    await acme.payload(UPDATE, id=key, input={"name": "Tiller"})
    reset = (await acme.payload(RESET, id=key))["application"]["clientSecret"]
    token = await acme.payload(TOKEN, id=key, scope="repo:read")
    await acme.payload(TOKEN_REVOKE, id=key, uuid=token["accessToken"]["uuid"])
    await acme.payload(DELETE, id=key)

    rows = await fetch("SELECT kind, metadata FROM event ORDER BY id")

    kinds = [row["kind"] for row in rows]
    assert kinds[-6:] == [
        "create_application",
        "update_application",
        "reset_application_client_secret",
        "create_oauth_api_token",
        "revoke_oauth_api_token",
        "delete_application",
    ]
    for secret in (application["clientSecret"], reset, token["secret"]):
        assert secret not in str(rows)


async def test_a_page_of_applications_costs_a_constant_number_of_statements(acme: GraphQL) -> None:
    costs = []
    for number in (3, 20):
        for _ in range(number):
            await made(acme)
        with count_statements() as count:
            await acme.data(LIST)
        costs.append(len(count.statements))

    assert costs[0] == costs[1] <= 8


async def test_an_application_is_a_node_with_public_fields(graphql: GraphQL, acme: GraphQL) -> None:
    application = await made(acme)
    found = await graphql.data(
        "query ($id: String!) { application(clientId: $id) { id } }", id=application["clientId"]
    )
    query = "query ($id: ID!) { node(id: $id) { ... on Application { name clientSecret } } }"

    node = (await graphql.data(query, id=found["application"]["id"]))["node"]
    assert node == {"name": "Helm", "clientSecret": None}

    await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'acme'")
    assert (await graphql.data(query, id=found["application"]["id"]))["node"] is None

"""Whether a robot of somebody else's organization exists cannot be told: it is answered as if absent."""

import asyncio
from dataclasses import replace

import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.roles import TeamRole
from resolvers.repositories.repository import Visibility
from resolvers.site import node_key
from tests.browser import browsing
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import dump

THERE, ABSENT = "secret+deploy", "secret+nobody"
REPOSITORY = 'repository: "acme/app"'
GRANTEE = f'{REPOSITORY}, grantee: {{ kind: USER, name: "%s" }}'
ERRORS = "{ errors { code field message } }"

DOCUMENTS = {
    "grant": f"mutation {{ it: repositoryPermissionSet({GRANTEE}, role: READ) {ERRORS} }}",
    "take away": f"mutation {{ it: repositoryPermissionDelete({GRANTEE}) {ERRORS} }}",
    "explain": f'{{ it: explainAccess({REPOSITORY}, account: "%s")'
    " { role isBlocked grants { source } } }",
    "grants": '{ it: repository(path: "acme/app") { grants(account: "%s") { source } } }',
    "permission": '{ it: repository(path: "acme/app") { permission(grantee: { kind: USER, name: "%s" })'
    " { role } } }",
    "default": 'mutation { it: permissionPrototypeCreate(organization: "acme",'
    f' input: {{ role: READ, delegate: {{ kind: USER, name: "%s" }} }}) {ERRORS} }}',
    "activating": 'mutation { it: permissionPrototypeCreate(organization: "acme", input: { role: READ,'
    f' activatingAccount: {{ name: "%s" }}, delegate: {{ kind: USER, name: "ada" }} }}) {ERRORS} }}',
    "add": f'mutation {{ it: teamMemberAdd(organization: "acme", team: "crew", account: "%s") {ERRORS} }}',
    "remove": 'mutation { it: teamMemberRemove(organization: "acme", team: "crew", account: "%s")'
    f" {ERRORS} }}",
    "dismiss": f'mutation {{ it: organizationMemberRemove(organization: "acme", account: "%s") {ERRORS} }}',
    "member": '{ it: organization(name: "acme") { member(name: "%s") { account { name } } } }',
    "search": '{ it: grantees(prefix: "%s") { __typename } }',
    "can create": '{ it: viewer { canCreateRepositoriesIn(namespace: "%s") } }',
    "log": '{ it: auditSummary(owner: { namespace: "acme" }, filter: { performer: "%s" }) { kind count } }',
}
PATHS = [
    (method, path, body)
    for path, body in (
        ("/repository/acme/app/permissions/user/{}", {"role": "read"}),
        ("/repository/acme/app/permissions/user/{}/transitive", None),
        ("/organization/acme/team/crew/members/{}", {}),
        ("/organization/acme/members/{}", None),
        ("/organization/acme/collaborators/{}", None),
        ("/organization/secret/robots/{}", {}),
        ("/entities/{}", None),
    )
    for method in ("GET", "PUT", "DELETE")
]


@pytest.fixture
async def acme(factory: Factory, ada: GraphQL) -> GraphQL:
    """Ada, who owns `acme` with a public repository; `secret` with a robot is not hers."""
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "crew", TeamRole.MEMBER)
    await factory.repository("acme/app", by="ada", visibility=Visibility.PUBLIC)
    await factory.user("eve")
    await factory.organization("secret", owner="eve")
    await factory.robot(THERE, by="eve")
    return ada


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_a_robot_elsewhere_is_answered_like_an_absent_one(acme: GraphQL, document: str) -> None:
    before = await dump()

    answers = [await acme.answer(DOCUMENTS[document] % name) for name in (THERE, ABSENT)]

    there, absent = (
        str(answer).replace(name, "*") for answer, name in zip(answers, (THERE, ABSENT), strict=True)
    )
    assert there == absent
    # The document itself is right: it is refused, if at all, for what it asks.
    assert "BAD_REQUEST" not in there
    assert await dump() == before


async def test_routes_of_rest_answer_alike_as_well(
    acme: GraphQL, factory: Factory, settings_with_files: Settings
) -> None:
    token = await factory.token("ada")
    app = create_app(settings_with_files, jobs=False)
    found = {}
    async with app.router.lifespan_context(app), browsing(app) as browser:
        browser.http.headers["Authorization"] = f"Bearer {token}"
        for method, path, body in PATHS:
            answers = []
            for name in (THERE, ABSENT):
                short = name.partition("+")[2] if "/robots/" in path else name
                url = "/api/v1" + path.format(short.replace("+", "%2B"))
                answer = await browser.http.request(method, url, json=body)
                answers.append((answer.status_code, answer.text.replace(name, "*")))
            found[method, path] = answers

    different = {key: answers for key, answers in found.items() if answers[0] != answers[1]}
    assert different == {}
    # The routes were right: some answered something else than that there is no such path.
    assert {status for answers in found.values() for status, _ in answers} >= {400, 403, 404}


async def test_a_robot_that_has_a_role_here_is_explained(acme: GraphQL, factory: Factory) -> None:
    await factory.robot("acme+build", by="ada")
    await factory.robot("ada+own", by="ada")
    explain = DOCUMENTS["explain"]

    own, of_viewer, elsewhere = [
        (await acme.data(explain % name))["it"] for name in ("acme+build", "ada+own", THERE)
    ]

    assert own == of_viewer == {"role": "READ", "isBlocked": False, "grants": [{"source": "PUBLIC"}]}
    assert elsewhere is None


async def test_ids_stay_the_same_with_another_secret_key(
    factory: Factory, settings_with_files: Settings
) -> None:
    await factory.user("ada")
    old = settings_with_files
    ids = []
    for keys in (old.secret_key, ("n" * 32, *old.secret_key)):
        app = create_app(replace(old, secret_key=keys), jobs=False)
        async with app.router.lifespan_context(app), browsing(app) as browser:
            await browser.arrive()
            ids.append((await browser.graphql('{ user(username: "ada") { id } }'))["user"]["id"])
            # Each process has its own copy of the key, and reads it once.
            found = await browser.graphql(f'{{ node(id: "{ids[0]}") {{ __typename }} }}')
            assert found == {"node": {"__typename": "User"}}

    assert ids[0] == ids[1]


async def test_processes_that_start_at_once_make_one_key(factory: Factory) -> None:
    keys = await asyncio.gather(*(node_key() for _ in range(8)))

    assert len(set(keys)) == 1
    assert len(keys[0]) == 16

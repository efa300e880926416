"""The number of statements of a page, which must not depend on the length of page or list."""

from collections.abc import Awaitable, Callable

import pytest

from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.repositories.repository import Visibility
from storage.jobs import enqueue
from storage.models.tag import Tag
from storage.statements import count_statements, fetch
from tests.factories import Factory, image_config
from tests.quayside.registry import kit
from tests.schema.client import GraphQL

SIGN_IN = 1
"""The statement that looks up the token."""

TAGS = """
query ($first: Int!, $after: Cursor, $active: Boolean!) { repository(path: "ada/app") {
  tags(first: $first, after: $after, isActive: $active) {
    pageInfo { nextCursor }
    nodes { name manifest {
      digest totalSizeBytes layersSizeBytes platforms { os architecture }
      index { childCount children { digest isPresent manifest { digest layersSizeBytes } } } } } } } }
"""
REPOSITORIES = """
query ($first: Int!) { repositories(first: $first) {
  nodes { path viewerRole viewerCanWrite viewerCanAdminister } } }
"""


async def statements(ask: Callable[[], Awaitable[object]]) -> int:
    """The number of statements of a query, without authentication."""
    await ask()  # The first use of a token writes its time.
    with count_statements() as count:
        await ask()
    return len(count.statements) - SIGN_IN


async def fill(factory: Factory, number: int, *, history: int) -> None:
    """Give `ada/app` this many tags, every second one of an index, with several ended spans each."""
    configs = [image_config("amd64"), image_config("arm64")]
    images = [kit.encode(kit.image_document(b"layer", config=config)) for config in configs]
    for config in configs:
        await factory.image("ada/app", b"layer", config=config)
    await factory.manifest("ada/app", kit.index_document(*images))
    (repository,) = await fetch("SELECT id FROM repository")
    manifests = [row["id"] for row in await fetch("SELECT id FROM manifest ORDER BY id")]
    spans = [
        Tag(
            repository_id=repository["id"],
            name=f"t{tag}",
            manifest_id=manifests[(tag + moment) % 3],
            started_at_ms=1_000 * moment + tag,
            ended_at_ms=None if moment == history else 1_000 * (moment + 1) + tag,
        )
        for moment in range(history + 1)
        for tag in range(number)
    ]
    await Tag.bulk_create(spans, batch_size=500)


async def page_of_tags(ada: GraphQL, *, active: bool) -> int:
    async def ask() -> None:
        found = (await ada.data(TAGS, first=100, active=active))["repository"]["tags"]["nodes"]
        assert len(found) == 100
        assert {bool(tag["manifest"]["index"]) for tag in found} == {True, False}

    return await statements(ask)


@pytest.mark.parametrize(("number", "history"), [(100, 0), (1_000, 0), (100, 5), (1_000, 3)])
async def test_a_page_of_tags_takes_the_same_statements_for_few_and_many_tags(
    factory: Factory, ada: GraphQL, number: int, history: int
) -> None:
    await factory.repository("ada/app")
    await fill(factory, number, history=history)

    # Repository, grants of the viewer, tags, manifests, sizes, children.
    assert [await page_of_tags(ada, active=True), await page_of_tags(ada, active=False)] == [6, 6]


async def test_a_later_page_of_tags_costs_what_the_first_does(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await fill(factory, 300, history=2)
    cursor = None
    costs = []

    for _ in range(3):
        page = (await ada.data(TAGS, first=100, after=cursor, active=True))["repository"]["tags"]
        with count_statements() as count:
            await ada.data(TAGS, first=100, after=cursor, active=True)
        costs.append(len(count.statements) - SIGN_IN)
        cursor = page["pageInfo"]["nextCursor"]

    assert costs == [6, 6, 6]


@pytest.mark.parametrize("number", [3, 100])
async def test_a_page_of_repositories_with_roles_takes_three_statements(
    graphql: GraphQL, factory: Factory, number: int
) -> None:
    for name in ("ada", "bob"):
        await factory.user(name)
    for repository in range(number):
        await factory.repository(f"ada/r{repository}", visibility=Visibility.PUBLIC)
    bob = graphql.with_token(await factory.token("bob"))

    async def ask() -> None:
        found = (await bob.data(REPOSITORIES, first=100))["repositories"]["nodes"]
        assert {repository["viewerRole"] for repository in found} == {"READ"}
        assert len(found) == number

    # The count of bob's permissions, which decides how the page is read; the page; the roles.
    assert await statements(ask) == 3


@pytest.mark.parametrize("number", [2, 20])
async def test_each_other_list_costs_the_same_for_few_and_many(
    factory: Factory, ada: GraphQL, number: int
) -> None:
    await factory.repository("ada/app")
    subject = {"mediaType": kit.OCI_MANIFEST, "digest": "sha256:" + "0" * 64, "size": 7}
    await factory.blob("ada/app", kit.EMPTY)
    for one in range(number):
        await factory.user(f"user{one}")
        await factory.grant("ada/app", f"user{one}", RepositoryRole.READ, by="ada")
        await factory.organization(f"org{one}", owner="ada")
        await factory.manifest(
            "ada/app", kit.artifact_document(f"application/x{one}", kit.EMPTY, subject=subject)
        )
        if one:
            await factory.team("org0", f"team{one}", TeamRole.MEMBER, [f"user{one}"])
    questions = {
        "manifests": """{ repository(path: "ada/app") {
            manifests(first: 100) { nodes {
                digest tagNames tags(first: 5) { nodes { name } } layers { digest } document } } } }""",
        "referrers": """{ repository(path: "ada/app") {
            referrers(first: 100, digest: "DIGEST") { nodes { kind manifest { digest } } } } }""".replace(
            "DIGEST", str(subject["digest"])
        ),
        "permissions": """{ repository(path: "ada/app") {
            permissions(first: 100) { nodes {
                role isOrganizationMember grantee { ... on Account { name avatar { hash } } } } } } }""",
        "memberships": """{ viewer { user {
            memberships(first: 100) { nodes { role organization { name avatar { hash } } } } } } }""",
        "teams": """{ organization(name: "org0") {
            teams(first: 100) { nodes { name memberCount repositoryCount viewerCanView } } } }""",
    }

    costs = {}
    for name, document in questions.items():

        async def ask(document: str = document) -> None:
            assert str(await ada.data(document)).count("}, {") >= number - 1

        costs[name] = await statements(ask)

    # Includes the parent and its access check; a statement for each of twenty items would exceed it.
    most = {"manifests": 6, "referrers": 3, "permissions": 6, "memberships": 4, "teams": 5}
    assert {name: cost for name, cost in costs.items() if cost > most[name]} == {}


@pytest.mark.parametrize("number", [3, 100])
async def test_a_page_of_jobs_takes_one_statement(graphql: GraphQL, factory: Factory, number: int) -> None:
    await factory.user("root", is_superuser=True)
    root = graphql.with_token(await factory.token("root"))
    for one in range(number):
        account = await factory.user(f"user{one}")
        await enqueue("repository.purge", {"repository_id": one}, namespace_id=account.id)

    async def ask() -> None:
        found = (await root.data("{ jobs(first: 100) { nodes { id kind namespace state } } }"))["jobs"]
        assert len({job["namespace"] for job in found["nodes"]}) == number

    assert await statements(ask) == 1


async def test_counting_a_list_takes_one_more_statement(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    plain = await statements(lambda: ada.data("{ repositories { nodes { path } } }"))

    counted = await statements(lambda: ada.data("{ repositories { totalCount nodes { path } } }"))

    assert (plain, counted) == (2, 3)

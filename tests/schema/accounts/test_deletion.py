"""Deletion: a tombstone at once, a purge by a job later, and a name that never leads to old content."""

import asyncio

from resolvers.access.roles import RepositoryRole
from resolvers.repositories import purge
from storage.jobs import claim, finish
from storage.statements import fetch, fetch_one
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.state import counts

DELETE = "mutation ($r: RepositoryPath!) { repositoryDelete(repository: $r) { path errors { code } } }"
CREATE = """mutation ($input: RepositoryCreateInput!) { repositoryCreate(input: $input) {
  repository { path } errors { code field message } } }"""
DISSOLVE = "mutation ($o: String!) { organizationDelete(organization: $o) { name errors { code } } }"
FOUND = """mutation ($o: String!) { organizationCreate(input: { name: $o }) {
  organization { name } errors { code field message } } }"""
REPOSITORY = "query ($p: RepositoryPath!) { repository(path: $p) { path manifests { totalCount } } }"

CONTENT = ("tag", "manifest", "manifest_body", "manifest_blob", "manifest_child", "repository_blob")


async def run_jobs() -> list[str]:
    """Run the waiting purge jobs; returns their kinds in order."""
    kinds = []
    while job := await claim("test", ["repository.purge", "namespace.purge"]):
        if job.kind == "repository.purge":
            await purge.purge_repository(job.payload["repository_id"])
        else:
            await purge.purge_namespace(job.payload["namespace_id"])
        await finish(job)
        kinds.append(job.kind)
    return kinds


async def content() -> dict[str, int]:
    """The number of rows in each table of content that is not empty."""
    found = await counts()
    return {table: found[table] for table in CONTENT if found[table]}


async def test_a_deleted_repository_frees_its_name_and_its_content_is_unreachable(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.repository("ada/app")
    await factory.image("ada/app", b"old", tag="latest")

    assert (await ada.payload(DELETE, r="ada/app"))["path"] == "ada/app"
    assert await ada.data(REPOSITORY, p="ada/app") == {"repository": None}
    assert await ada.data("{ repositories { totalCount } }") == {"repositories": {"totalCount": 0}}
    await ada.payload(CREATE, input={"name": "app"})

    assert await ada.data(REPOSITORY, p="ada/app") == {
        "repository": {"path": "ada/app", "manifests": {"totalCount": 0}}
    }
    assert (await ada.payload(DELETE, r="ada/app"))["path"] == "ada/app"
    assert (await ada.payload(DELETE, r="ada/app"))["path"] is None


async def test_the_purge_removes_everything_of_the_repository_and_nothing_else(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.user("bob")
    for name in ("kept", "gone"):
        await factory.repository(f"ada/{name}")
        await factory.grant(f"ada/{name}", "bob", RepositoryRole.READ, by="ada")
        if name == "kept":
            await factory.image("ada/kept", b"layer", tag="latest")
            kept = await content()
            permissions = (await counts())["repository_permission"]
    for number in range(3):
        await factory.image("ada/gone", f"{number}".encode(), tag=f"t{number}")

    await ada.payload(DELETE, r="ada/gone")
    kinds = await run_jobs()

    assert kinds == ["repository.purge"]
    assert await content() == kept
    assert (await counts())["repository_permission"] == permissions
    assert [row["name"] for row in await fetch("SELECT name FROM repository")] == ["kept"]


async def test_the_purge_is_idempotent_and_skips_what_is_not_deleted(factory: Factory, ada: GraphQL) -> None:
    alive = await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="latest")
    before = await counts()

    await purge.purge_repository(alive.id)
    await purge.purge_repository(424_242)
    await purge.purge_namespace(alive.namespace_id)

    assert await counts() == before


CHANGES = (
    'repositoryUpdate(repository: $r, input: {description: "new"})',
    "repositoryVisibilityChange(repository: $r, visibility: PUBLIC)",
    "repositoryStateChange(repository: $r, state: READ_ONLY)",
)


async def test_a_concurrent_change_commits_before_the_deletion_or_finds_no_repository(
    factory: Factory, ada: GraphQL
) -> None:
    documents = [f"mutation ($r: RepositoryPath!) {{ {one} {{ errors {{ code }} }} }}" for one in CHANGES]
    for number in range(10):
        await factory.repository(f"ada/app{number}")

        answers = await asyncio.gather(
            *(ada.data(document, r=f"ada/app{number}") for document in (*documents, DELETE, *documents))
        )

        payloads = [payload for answer in answers for payload in answer.values()]
        codes = {error["code"] for payload in payloads for error in payload["errors"]}
        assert codes <= {"NOT_FOUND"}
    gone = await fetch("SELECT deleted_at_ms FROM repository WHERE deleted_at_ms IS NOT NULL")
    assert len(gone) == 10


async def test_an_interrupted_purge_resumes(factory: Factory, ada: GraphQL) -> None:
    record = await factory.repository("ada/app")
    for number in range(5):
        await factory.image("ada/app", b"layer", tag=f"t{number}")
    await ada.payload(DELETE, r="ada/app")
    # As an interrupted purge leaves it: some of the tags are deleted already.
    await fetch("DELETE FROM tag WHERE id IN (SELECT id FROM tag LIMIT 2) RETURNING id")

    await purge.purge_repository(record.id)

    assert await content() == {}
    assert await fetch_one("SELECT id FROM repository") is None


async def test_a_deleted_organization_disappears_at_once_and_frees_its_name_after_the_purge(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await factory.image("acme/app", b"layer", tag="latest")
    for number in range(3):
        await factory.robot(f"acme+bot{number}", by="ada")
    await factory.grant("acme/app", "acme+bot0", RepositoryRole.READ, by="ada")

    assert (await ada.payload(DISSOLVE, o="acme"))["name"] == "acme"

    assert await ada.data('{ organization(name: "acme") { name } }') == {"organization": None}
    assert await ada.refusal(REPOSITORY, p="acme/app") == "FORBIDDEN"
    assert await ada.refusal('{ namespace(name: "acme") { name } }') == "FORBIDDEN"
    assert await ada.data("{ repositories { totalCount } }") == {"repositories": {"totalCount": 0}}
    assert await ada.data("{ viewer { user { memberships { totalCount } } } }") == {
        "viewer": {"user": {"memberships": {"totalCount": 0}}}
    }
    assert await ada.payload_error(FOUND, o="acme") == ("ALREADY_EXISTS", "input.name")
    assert await ada.refusal(DISSOLVE, o="acme") == "FORBIDDEN"

    assert await run_jobs() == ["namespace.purge"]

    assert await content() == {}
    assert [row["name"] for row in await fetch("SELECT name FROM account")] == ["ada"]
    assert {
        table: n for table, n in (await counts()).items() if table in {"robot", "team", "team_member"}
    } == {
        "robot": 0,
        "team": 0,
        "team_member": 0,
    }
    assert (await ada.payload(FOUND, o="acme"))["organization"] == {"name": "acme"}


async def test_a_repository_deleted_before_its_organization_is_purged_with_it(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await ada.payload(DELETE, r="acme/app")
    await ada.payload(DISSOLVE, o="acme")

    assert await run_jobs() == ["repository.purge", "namespace.purge"]
    assert (await counts())["repository"] == 0


async def test_the_log_keeps_entries_of_deleted_objects(factory: Factory, ada: GraphQL) -> None:
    await factory.organization("acme", owner="ada")
    await factory.repository("acme/app", by="ada")
    await ada.payload(DISSOLVE, o="acme")
    await run_jobs()

    rows = await fetch("SELECT kind FROM event ORDER BY id")

    assert [row["kind"] for row in rows][-3:] == ["org_create", "create_repo", "org_delete"]

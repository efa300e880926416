"""Automatic locks: labels of images, and immutability policies of repositories and namespaces."""

import json

import pytest

from quayside.settings.settings import Settings
from quayside.workers.tools import tools_of
from resolvers.access.roles import RepositoryRole
from resolvers.expiration import expiration_of_label
from resolvers.job_kinds import Run, collected
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.statements import decode_json, execute, fetch
from tests.contract.world import ORGANIZATION, World, callers
from tests.factories import Factory, add_tags, image_config
from tests.schema.client import GraphQL

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS
CREATE = """
mutation ($owner: OwnerInput!, $pattern: String!, $matches: Boolean! = true) {
  immutabilityPolicyCreate(owner: $owner, input: {tagPattern: $pattern, hasTagPatternMatch: $matches}) {
    policy { uuid tagPattern hasTagPatternMatch } errors { code field message } } }
"""
UPDATE = """
mutation ($owner: OwnerInput!, $uuid: String!, $input: ImmutabilityPolicyUpdateInput!) {
  immutabilityPolicyUpdate(owner: $owner, policy: $uuid, input: $input) {
    policy { uuid tagPattern hasTagPatternMatch } errors { code field message } } }
"""
DELETE = """
mutation ($owner: OwnerInput!, $uuid: String!) {
  immutabilityPolicyDelete(owner: $owner, policy: $uuid) { uuid errors { code field message } } }
"""
LIST = """{
  repository(path: "ada/app") { immutabilityPolicies { nodes { tagPattern } } }
  namespace(name: "ada") { immutabilityPolicies { nodes { tagPattern } } }
}"""
REPOSITORY = {"repository": "ada/app"}
NAMESPACE = {"namespace": "ada"}


@pytest.fixture
async def digest(factory: Factory, ada: GraphQL) -> str:
    """An image without a tag in `ada/app`."""
    await factory.repository("ada/app")
    return await factory.image("ada/app", b"layer")


async def push(factory: Factory, path: str, *names: str, **labels: str) -> str:
    """Push an image with labels under some tags."""
    config = json.dumps({"os": "linux", "config": {"Labels": labels}}).encode()
    digest = ""
    for name in names:
        digest = await factory.image(path, b"layer", tag=name, config=config)
    return digest


async def spans() -> dict[str, tuple[bool, int | None]]:
    """Of each active tag the lock, and the milliseconds from its start to its end."""
    rows = await fetch("SELECT * FROM tag WHERE ended_at_ms IS NULL OR is_expiration")
    return {
        row["name"]: (
            bool(row["is_immutable"]),
            row["ended_at_ms"] - row["started_at_ms"] if row["ended_at_ms"] else None,
        )
        for row in rows
    }


@pytest.mark.parametrize(
    ("text", "after_ms"),
    [
        ("1h", HOUR_MS),
        ("90m", HOUR_MS * 3 // 2),
        ("2w", 2 * WEEK_MS),
        (" 3D ", 72 * HOUR_MS),
        ("1s", HOUR_MS),
        ("1y", 365 * 24 * HOUR_MS),
        ("9y", 104 * WEEK_MS),
        ("999999999y", 104 * WEEK_MS),
        *[
            (text, None)
            for text in ("", "never", "0h", "-1h", "1.5h", "2", "h", "1h2m", "1١h", "9" * 30 + "h")
        ],
    ],
)
def test_an_expiration_label_is_clamped_or_ignored(text: str, after_ms: int | None) -> None:
    found = expiration_of_label(text, 1_000)

    assert found == (None if after_ms is None else 1_000 + after_ms)


async def test_the_labels_of_a_pushed_image_lock_its_tags_and_let_them_expire(
    factory: Factory, ada: GraphQL, digest: str
) -> None:
    await push(factory, "ada/app", "short", "shorter", **{"quay.expires-after": "2h"})
    await push(factory, "ada/app", "fixed", **{"quay.immutable": "true"})
    await push(factory, "ada/app", "both", **{"quay.immutable": "TRUE", "quay.expires-after": "2h"})
    await push(factory, "ada/app", "odd", **{"quay.immutable": "yes", "quay.expires-after": "soon"})

    assert await spans() == {
        "short": (False, 2 * HOUR_MS),
        "shorter": (False, 2 * HOUR_MS),
        "fixed": (True, None),
        "both": (True, None),
        "odd": (False, None),
    }


async def test_pushing_again_renews_the_expiration_by_label(
    factory: Factory, ada: GraphQL, digest: str
) -> None:
    label = {"quay.expires-after": "2h"}
    await push(factory, "ada/app", "short", "kept", "later", "old", **label)
    began = 90 * 60_000
    await execute(
        "UPDATE tag SET started_at_ms = started_at_ms - ?, ended_at_ms = ended_at_ms - ?", began, began
    )
    await execute("UPDATE tag SET ended_at_ms = NULL, is_expiration = ? WHERE name = 'kept'", False)
    await execute("UPDATE tag SET ended_at_ms = ended_at_ms + ? WHERE name = 'later'", 50 * HOUR_MS)
    await execute("UPDATE tag SET started_at_ms = started_at_ms - ? WHERE name = 'old'", 104 * WEEK_MS)
    await execute("DELETE FROM event")

    before = now_ms()
    await push(factory, "ada/app", "short", "kept", "later", "old", **label)

    ends = {row["name"]: row for row in await fetch("SELECT * FROM tag")}
    assert before + 2 * HOUR_MS <= ends["short"]["ended_at_ms"] <= now_ms() + 2 * HOUR_MS
    assert {name: span for name, span in (await spans()).items() if name != "short"} == {
        "kept": (False, None),
        "later": (False, 52 * HOUR_MS),
        "old": (False, 104 * WEEK_MS + 2 * HOUR_MS),
    }
    (event,) = await fetch("SELECT metadata FROM event WHERE kind = 'change_tag_expiration'")
    assert decode_json(event["metadata"])["tag"] == "short"
    assert len(ends) == 4


@pytest.mark.parametrize("labels", [None, [], "text", {"quay.expires-after": 5, "quay.immutable": True}])
async def test_labels_of_any_shape_never_refuse_an_image(
    factory: Factory, ada: GraphQL, digest: str, labels: object
) -> None:
    config = image_config("amd64", config={"Labels": labels})

    await factory.image("ada/app", b"layer", tag="v1", config=config)

    assert await spans() == {"v1": (False, None)}


async def test_policies_lock_matching_tags_when_they_are_set(
    factory: Factory, ada: GraphQL, digest: str
) -> None:
    await factory.repository("ada/other")
    await ada.payload(CREATE, owner=REPOSITORY, pattern="v[0-9]+")
    await ada.payload(CREATE, owner=NAMESPACE, pattern="latest|tmp", matches=True)

    for name in ("v1", "v1.1", "dev1", "latest", "tmp", "my-tmp-1"):
        await push(factory, "ada/app", name)
    await push(factory, "ada/other", "v2")

    assert {name: locked for name, (locked, _) in (await spans()).items()} == {
        "v1": True,
        "v1.1": False,
        "dev1": False,
        "latest": True,
        "tmp": True,
        "my-tmp-1": False,
        "v2": False,
    }
    assert await ada.data(LIST) == {
        "repository": {"immutabilityPolicies": {"nodes": [{"tagPattern": "v[0-9]+"}]}},
        "namespace": {"immutabilityPolicies": {"nodes": [{"tagPattern": "latest|tmp"}]}},
    }


async def _locks() -> list[tuple[str, dict[str, object]]]:
    """Audit entries of locks by policies: kind, and metadata without policy and place."""
    rows = await fetch("SELECT kind, metadata FROM audit_log WHERE kind LIKE '%by_policy' ORDER BY id")
    events = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE '%by_policy' ORDER BY id")
    assert [(row["kind"], decode_json(row["metadata"])) for row in events] == [
        (row["kind"], decode_json(row["metadata"])) for row in rows
    ]
    common = {"policy_uuid", "tag_pattern_matches", "namespace"}
    found = []
    for row in rows:
        metadata = decode_json(row["metadata"])
        assert common < metadata.keys()
        found.append(
            (row["kind"], {key: value for key, value in metadata.items() if key in ("tag", "tags", "count")})
        )
        assert (metadata["namespace"], metadata["repo"], metadata["tag_pattern"]) == ("ada", "app", "v.*")
    return found


async def test_each_lock_by_policy_has_an_audit_entry(factory: Factory, ada: GraphQL, digest: str) -> None:
    # given a policy, and tags that do not match, or are locked by a label
    policy = (await ada.payload(CREATE, owner=REPOSITORY, pattern="v.*"))["policy"]
    await push(factory, "ada/app", "w1")
    await push(factory, "ada/app", "v0", **{"quay.immutable": "true"})

    # when tags are pushed, pushed again, and created
    pushed = await push(factory, "ada/app", "v1")
    await push(factory, "ada/app", "v1")
    await ada.payload(
        """mutation ($digest: Digest!) { tagUpdate(repository: "ada/app", tag: "v2",
        input: {manifestDigest: $digest}) { tag { isImmutable } errors { code } } }""",
        digest=pushed,
    )

    # then each lock has one entry, after the event that set the tag
    single = "tag_made_immutable_by_policy"
    assert await _locks() == [(single, {"tag": "v1"}), (single, {"tag": "v2"})]
    rows = await fetch("SELECT kind, metadata FROM audit_log ORDER BY id DESC LIMIT 2")
    assert [row["kind"] for row in rows] == [single, "create_tag"]
    told = decode_json(rows[0]["metadata"])
    assert (told["policy_uuid"], told["manifest_digest"]) == (policy["uuid"], pushed)


async def test_a_plan_records_each_lock_by_policy(factory: Factory, ada: GraphQL, digest: str) -> None:
    await push(factory, "ada/app", "v1", "v2", "w1")
    await ada.payload(CREATE, owner=REPOSITORY, pattern="v.*")
    await execute("UPDATE tag SET is_immutable = ?", False)
    await execute("DELETE FROM event")
    await execute("DELETE FROM audit_log")

    plan = (
        await ada.payload(
            """mutation ($digest: Digest!) { tagsMovePlan(repository: "ada/app", filter: {},
            manifestDigest: $digest) { plan { id } errors { code } } }""",
            digest=digest,
        )
    )["plan"]
    await ada.payload(
        """mutation ($plan: ID!) { tagsMove(repository: "ada/app", plan: $plan) {
        plan { changeCount } errors { code } } }""",
        plan=plan["id"],
    )

    single = "tag_made_immutable_by_policy"
    assert await _locks() == [(single, {"tag": "v1"}), (single, {"tag": "v2"})]
    kinds = [row["kind"] for row in await fetch("SELECT kind FROM event ORDER BY id")]
    assert kinds == ["move_tag", single, "move_tag", single, "move_tag"]


@pytest.mark.parametrize(
    ("names", "entry"),
    [
        (["v1", "w1"], ("tag_made_immutable_by_policy", {"tag": "v1"})),
        (["v1", "w1", "v2"], ("tags_made_immutable_by_policy", {"tags": ["v1", "v2"], "count": 2})),
    ],
)
async def test_locks_by_a_new_policy_share_one_audit_entry(
    factory: Factory, ada: GraphQL, digest: str, names: list[str], entry: tuple[str, dict[str, object]]
) -> None:
    await push(factory, "ada/app", *names)

    await ada.payload(CREATE, owner=REPOSITORY, pattern="v.*")

    assert await _locks() == [entry]
    rows = await fetch("SELECT kind, performer_id FROM audit_log ORDER BY id DESC LIMIT 2")
    assert [row["kind"] for row in rows] == [entry[0], "create_immutability_policy"]
    assert rows[0]["performer_id"] == rows[1]["performer_id"] is not None


async def test_a_new_policy_locks_existing_tags_and_a_deleted_one_unlocks_none(
    factory: Factory, ada: GraphQL, digest: str
) -> None:
    await push(factory, "ada/app", "v1", "w1")
    await push(factory, "ada/app", "v2", **{"quay.expires-after": "2h"})

    made = (await ada.payload(CREATE, owner=REPOSITORY, pattern="w.*", matches=False))["policy"]
    after_creation = await spans()
    changed = await ada.payload(UPDATE, owner=REPOSITORY, uuid=made["uuid"], input={"tagPattern": "v.*"})
    after_change = await spans()
    await ada.payload(DELETE, owner=REPOSITORY, uuid=made["uuid"])
    await push(factory, "ada/app", "x1")

    assert after_creation == {"v1": (True, None), "w1": (False, None), "v2": (False, 2 * HOUR_MS)}
    assert changed["policy"] == {"uuid": made["uuid"], "tagPattern": "v.*", "hasTagPatternMatch": False}
    assert after_change == {"v1": (True, None), "w1": (True, None), "v2": (False, 2 * HOUR_MS)}
    assert await spans() == after_change | {"x1": (False, None)}
    kinds = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE '%immutability_policy' ORDER BY id")
    assert [(row["kind"], decode_json(row["metadata"])["tag_pattern"]) for row in kinds] == [
        ("create_immutability_policy", "w.*"),
        ("update_immutability_policy", "v.*"),
        ("delete_immutability_policy", "v.*"),
    ]


async def test_the_tags_of_a_large_namespace_are_locked_by_a_job(
    factory: Factory, ada: GraphQL, digest: str, settings_with_files: Settings, blobs: BlobStore
) -> None:
    await add_tags(digest, (f"{kind}{number}" for kind in ("v", "w") for number in range(600)))

    await ada.payload(CREATE, owner=NAMESPACE, pattern="v.*")
    at_once = [locked for locked, _ in (await spans()).values()].count(True)
    # Pushes of images add jobs of their own.
    (job,) = await fetch("SELECT kind, payload FROM job WHERE kind LIKE 'immutability.%'")
    for _ in range(2):
        await collected()[job["kind"]].handler(
            Run(decode_json(job["payload"]), tools_of(settings_with_files, blobs))
        )

    assert at_once == 0
    assert {name[0] for name, (locked, _) in (await spans()).items() if locked} == {"v"}
    assert [locked for locked, _ in (await spans()).values()].count(True) == 600
    # and only the first run recorded them, in entries of at most 500 tags
    assert [(kind, told["count"]) for kind, told in await _locks()] == [
        ("tags_made_immutable_by_policy", 500),
        ("tags_made_immutable_by_policy", 100),
    ]


@pytest.mark.parametrize("pattern", ["", "(", "a" * 257, "(?=v)", "\\1"])
async def test_a_malformed_pattern_is_refused(
    factory: Factory, ada: GraphQL, digest: str, pattern: str
) -> None:
    assert await ada.payload_error(CREATE, owner=REPOSITORY, pattern=pattern) == (
        "INVALID",
        "input.tagPattern",
    )
    assert await fetch("SELECT id FROM immutability_policy") == []


async def test_the_same_policy_twice_is_refused(factory: Factory, ada: GraphQL, digest: str) -> None:
    await ada.payload(CREATE, owner=REPOSITORY, pattern="v")

    again = await ada.payload_error(CREATE, owner=REPOSITORY, pattern="v")

    assert again == ("ALREADY_EXISTS", "input.tagPattern")
    await ada.payload(CREATE, owner=REPOSITORY, pattern="v", matches=False)
    await ada.payload(CREATE, owner=NAMESPACE, pattern="v")


async def test_a_policy_is_not_found_at_another_owner(factory: Factory, ada: GraphQL, digest: str) -> None:
    await factory.repository("ada/other")
    made = (await ada.payload(CREATE, owner=REPOSITORY, pattern="v"))["policy"]["uuid"]

    for owner in (NAMESPACE, {"repository": "ada/other"}):
        assert await ada.payload_error(UPDATE, owner=owner, uuid=made, input={}) == ("NOT_FOUND", "policy")
        assert await ada.payload_error(DELETE, owner=owner, uuid=made) == ("NOT_FOUND", "policy")
    assert len(await fetch("SELECT id FROM immutability_policy")) == 1


async def test_policies_require_administration(
    factory: Factory, graphql: GraphQL, ada: GraphQL, digest: str
) -> None:
    await factory.user("bob")
    await factory.grant("ada/app", "bob", RepositoryRole.WRITE, by="ada")
    bob = graphql.with_token(await factory.token("bob"))

    assert [
        await bob.refusal(CREATE, owner=REPOSITORY, pattern="v"),
        await bob.refusal(CREATE, owner=NAMESPACE, pattern="v"),
        await bob.refusal('{ repository(path: "ada/app") { immutabilityPolicies { nodes { uuid } } } }'),
        await bob.refusal('{ repository(path: "ada/app") { immutabilityPolicy(uuid: "x") { uuid } } }'),
        await graphql.refusal(CREATE, owner=REPOSITORY, pattern="v"),
    ] == ["FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "UNAUTHENTICATED"]
    assert await fetch("SELECT id FROM immutability_policy") == []


@pytest.mark.parametrize("base", [f"/organization/{ORGANIZATION}", f"/repository/{ORGANIZATION}/beacon"])
async def test_policies_on_the_rest_interface(
    factory: Factory, settings_with_files: Settings, base: str
) -> None:
    world = World(factory)
    await world.people()
    await world.organization()
    await world.repositories()
    policies = f"{base}/immutabilitypolicy"

    async with callers(world, settings_with_files) as caller:
        made = await caller.ask(
            "maren", "POST", f"{policies}/", {"tagPattern": "^v.*", "tagPatternMatches": True}
        )
        one = f"{policies}/{made.json()['uuid']}"
        await push(factory, f"{ORGANIZATION}/beacon", "v1")
        listed = await caller.ask("maren", "GET", policies, None)
        refused = await caller.ask("maren", "DELETE", f"/repository/{ORGANIZATION}/beacon/tag/v1", None)
        changed = await caller.ask("maren", "PUT", one, {"tagPattern": "w", "tagPatternMatches": False})
        shown = await caller.ask("maren", "GET", one, None)
        denied = await caller.ask("tove", "GET", policies, None)
        wrong = await caller.ask("maren", "POST", policies, {"tagPattern": "("})
        removed = await caller.ask("maren", "DELETE", one, None)
        absent = await caller.ask("maren", "GET", one, None)

    uuid = made.json()["uuid"]
    assert (made.status_code, made.json()) == (201, {"uuid": uuid})
    assert listed.json()["policies"] == [{"uuid": uuid, "tagPattern": "^v.*", "tagPatternMatches": True}]
    assert (refused.status_code, refused.json()["error_type"]) == (409, "tag_immutable")
    assert (changed.status_code, changed.content) == (204, b"")
    assert shown.json() == {"uuid": uuid, "tagPattern": "w", "tagPatternMatches": False}
    assert (denied.status_code, wrong.status_code) == (403, 400)
    assert (removed.status_code, removed.json()) == (200, {"uuid": uuid})
    assert absent.status_code == 404


async def test_a_policy_that_an_upgrade_made_longer_works_and_can_be_changed(
    factory: Factory, ada: GraphQL, digest: str
) -> None:
    long = f".*(?:{'x' * 250}|v[0-9]).*"
    made = (await ada.payload(CREATE, owner=REPOSITORY, pattern="v"))["policy"]["uuid"]
    await execute("UPDATE immutability_policy SET tag_pattern = ?", long)
    await push(factory, "ada/app", "dev1", "main")
    before = await spans()

    changed = await ada.payload(
        UPDATE, owner=REPOSITORY, uuid=made, input={"tagPattern": long, "hasTagPatternMatch": False}
    )
    other = await ada.payload_error(UPDATE, owner=REPOSITORY, uuid=made, input={"tagPattern": long + "x"})

    assert before == {"dev1": (True, None), "main": (False, None)}
    assert changed["policy"]["tagPattern"] == long
    assert await spans() == {"dev1": (True, None), "main": (True, None)}
    assert other == ("INVALID", "input.tagPattern")


async def test_nothing_is_locked_without_the_feature(factory: Factory, ada: GraphQL, digest: str) -> None:
    await ada.payload(CREATE, owner=REPOSITORY, pattern="v.*")
    await push(factory.without_features("IMMUTABLE_TAGS"), "ada/app", "v1", **{"quay.immutable": "true"})

    assert await spans() == {"v1": (False, None)}


async def test_a_manifest_is_not_restored_after_the_window(
    factory: Factory, ada: GraphQL, digest: str
) -> None:
    restore = """mutation ($digest: Digest!) {
      tagRestore(repository: "ada/app", tag: "v1", manifestDigest: $digest) {
        tag { name } errors { code field message } } }"""
    pushed = await push(factory, "ada/app", "v1")
    await execute("UPDATE tag SET started_at_ms = 1, ended_at_ms = 2")

    payload = (await ada.data(restore, digest=pushed))["tagRestore"]
    await execute("UPDATE tag SET ended_at_ms = ?", 2**50)
    await ada.payload(restore, digest=pushed)

    assert payload["tag"] is None
    assert payload["errors"] == [
        {
            "code": "NOT_FOUND",
            "field": "manifestDigest",
            "message": "The last tag of this manifest ended more than 1209600 seconds ago, which is longer"
            " than its namespace keeps history.",
        }
    ]

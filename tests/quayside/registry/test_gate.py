"""The gate: pulls of images with vulnerabilities, as policies of a repository and its namespace want them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from quayside.app import create_app
from quayside.settings.settings import Settings
from resolvers.access.registry_tokens import PULL
from resolvers.access.roles import RepositoryRole
from resolvers.accounts.grantee import Grantee, GranteeKind
from resolvers.advisories import imports
from resolvers.job_kinds import Run
from resolvers.keys.ring import load_signer
from resolvers.repositories import permission
from resolvers.repositories.registry_access import RequestedScope, RequestedScopes, registry_grant
from resolvers.scan import rematch
from storage.statements import count_statements, decode_json, execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit
from tests.quayside.registry.conftest import client_of
from tests.resolvers.advisories.records import concerned, record, write
from tests.scanning import RELEASE, STATUS, layer, scan_pushed, status, tools
from tests.schema.client import GraphQL, Json

SET = """
mutation ($owner: OwnerInput!, $input: PullPolicyInput!) { pullPolicySet(owner: $owner, input: $input) {
  policy { mode minSeverity isUnfixedAllowed isScanRequired exceptions { nodes { advisory } } }
  errors { code field message } } }
"""
DELETE = """
mutation ($owner: OwnerInput!) {
  pullPolicyDelete(owner: $owner) { minSeverity errors { code field message } } }
"""
EXCEPT = """
mutation ($owner: OwnerInput!, $input: PullExceptionInput!) {
  pullExceptionSet(owner: $owner, input: $input) {
    exception { advisory reason endsAt } errors { code field message } } }
"""
COUNT_AGAIN = """
mutation ($owner: OwnerInput!, $advisory: String!) {
  pullExceptionDelete(owner: $owner, advisory: $advisory) { advisory errors { code field message } } }
"""
EXPLAIN = """
query ($tag: String, $digest: Digest) { explainPull(repository: "ada/app", tag: $tag, digest: $digest) {
  outcome reason scanState manifest { digest }
  rulings { isOfRepository outcome mode minSeverity isUnfixedAllowed isScanRequired isScanMissing count
    findings { name severity isFixable } exceptions { advisory reason } } } }
"""
OF_ALL = {"namespace": "ada"}
OF_APP = {"repository": "ada/app"}
ENFORCED = {"mode": "ENFORCE", "minSeverity": "HIGH"}
REFUSED = "the pull policy of ada is against High or worse: DSA-1 and 1 more"


@dataclass(frozen=True)
class World:
    """A registry with an image `v1`, its client with the right to push, one of a reader, and GraphQL."""

    factory: Factory
    pusher: kit.Repository
    reader: kit.Repository
    graphql: GraphQL
    digest: str

    async def policy(self, owner: Json = OF_ALL, **changes: Any) -> Json:
        return await self.graphql.payload(SET, owner=owner, input=ENFORCED | changes)

    async def overlook(self, advisory: str, *, owner: Json = OF_ALL, seconds: float = 3600) -> Json:
        ends = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
        given = {"advisory": advisory, "reason": "Not reachable.", "endsAt": ends}
        return await self.graphql.payload(EXCEPT, owner=owner, input=given)

    async def explain(self, tag: str = "v1") -> Json:
        found: Json = (await self.graphql.data(EXPLAIN, tag=tag))["explainPull"]
        return found

    async def status(self, reference: str = "v1", repository: kit.Repository | None = None) -> int:
        return (await (repository or self.reader).get_manifest(reference)).status_code


async def bring(factory: Factory, *records: Json) -> None:
    """Import advisories, and compare them with packages."""
    await write(*records)
    await imports.note()
    await rematch.compare(Run({}, tools(factory)))


@pytest.fixture
async def world(settings_with_files: Settings, factory: Factory) -> AsyncIterator[World]:
    """An image that DSA-1 (critical, fixed), DSA-2 (critical, not fixed) and DSA-3 (unknown) concern."""
    await factory.user("ada")
    await factory.user("bob")
    await factory.repository("ada/app")
    ada = factory.context(await factory.viewer("ada"))
    await permission.set_permission(ada, "ada/app", Grantee(GranteeKind.USER, "bob"), RepositoryRole.READ)
    content = {**RELEASE, STATUS: status(libflaw="1.2-1", curl="8")}
    digest = await factory.image("ada/app", layer(content), tag="v1")
    await scan_pushed(factory)
    await bring(
        factory,
        record("DSA-1"),
        record("DSA-2", affected=[concerned("Debian:12", "curl", ("introduced", "0"))]),
        record("DSA-3", severity=None),
    )
    app = create_app(settings_with_files, jobs=False)
    clients = [
        client_of(app, settings_with_files, kit.TokenFlow("$oauthtoken", await factory.token(name)))
        for name in ("ada", "bob")
    ]
    async with app.router.lifespan_context(app), clients[0], clients[1]:
        yield World(
            factory,
            *(kit.Repository(client, "ada/app") for client in clients),
            GraphQL(client_of(app, settings_with_files, None), await factory.token("ada")),
            digest,
        )


async def entries(kind: str) -> list[Json]:
    rows = await fetch("SELECT metadata FROM audit_log WHERE kind = ? ORDER BY id", kind)
    return [dict(decode_json(row["metadata"])) for row in rows]


async def test_a_pull_is_refused_by_tag_by_digest_and_by_head(world: World) -> None:
    assert await world.status() == 200
    made = await world.policy()
    assert made["policy"] == {
        "mode": "ENFORCE",
        "minSeverity": "HIGH",
        "isUnfixedAllowed": False,
        "isScanRequired": False,
        "exceptions": {"nodes": []},
    }

    for reference in ("v1", world.digest):
        answer = await world.reader.get_manifest(reference)
        assert (answer.status_code, kit.error_codes(answer)) == (403, ["DENIED"])
        assert answer.json()["errors"][0]["message"] == REFUSED
        assert answer.json()["errors"][0]["detail"] == {
            "digest": world.digest,
            "severity": "High",
            "advisories": ["DSA-1", "DSA-2"],
            "count": 2,
        }
        head = await world.reader.client.head(world.reader.url(f"manifests/{reference}"))
        assert (head.status_code, head.content) == (403, b"")
    # Who may push pulls no more than others, but may ask what is there, or a push of it could not go on.
    await world.pusher.start_upload()
    assert await world.status(repository=world.pusher) == 403
    assert (await world.pusher.client.head(world.pusher.url("manifests/v1"))).status_code == 200
    again = await world.pusher.put_manifest("v2", (await body_of(world)))
    assert again.status_code == 201

    # Told once a day of an image, however often it is asked for.
    expected = {
        "namespace": "ada",
        "repo": "app",
        "tag": "v1",
        "digest": world.digest,
        "mode": "enforce",
        "reason": REFUSED,
        "advisories": ["DSA-1", "DSA-2"],
        "count": 2,
    }
    (entry,) = await entries("pull_against_policy")
    assert {key: entry.get(key) for key in expected} == expected
    # Writers at the same time leave one policy, which is that of the last of them.
    await asyncio.gather(*(world.policy(minSeverity=one) for one in ("LOW", "MEDIUM", "HIGH")))
    (row,) = await fetch("SELECT COUNT(*) AS number FROM pull_policy")
    assert row["number"] == 1
    await world.policy()
    gone = await world.graphql.payload(DELETE, owner=OF_ALL)
    assert gone["minSeverity"] == "HIGH"
    assert await world.status() == 200


async def body_of(world: World) -> bytes:
    (row,) = await fetch(
        "SELECT b.body FROM manifest_body b JOIN manifest m ON m.id = b.manifest_id WHERE m.digest = ?",
        world.digest,
    )
    return bytes(row["body"])


async def test_what_no_version_fixes_and_milder_severities_are_let_through(world: World) -> None:
    assert (await world.policy(isUnfixedAllowed=True))["policy"]["isUnfixedAllowed"] is True
    answer = await world.reader.get_manifest("v1")
    assert answer.json()["errors"][0]["message"] == ("the pull policy of ada is against High or worse: DSA-1")
    await execute("UPDATE advisory SET modified_at_ms = 0 WHERE osv_id = 'DSA-1'")
    # An advisory that says less now lets the image through, which no policy was touched for.
    await bring(world.factory, record("DSA-1", severity=None, modified="2026-02-01T00:00:00Z"))
    assert await world.status() == 200
    await world.policy(isUnfixedAllowed=True, minSeverity="UNKNOWN")
    told = (await world.reader.get_manifest("v1")).json()["errors"][0]
    assert told["detail"]["advisories"] == ["DSA-1", "DSA-3"]


async def test_an_exception_holds_until_it_ends(world: World) -> None:
    await world.policy()
    # Any name of an advisory will do, in small or capital letters.
    made = await world.overlook("cve-dsa-2")
    assert (made["exception"]["advisory"], made["exception"]["reason"]) == ("cve-dsa-2", "Not reachable.")
    assert (await world.reader.get_manifest("v1")).json()["errors"][0]["detail"]["advisories"] == ["DSA-1"]
    await world.overlook("DSA-1", seconds=1)
    assert await world.status() == 200
    explained = await world.explain()
    assert (explained["outcome"], explained["reason"]) == ("ALLOWED", None)
    assert explained["rulings"][0]["exceptions"] == [
        {"advisory": "DSA-1", "reason": "Not reachable."},
        {"advisory": "cve-dsa-2", "reason": "Not reachable."},
    ]
    await asyncio.sleep(1.1)
    assert await world.status() == 403

    # Set again it holds on, and deleted it does not.
    await world.overlook("DSA-1")
    assert await world.status() == 200
    gone = await world.graphql.payload(COUNT_AGAIN, owner=OF_ALL, advisory="DSA-1")
    assert gone["advisory"] == "DSA-1"
    assert await world.status() == 403
    # Policies have exceptions of their own: a repository does not loosen what its namespace wants.
    await world.policy(OF_APP)
    await world.overlook("DSA-1", owner=OF_APP)
    await world.overlook("DSA-2", owner=OF_APP)
    explained = await world.explain()
    assert [(one["isOfRepository"], one["outcome"], one["count"]) for one in explained["rulings"]] == [
        (False, "REFUSED", 1),
        (True, "ALLOWED", 0),
    ]
    assert await world.status() == 403


async def test_warnings_and_audit_let_a_pull_go_on(world: World) -> None:
    await world.policy(mode="WARN")
    answer = await world.reader.get_manifest("v1")
    assert answer.status_code == 200
    assert answer.headers.get_list("Warning") == [f'299 - "{REFUSED}"']
    assert (await world.explain())["outcome"] == "WARNED"

    await world.policy(mode="AUDIT")
    answer = await world.reader.get_manifest("v1")
    assert (answer.status_code, answer.headers.get_list("Warning")) == (200, [])
    assert (await world.explain())["outcome"] == "NOTED"
    await world.reader.get_manifest("v1")
    assert [entry["mode"] for entry in await entries("pull_against_policy")] == ["warn", "audit"]

    # The worst of two policies counts.
    await world.policy(OF_APP, mode="ENFORCE")
    assert await world.status() == 403
    assert (await world.explain())["reason"] == REFUSED.replace("of ada", "of ada/app")


async def test_images_that_are_not_scanned_pass_unless_a_policy_wants_scans(world: World) -> None:
    await world.policy()
    new = await world.factory.image("ada/app", layer({"new": b""}), tag="new")
    chart = await world.pusher.push_manifest(
        await artifact(world, "application/vnd.cncf.helm.chart"), "chart"
    )
    document = await artifact(
        world, "application/vnd.dev.cosign.artifact.sig.v1+json", subject=descriptor_of(await body_of(world))
    )
    signature = kit.digest_of(await world.pusher.push_manifest(document))
    index = await world.pusher.push_manifest(kit.index_document(await body_of(world)), "all")

    references = ("new", new, "chart", signature, "all", "v1")
    assert [await world.status(one) for one in references] == [200, 200, 200, 200, 200, 403]

    await world.policy(isScanRequired=True)
    # What is about an image, and an index, are no images.
    assert [await world.status(one) for one in references] == [403, 403, 403, 200, 200, 403]
    answer = await world.reader.get_manifest("new")
    assert answer.json()["errors"][0]["message"] == (
        "the pull policy of ada wants scanned images, and this is not scanned yet"
    )
    explained = await world.explain("chart")
    assert (explained["scanState"], explained["rulings"][0]["isScanMissing"]) == ("UNSUPPORTED", True)
    assert explained["manifest"]["digest"] == kit.digest_of(chart)
    explained = await world.explain("all")
    assert (explained["scanState"], explained["outcome"]) == (None, "ALLOWED")
    assert explained["manifest"]["digest"] == kit.digest_of(index)
    await scan_pushed(world.factory)
    assert await world.status("new") == 200
    await execute("UPDATE manifest_scan SET state = 'failed', scanned_at_ms = scanned_at_ms + 1")
    assert await world.status("new") == 403


def descriptor_of(body: bytes) -> Json:
    return kit.descriptor(body, kit.OCI_MANIFEST)


async def artifact(world: World, kind: str, **extra: Any) -> Json:
    await world.pusher.push_blobs(kit.EMPTY, b"content")
    return kit.artifact_document(kind, b"content", **extra)


async def test_a_pull_takes_one_statement_more_where_policies_hold(world: World) -> None:
    async def statements() -> int:
        with count_statements() as count:
            await world.reader.get_manifest("v1")
        return len(count.statements)

    await world.status()
    assert await statements() == 2
    # A policy elsewhere costs nothing.
    await world.factory.repository("ada/other")
    await world.policy({"repository": "ada/other"})
    assert await statements() == 2
    await world.policy()
    await world.overlook("DSA-1")
    await world.overlook("DSA-2")
    assert await world.status() == 200
    assert await statements() == 3
    await world.graphql.payload(COUNT_AGAIN, owner=OF_ALL, advisory="DSA-1")
    assert await world.status() == 403
    assert await statements() == 3


async def test_builds_may_pull_their_base_images(world: World) -> None:
    await world.policy()
    context = world.factory.context(await world.factory.viewer("bob"))
    grant = await registry_grant(context, RequestedScopes((RequestedScope("ada/app", (PULL,)),)))
    signer = await load_signer(context, contextlib.nullcontext, audience=context.site.registry_host)
    statuses = []
    for is_for_build in (False, True):
        token = await signer.issue(replace(grant, is_for_build=is_for_build))
        answer = await world.graphql.http.get(
            "/v2/ada/app/manifests/v1", headers={"Authorization": f"Bearer {token}"}
        )
        statuses.append(answer.status_code)
    assert statuses == [403, 200]

"""What runs of mirrors bring from an upstream in a process of its own, which misbehaves as it is told."""

from pathlib import Path
from typing import Any

from resolvers.access.roles import RepositoryRole
from resolvers.mirrors import mirror
from resolvers.mirrors.mirror import Architecture, MirrorChanges
from resolvers.mirrors.schedule import MirrorStatus
from resolvers.quotas.quota import LimitKind
from resolvers.repositories import permission, repository
from resolvers.tags import tag
from storage.clock import now_ms
from storage.statements import execute, fetch
from tests.certificates import make_certificate
from tests.factories import Factory
from tests.quayside.registry.kit import digest_of
from tests.resolvers.mirrors.mirroring import ACME, LAYERS, Mirroring, mirrored
from tests.schema.client import endpoint
from tests.state import dump
from tests.upstreams.upstream import OCI_INDEX, OCI_MANIFEST, FakeUpstream, faking

PLAN = """mutation { mirrorPlan(repository: "acme/app") {
  plan { changeCount items { totalCount nodes { name change before after } } }
  errors { code field message } } }"""
RUNS = """{ repository(path: "acme/app") { mirror { runs {
  status endedAt tagCount doneCount changedCount removedCount failedCount fetchedBytes message
  failures { tag message } } } } }"""


def child(upstream: FakeUpstream, digest: str, architecture: str, **more: Any) -> dict[str, Any]:
    """The descriptor of an image of the upstream in an index."""
    [size] = [
        len(upstream._client.get(f"/v2/team/app/manifests/{digest}").content),
    ]
    platform = {"architecture": architecture, "os": "linux"}
    return {"mediaType": OCI_MANIFEST, "digest": digest, "size": size, "platform": platform, **more}


async def test_a_source_of_a_private_authority_is_read_once_it_is_trusted(
    factory: Factory, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    with faking(certificate, key, verify=False) as upstream:
        digest = upstream.image("team/app", "v1", *LAYERS)
        mirroring = await mirrored(factory, f"{upstream.host}/team/app", upstream)
        await mirroring.begin("v*", verifies_tls=True)

        refused = await mirroring.run()
        assert refused.status is MirrorStatus.FAIL
        assert "shows a certificate that is not trusted" in str(refused.message)
        assert await mirroring.tags() == {}

        trusted = MirrorChanges(extra_cas=certificate.read_text())
        await mirror.update(mirroring.owner, ACME, trusted)
        assert (await mirroring.again()).status is MirrorStatus.SUCCESS
        assert await mirroring.tags() == {"v1": digest}


async def test_tags_that_fit_are_brought_and_then_asked_for_by_head_alone(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    digests = {name: upstream.image("team/app", name, *LAYERS) for name in ("v1", "v2", "edge")}
    await mirroring.begin("v*")

    run = await mirroring.run()

    assert await mirroring.tags() == {name: digests[name] for name in ("v1", "v2")}
    assert (run.status, run.tag_count, run.done_count, run.changed_count) == (MirrorStatus.SUCCESS, 2, 2, 2)
    # The layers that both share have travelled once.
    assert len(upstream.asked(f"GET .*/blobs/{digest_of(LAYERS[0])}")) == 1
    assert run.fetched_bytes >= sum(map(len, LAYERS))
    told = await mirroring.events()
    assert (told[0], told[-1]) == (("repo_mirror_sync_started", None), ("repo_mirror_sync_success", None))
    assert sorted(told[1:-1], key=str) == [("repo_mirror_sync_tag_success", name) for name in ("v1", "v2")]
    record = await mirroring.record()
    assert (record.status, record.claimed_until_ms) == (MirrorStatus.SUCCESS, None)
    assert record.timing.starts_at_ms is not None
    assert record.timing.starts_at_ms > now_ms()
    # Its job finds nothing to do before that time.
    before = len(upstream.asked())
    await mirroring.run()
    assert len(upstream.asked()) == before

    moved = upstream.image("team/app", "v2", b"third")
    before = len(upstream.asked())
    run = await mirroring.again()
    assert (run.changed_count, (await mirroring.tags())["v2"]) == (1, moved)
    asked = [line for line in upstream.asked()[before:] if "/referrers/" not in line]
    assert [line for line in asked if "v1" in line or digests["v1"] in line] == [
        "HEAD /v2/team/app/manifests/v1"
    ]


async def test_an_index_comes_with_children_signatures_and_what_refers_to_them(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    children = [upstream.image("team/app", name, name.encode()) for name in ("amd64", "arm64")]
    index = upstream.index(
        *("team/app", "v1"),
        *(child(upstream, digest, name) for digest, name in zip(children, ("amd64", "arm64"), strict=True)),
    )
    signature = upstream.image("team/app", f"{children[0].replace(':', '-')}.sig", b"signature")
    stray = upstream.image("team/app", f"sha256-{'0' * 64}.sig", b"of something else")
    subject = {"mediaType": OCI_INDEX, "digest": index, "size": 1}
    bill = upstream.image("team/app", "bill", b"bill", subject=subject, artifactType="application/bill")
    subject = {"mediaType": OCI_MANIFEST, "digest": bill, "size": 1}
    second = upstream.image("team/app", "second", b"of the bill", subject=subject)
    await mirroring.begin("v1")

    run = await mirroring.run()

    assert run.status is MirrorStatus.SUCCESS
    assert await mirroring.tags() == {"v1": index, f"{children[0].replace(':', '-')}.sig": signature}
    assert await mirroring.manifests() == {index, *children, signature, bill, second}
    assert stray not in await mirroring.manifests()

    # What refers to an image and came later is brought, though its tag has not moved.
    subject = {"mediaType": OCI_MANIFEST, "digest": children[1], "size": 1}
    late = upstream.image("team/app", "late", b"late", subject=subject)
    assert (await mirroring.again()).status is MirrorStatus.SUCCESS
    assert late in await mirroring.manifests()


async def test_the_rights_of_the_robot_and_the_state_decide(mirroring: Mirroring) -> None:
    mirroring.upstream.image("team/app", "v1", b"layer")
    await mirroring.begin("v1")
    whose = permission.Grantee(permission.GranteeKind.USER, "acme+bot")
    await permission.set_permission(mirroring.owner, ACME, whose, RepositoryRole.READ)

    run = await mirroring.run()

    assert run.message == "The robot acme+bot may not write to acme/app; give it the role write."
    await permission.set_permission(mirroring.owner, ACME, whose, RepositoryRole.WRITE)
    await repository.change_state(mirroring.owner, ACME, repository.RepositoryState.READ_ONLY)
    run = await mirroring.again()
    assert run.message == "The repository is in the state READ_ONLY; a mirror needs MIRROR."
    assert await mirroring.tags() == {}
    assert mirroring.upstream.asked() == []


async def test_locked_tags_stay_and_deletions_are_followed_only_if_asked(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    names = ("v1", "v2", "v3", "other")
    digests = {name: upstream.image("team/app", name, name.encode()) for name in names}
    await mirroring.begin("v*", "other")
    await mirroring.run()
    await execute("UPDATE tag SET is_immutable = ? WHERE name IN ('v1', 'v2')", True)

    upstream.reset()
    upstream.image("team/app", "v1", b"moved")
    upstream.image("team/app", "x", b"x")
    run = await mirroring.again()
    assert [one.tag for one in run.failures] == ["v1"]
    assert "locked" in run.failures[0].message
    assert await mirroring.tags() == digests

    await mirror.update(mirroring.owner, ACME, MirrorChanges(follows_deletions=True, patterns=["v*"]))
    run = await mirroring.again()
    assert run.removed_count == 1
    assert (await mirroring.tags()).keys() == {"v1", "v2", "other"}
    # A source that lists nothing has rather lost its list.
    upstream.reset()
    await mirroring.again()
    assert (await mirroring.tags()).keys() == {"v1", "v2", "other"}


async def test_architectures_leave_out_the_other_children(mirroring: Mirroring) -> None:
    mirroring.factory = mirroring.factory.with_features("SPARSE_INDEX")
    mirroring.owner = await mirroring.factory.as_account("ada")
    upstream = mirroring.upstream
    children = {name: upstream.image("team/app", f"of-{name}", name.encode()) for name in ("amd64", "arm64")}
    proofs = {
        name: upstream.image("team/app", f"proof-{name}", f"proof {name}".encode()) for name in children
    }
    about = "vnd.docker.reference.digest"
    index = upstream.index(
        *("team/app", "v1"),
        *(child(upstream, digest, name) for name, digest in children.items()),
        *(
            child(upstream, digest, "unknown", annotations={about: children[name]})
            for name, digest in proofs.items()
        ),
    )
    await mirroring.begin("v1", architectures=[Architecture.ARM64])

    assert (await mirroring.run()).status is MirrorStatus.SUCCESS
    assert await mirroring.manifests() == {index, children["arm64"], proofs["arm64"]}
    assert await mirroring.tags() == {"v1": index}

    # The rest comes once the filter is gone, though the index has not changed.
    await mirror.update(mirroring.owner, ACME, MirrorChanges(architectures=[]))
    assert (await mirroring.again()).status is MirrorStatus.SUCCESS
    assert await mirroring.manifests() == {index, *children.values(), *proofs.values()}


async def test_a_plan_shows_what_a_run_would_do_and_a_run_what_it_did(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    names = ("gone", "locked", "moved", "same")
    first = {name: upstream.image("team/app", name, name.encode()) for name in names}
    await mirroring.begin("*", follows_deletions=True)
    await mirroring.run()
    await execute("UPDATE tag SET is_immutable = ? WHERE name = 'locked'", True)
    upstream.reset()
    names = ("locked", "moved", "new")
    second = {name: upstream.image("team/app", name, b"other") for name in names}
    second["same"] = upstream.image("team/app", "same", b"same")
    token = await mirroring.factory.token("ada")
    before = await dump()
    async with endpoint(mirroring.factory) as anonymous:
        ada = anonymous.with_token(token)

        plan = (await ada.payload(PLAN))["plan"]

        assert plan["items"]["nodes"] == [
            {"name": name, "change": change, "before": first.get(name), "after": second.get(name)}
            for name, change in (
                *(("gone", "REMOVES"), ("locked", "LOCKED"), ("moved", "MOVES")),
                *(("new", "ADDS"), ("same", "KEEPS")),
            )
        ]
        assert (plan["changeCount"], plan["items"]["totalCount"]) == (3, 5)
        after = await dump()
        assert [table for table in before if table != "access_token" and before[table] != after[table]] == []

        await mirroring.again()
        assert (await mirroring.tags()).keys() == {"locked", "moved", "new", "same"}
        run, earlier = (await ada.data(RUNS))["repository"]["mirror"]["runs"]
        assert (earlier["status"], earlier["changedCount"]) == ("SUCCESS", 4)
        assert run.pop("endedAt") is not None
        assert run.pop("fetchedBytes") > 0
        assert run.pop("message").startswith("4 tags, 2 brought, 1 removed, ")
        [failure] = run.pop("failures")
        assert failure["tag"] == "locked"
        assert run == {
            "status": "FAIL",
            "tagCount": 4,
            "doneCount": 4,
            "changedCount": 2,
            "removedCount": 1,
            "failedCount": 1,
        }
        upstream.rule("/tags/list", status=500)
        assert await ada.payload_error(PLAN) == ("UPSTREAM", None)


async def test_another_namespaces_blob_is_not_obtained_by_its_digest(mirroring: Mirroring) -> None:
    factory, upstream = mirroring.factory, mirroring.upstream
    secret = b"what is private"
    await factory.user("eve")
    await factory.repository("eve/hidden", by="eve")
    await factory.image("eve/hidden", secret, tag="v1")
    upstream.image("team/app", "v1", secret)
    upstream.rule(f"GET .*/blobs/{digest_of(secret)}", status=404)
    await mirroring.begin("v1")

    run = await mirroring.run()

    assert (run.status, await mirroring.tags()) == (MirrorStatus.FAIL, {})
    place = await repository.find(ACME)
    assert place is not None
    assert (
        await fetch(
            "SELECT rb.id FROM repository_blob rb JOIN blob b ON b.id = rb.blob_id"
            " WHERE rb.repository_id = ? AND b.digest = ?",
            *(place.id, digest_of(secret)),
        )
        == []
    )
    assert await tag.active_tag(place.id, "v1") is None


async def test_each_misbehaviour_of_a_source_hits_its_own_tag(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    names = ("half", "refuses", "inside", "slow", "longer")
    layers = {name: f"{name} ".encode() * 20_000 for name in names}
    digests = {name: upstream.image("team/app", name, layer) for name, layer in layers.items()}
    blob = {name: f"GET .*/blobs/{digest_of(layer)}" for name, layer in layers.items()}
    upstream.rule(blob["half"], cut=50_000, times=1)
    upstream.rule(blob["refuses"], status=500, times=1)
    upstream.rule(blob["inside"], status=307, headers={"Location": "http://10.0.0.1/blob"})
    upstream.rule(blob["slow"], pause_at=10)
    upstream.rule(blob["longer"], extra=1)
    await mirroring.begin("*")
    await execute("UPDATE repository_mirror SET tag_timeout_s = 3")

    run = await mirroring.run()

    failed = {one.tag: one.message for one in run.failures}
    assert failed.keys() == {"inside", "longer", "slow"}
    assert failed["slow"] == "It took longer than 3 seconds."
    assert "10.0.0.1" in failed["inside"]
    # What fails in a way that may pass is asked for again, and what was cut from there on.
    assert await mirroring.tags() == {name: digests[name] for name in ("half", "refuses")}
    first, second = (
        {key.lower(): text for key, text in one["headers"].items()} for one in upstream.requests(blob["half"])
    )
    assert ("range" in first, second["range"].startswith("bytes=")) == (False, True)


async def test_a_quota_holds_for_mirrors(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    upstream.image("team/app", "v1", b"large" * 10_000)
    small = upstream.image("team/app", "v2", b"small")
    await mirroring.begin("v1", "v2")
    await mirroring.factory.quota("acme", 10_000, (LimitKind.REJECT, 100))

    run = await mirroring.run()

    [failure] = run.failures
    assert failure.tag == "v1"
    assert failure.message.startswith("Quota has been exceeded on namespace acme")
    assert await mirroring.tags() == {"v2": small}


async def test_a_source_without_an_api_of_referrers_is_asked_by_tags(mirroring: Mirroring) -> None:
    upstream = mirroring.upstream
    image = upstream.image("team/app", "v1", b"layer")
    upstream.image("team/app", "v2", b"another")
    subject = {"mediaType": OCI_MANIFEST, "digest": image, "size": 1}
    bill = upstream.image("team/app", "bill", b"bill", subject=subject, artifactType="application/bill")
    upstream.index("team/app", image.replace(":", "-"), child(upstream, bill, "unknown"))
    upstream.rule("/referrers/", status=404)
    await mirroring.begin("v*")

    assert (await mirroring.run()).status is MirrorStatus.SUCCESS

    assert bill in await mirroring.manifests()
    assert (await mirroring.tags()).keys() == {"v1", "v2"}
    # It is asked for the API by the tags that are under way at first, and then for what is listed alone.
    await mirroring.again()
    before = len(upstream.asked())
    await mirroring.again()
    asked = upstream.asked()[before:]
    assert len([line for line in asked if "/referrers/" in line]) <= 2
    assert [line for line in asked if "manifests/sha256-" in line] == [
        f"GET /v2/team/app/manifests/{image.replace(':', '-')}"
    ]

"""Copies (promotion) through GraphQL: content, authorization, atomicity."""

import asyncio
from typing import Any

import pytest

from resolvers.access.roles import RepositoryRole
from resolvers.repositories import repository
from resolvers.tags import copy as tag_copy
from storage.statements import count_statements, decode_json, fetch
from tests import state
from tests.factories import Factory, add_tags, image_config
from tests.quayside.registry import kit
from tests.quotas import set_quota, stored, told
from tests.resolvers.manifests.test_artifact import OTHER, SIMPLE, simple
from tests.schema.client import GraphQL
from tests.schema.manifests.test_referrers import artifact, old_tag
from tests.schema.tags.test_tags import UPDATE

COPY = """
mutation ($from: TagCopySourceInput!, $to: [TagCopyTargetInput!]!, $referrers: Boolean! = false,
          $create: Boolean! = false) {
  tagCopy(from: $from, to: $to, includeReferrers: $referrers, canCreate: $create) {
    tags { name isReversion manifest { digest } } errors { code field message } } }
"""
LABEL = {"quay.expires-after": "2h", "quay.immutable": "true"}


def source(**more: str) -> dict[str, str]:
    return {"repository": "ada/app", **(more or {"tag": "v1"})}


def target(path: str, tag: str = "stable") -> dict[str, str]:
    return {"repository": path, "tag": tag}


@pytest.fixture
async def image(factory: Factory, ada: GraphQL) -> str:
    """An image `v1` in `ada/app`; `acme/prod` and `acme/test` are empty."""
    await factory.repository("ada/app")
    await factory.organization("acme", owner="ada")
    for name in ("prod", "test"):
        await factory.repository(f"acme/{name}", by="ada")
    config = image_config("amd64", config={"Labels": LABEL})
    return await factory.image("ada/app", b"layer one", b"layer two", tag="v1", config=config)


async def parts(path: str, digest: str) -> dict[str, list[Any]]:
    """All rows that a manifest has in a repository, without their ids and times."""
    record = await repository.find(path)
    assert record is not None
    (manifest,) = await fetch(
        "SELECT * FROM manifest WHERE repository_id = ? AND digest = ?", record.id, digest
    )
    without = {"id", "repository_id", "namespace_id", "manifest_id", "created_at_ms", "uuid"}
    found = {"manifest": [manifest]}
    for table in ("manifest_body", "manifest_blob", "manifest_child", "label"):
        found[table] = await fetch(f"SELECT * FROM {table} WHERE manifest_id = ?", manifest["id"])
        assert {row.get("namespace_id", record.namespace_id) for row in found[table]} <= {record.namespace_id}
    return {
        table: sorted(
            str({key: row[key] if key != "body" else bytes(row[key]) for key in row if key not in without})
            for row in rows
        )
        for table, rows in found.items()
    }


async def blobs(path: str) -> set[str]:
    """The digests of blobs to which a repository has a right."""
    record = await repository.find(path)
    assert record is not None
    rows = await fetch(
        "SELECT b.digest FROM blob b JOIN repository_blob r ON r.blob_id = b.id WHERE r.repository_id = ?",
        record.id,
    )
    return {row["digest"] for row in rows}


async def rows_of(path: str) -> list[Any]:
    """The manifests of a repository."""
    record = await repository.find(path)
    assert record is not None
    return await fetch("SELECT digest FROM manifest WHERE repository_id = ?", record.id)


async def important() -> dict[str, Any]:
    """All rows except those about the use of tokens."""
    return {table: rows for table, rows in (await state.dump()).items() if table != "access_token"}


async def test_a_copy_has_all_rows_of_the_original_in_each_target(ada: GraphQL, image: str) -> None:
    payload = await ada.payload(
        COPY,
        **{"from": source()},
        to=[target("acme/prod"), target("acme/test", "v1"), target("acme/prod", "v1")],
    )

    assert [(tag["name"], tag["manifest"]["digest"]) for tag in payload["tags"]] == [
        ("stable", image),
        ("v1", image),
        ("v1", image),
    ]
    original = await parts("ada/app", image)
    assert await parts("acme/prod", image) == original
    assert await parts("acme/test", image) == original
    assert await blobs("acme/prod") == await blobs("ada/app")
    rows = await fetch("SELECT metadata FROM event WHERE kind = 'create_tag' ORDER BY id")
    told = [decode_json(row["metadata"]) for row in rows]
    assert [(one["repo"], one["tag"], one["manifest_digest"]) for one in told[-3:]] == [
        ("prod", "stable", image),
        ("test", "v1", image),
        ("prod", "v1", image),
    ]
    # The image asks for a lock.
    spans = await fetch(
        "SELECT t.* FROM tag t JOIN repository r ON r.id = t.repository_id WHERE r.name IN ('prod', 'test')"
    )
    assert {(bool(span["is_immutable"]), span["ended_at_ms"]) for span in spans} == {(True, None)}


async def test_copies_are_idempotent_and_a_newer_one_moves_the_tag(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    # An image that asks for no lock, which would keep the tag from being moved.
    plain = await factory.image("ada/app", b"layer one", b"layer two", tag="v0")
    await ada.payload(COPY, **{"from": source(tag="v0")}, to=[target("acme/prod")])
    first = await important()
    await ada.payload(COPY, **{"from": source(manifestDigest=plain)}, to=[target("acme/prod")])
    again = await important()
    newer = await factory.image("ada/app", b"layer one", b"layer three", tag="v2")

    moved = await ada.payload(COPY, **{"from": source(tag="v2")}, to=[target("acme/prod")])

    assert again == first
    assert moved["tags"][0]["manifest"]["digest"] == newer
    assert len(await fetch("SELECT id FROM event WHERE kind = 'move_tag'")) == 1


async def test_copying_an_index_includes_images_and_optionally_referrers(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    configs = [image_config(name) for name in ("amd64", "arm64")]
    documents = []
    for config in configs:
        await factory.image("ada/app", b"layer", config=config)
        documents.append(kit.encode(kit.image_document(b"layer", config=config)))
    index = await factory.manifest("ada/app", kit.index_document(*documents), tag="many")
    children = [kit.digest_of(document) for document in documents]
    for blob in (kit.EMPTY, b"signature"):
        await factory.blob("ada/app", blob)
    subject = {"mediaType": kit.OCI_MANIFEST, "digest": children[0], "size": len(documents[0])}
    signature = await factory.manifest(
        "ada/app", kit.artifact_document("application/vnd.example.signature", b"signature", subject=subject)
    )

    await ada.payload(COPY, **{"from": source(tag="many")}, to=[target("acme/prod")])
    await ada.payload(COPY, **{"from": source(tag="many")}, to=[target("acme/test")], referrers=True)

    held = {path: {row["digest"] for row in await rows_of(path)} for path in ("acme/prod", "acme/test")}
    assert held == {"acme/prod": {index, *children}, "acme/test": {index, *children, signature}}
    for digest in (index, *children, signature):
        assert await parts("acme/test", digest) == await parts("ada/app", digest)


async def tagged(path: str) -> dict[str, str]:
    """The digest to which each tag of a repository points."""
    rows = await fetch(
        "SELECT t.name, m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id"
        " JOIN repository r ON r.id = t.repository_id JOIN account a ON a.id = r.namespace_id"
        " WHERE a.name = ? AND r.name = ? AND t.ended_at_ms IS NULL",
        *path.split("/"),
    )
    return {row["name"]: row["digest"] for row in rows}


async def signed(factory: Factory, subject: str, ending: str = ".sig", **more: str) -> str:
    """Push a signature under the cosign tag of a digest. Returns the digest of the signature."""
    layer = (SIMPLE, simple(subject) | more)
    return await artifact(factory, None, layer, tag=old_tag(subject, ending))


async def test_copying_with_referrers_includes_cosign_tags_transitively(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    index = await factory.manifest(
        "ada/app",
        kit.index_document(
            kit.encode(
                kit.image_document(
                    b"layer one",
                    b"layer two",
                    config=image_config("amd64", config={"Labels": LABEL}),
                )
            )
        ),
        tag="many",
    )
    of_index = await signed(factory, index)
    of_image = await signed(factory, image)
    attestation = await signed(factory, image, ".att", kind="attestation")
    bill = await signed(factory, image, ".sbom", kind="bill")
    of_bill = await signed(factory, bill)
    await signed(factory, OTHER)
    withdrawn = await signed(factory, attestation)
    await ada.payload(
        """mutation ($tag: String!) { tagDelete(repository: "ada/app", tag: $tag) { errors { code } } }""",
        tag=old_tag(attestation, ".sig"),
    )

    await ada.payload(COPY, **{"from": source(tag="many")}, to=[target("acme/prod")])
    await ada.payload(
        COPY,
        **{"from": source(tag="many")},
        to=[target("acme/test"), target("ada/app", "again")],
        referrers=True,
    )

    assert await tagged("acme/prod") == {"stable": index}
    assert await tagged("acme/test") == {
        "stable": index,
        old_tag(index, ".sig"): of_index,
        old_tag(image, ".sig"): of_image,
        old_tag(image, ".att"): attestation,
        old_tag(image, ".sbom"): bill,
        old_tag(bill, ".sig"): of_bill,
    }
    held = {row["digest"] for row in await rows_of("acme/test")}
    assert held == {index, image, of_index, of_image, attestation, bill, of_bill}
    assert withdrawn not in held
    for digest in held:
        assert await parts("acme/test", digest) == await parts("ada/app", digest)


async def test_copying_an_index_includes_plain_blobs(factory: Factory, ada: GraphQL, image: str) -> None:
    await factory.blob("ada/app", b"a text")
    listed = [kit.descriptor(b"a text", "text/plain")]
    await factory.manifest("ada/app", kit.index_document(manifests=listed), tag="texts")

    await ada.payload(COPY, **{"from": source(tag="texts")}, to=[target("acme/prod")])

    assert await blobs("acme/prod") == {kit.digest_of(b"a text")}


async def test_a_newer_signature_moves_its_tag_and_a_locked_one_stops_the_whole_copy(
    factory: Factory, ada: GraphQL, image: str
) -> None:
    name = old_tag(image, ".sig")
    await signed(factory, image)
    both = [target("acme/prod"), target("acme/test")]
    await ada.payload(COPY, **{"from": source()}, to=both, referrers=True)
    newer = await signed(factory, image, optional="newer")
    await ada.payload(COPY, **{"from": source()}, to=[both[0]], referrers=True)
    await ada.payload(UPDATE.replace("ada/app", "acme/test"), tag=name, input={"isImmutable": True})
    await factory.image("ada/app", b"other", tag="v2")
    before = await important()

    refused = await ada.payload_error(
        COPY, **{"from": source()}, to=[target("acme/prod", "v3"), both[1]], referrers=True
    )

    assert refused == ("IMMUTABLE", "tag")
    assert (await tagged("acme/prod"))[name] == newer
    assert await important() == before


async def test_tags_of_referrers_have_a_limit(
    factory: Factory, ada: GraphQL, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed(factory, image)
    monkeypatch.setattr(tag_copy, "MAX_TAGS", 1)

    refused = await ada.payload_error(
        COPY, **{"from": source()}, to=[target("acme/prod"), target("acme/test")], referrers=True
    )
    nothing = await tagged("acme/prod")
    await ada.payload(COPY, **{"from": source()}, to=[target("acme/prod")], referrers=True)

    assert refused == ("TOO_MANY", "from")
    assert nothing == {}
    assert set(await tagged("acme/prod")) == {"stable", old_tag(image, ".sig")}


async def test_a_missing_target_is_created_only_on_request(ada: GraphQL, image: str) -> None:
    before = await important()
    refused = await ada.payload_error(
        COPY, **{"from": source()}, to=[target("acme/prod"), target("acme/new")]
    )
    untouched = await important()

    await ada.payload(COPY, **{"from": source()}, to=[target("acme/prod"), target("acme/new")], create=True)

    assert refused == ("UNKNOWN_REFERENCE", "to")
    assert untouched == before
    assert await parts("acme/new", image) == await parts("ada/app", image)


async def test_concurrent_copies_into_a_missing_repository_all_succeed(ada: GraphQL, image: str) -> None:
    await asyncio.gather(
        *(
            ada.payload(
                COPY,
                **{"from": source()},
                to=[target("acme/new", f"t{one}"), target("acme/newer", f"t{one}")],
                create=True,
            )
            for one in range(6)
        )
    )

    for path in ("acme/new", "acme/newer"):
        assert await tagged(path) == {f"t{one}": image for one in range(6)}


async def test_the_error_names_a_target_that_cannot_be_created(ada: GraphQL, image: str) -> None:
    before = await important()

    refused = await ada.payload_error(
        COPY, **{"from": source()}, to=[target("acme/prod"), target("acme/No Name")], create=True
    )

    assert refused == ("INVALID", "to")
    assert await important() == before


async def test_copies_require_rights_on_source_and_target_and_disclose_nothing(
    graphql: GraphQL, factory: Factory, ada: GraphQL, image: str
) -> None:
    await factory.user("bob")
    await factory.repository("bob/mine")
    bob = graphql.with_token(await factory.token("bob"))
    before = await important()

    without_source = await bob.refusal(COPY, **{"from": source()}, to=[target("bob/mine")])
    absent = await bob.refusal(
        COPY, **{"from": {"repository": "ada/none", "tag": "v1"}}, to=[target("bob/mine")]
    )
    unchanged = await important() == before
    await factory.grant("ada/app", "bob", RepositoryRole.READ, by="ada")
    await factory.grant("acme/prod", "bob", RepositoryRole.READ, by="ada")
    without_target = await bob.refusal(COPY, **{"from": source()}, to=[target("acme/prod")])
    without_namespace = await bob.refusal(COPY, **{"from": source()}, to=[target("acme/new")], create=True)
    half = await bob.refusal(COPY, **{"from": source()}, to=[target("bob/mine"), target("acme/prod")])
    nothing = await blobs("bob/mine")
    await bob.payload(COPY, **{"from": source()}, to=[target("bob/mine")])

    assert [without_source, absent, without_target, without_namespace, half] == ["FORBIDDEN"] * 5
    assert unchanged
    assert nothing == set()
    assert await parts("bob/mine", image) == await parts("ada/app", image)


async def test_a_copy_is_all_or_nothing(factory: Factory, ada: GraphQL, image: str) -> None:
    await ada.payload(COPY, **{"from": source()}, to=[target("acme/test", "fixed")])
    await factory.image("ada/app", b"other", tag="v2")
    await ada.payload(UPDATE.replace("ada/app", "acme/test"), tag="fixed", input={"isImmutable": True})
    before = await important()
    absent = "sha256:" + "0" * 64

    assert [
        await ada.payload_error(COPY, **{"from": one}, to=to)
        for one, to in (
            (source(tag="none"), [target("acme/prod")]),
            (source(manifestDigest=absent), [target("acme/prod")]),
            (source(tag="v1", manifestDigest=image), [target("acme/prod")]),
            ({"repository": "ada/app"}, [target("acme/prod")]),
            (source(), []),
            (source(), [target("acme/prod")] * 2),
            (source(), [target("acme/prod", "no tag")]),
            (source(tag="v2"), [target("acme/prod"), target("acme/test", "fixed")]),
        )
    ] == [
        ("UNKNOWN_REFERENCE", "from"),
        ("UNKNOWN_REFERENCE", "from"),
        ("INVALID", "from"),
        ("INVALID", "from"),
        ("INVALID", "to"),
        ("INVALID", "to"),
        ("INVALID", "tag"),
        ("IMMUTABLE", "tag"),
    ]
    assert await important() == before


async def test_a_source_without_a_blob_is_not_copied(factory: Factory, ada: GraphQL, image: str) -> None:
    from resolvers.content import push

    await factory.image("ada/app", b"layer three", tag="v2")
    record = await repository.find("ada/app")
    assert record is not None
    await push.delete_blob(await factory.as_account("ada"), record, kit.digest_of(b"layer three"))

    assert await ada.payload_error(COPY, **{"from": source(tag="v2")}, to=[target("acme/prod")]) == (
        "UNKNOWN_REFERENCE",
        "from",
    )
    assert await blobs("acme/prod") == set()


async def test_two_concurrent_copies_store_one_manifest(ada: GraphQL, image: str) -> None:
    await asyncio.gather(
        *(
            ada.payload(COPY, **{"from": source()}, to=[target("acme/prod", f"t{one}"), target("acme/test")])
            for one in range(4)
        )
    )

    record = await repository.find("acme/prod")
    assert record is not None
    assert len(await fetch("SELECT id FROM manifest WHERE repository_id = ?", record.id)) == 1
    assert await parts("acme/prod", image) == await parts("ada/app", image)


async def test_a_copy_costs_the_same_however_many_tags_the_manifest_has(ada: GraphQL, image: str) -> None:
    await add_tags(image, (f"t{one}" for one in range(10_000)))

    with count_statements() as count:
        await ada.payload(COPY, **{"from": source(tag="t9999")}, to=[target("acme/prod")])

    assert len(count.statements) < 45


async def test_a_copy_is_held_to_the_quota_of_each_namespace(
    ada: GraphQL, image: str, factory: Factory
) -> None:
    needed = await stored("ada")
    await factory.organization("late", owner="ada")
    await factory.repository("late/prod", by="ada")
    targets = [target("late/prod"), target("acme/prod"), target("acme/test")]
    await set_quota("ada", 1)
    await set_quota("late", needed, warnings=[90])
    await set_quota("acme", needed - 1)
    before = await important()

    refused = await ada.data(COPY, **{"from": source()}, to=targets)

    assert refused["tagCopy"]["errors"] == [
        {
            "code": "QUOTA_EXCEEDED",
            "field": "to",
            "message": f"Quota has been exceeded on namespace acme: it may store {needed - 1} bytes, stores"
            f" 0, and this needs {needed} more. Deleting tags makes room once their content is collected; a"
            " superuser of the registry can raise the quota.",
        }
    ]
    after = await important()
    assert {name for name in after if after[name] != before[name]} == {
        "event",
        "inbox_notice",
        "quota_notice",
    }
    assert await told() == [("quota_error", 100, 0, needed - 1, 0)]

    # The content of both repositories counts once, and a copy within a namespace costs nothing.
    await set_quota("acme", needed)
    assert (await ada.payload(COPY, **{"from": source()}, to=targets))["errors"] == []
    assert (await stored("acme"), await stored("late")) == (needed, needed)
    assert await told() == [
        ("quota_error", 100, 0, needed - 1, 0),
        ("quota_error", 100, needed, needed, 100),
    ]
    await set_quota("acme", 1)
    again = [target("acme/more"), target("acme/prod", "v2")]
    assert (await ada.payload(COPY, **{"from": source()}, to=again, create=True))["errors"] == []

"""Pushing manifests (OCI Distribution 1.1, "Pushing Manifests" and "Pushing Manifests with Subject")."""

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.tags.tag import TagChanges
from resolvers.tags.tag import update as update_tag
from storage.statements import decode_json, fetch
from tests.quayside.registry import kit, people

SBOM = "application/vnd.example.sbom.v1"


async def assert_pushed(repository: kit.Repository, answer: httpx.Response, body: bytes) -> None:
    assert answer.status_code == 201, answer.text
    assert answer.headers["Docker-Content-Digest"] == kit.digest_of(body)
    pulled = await repository.client.get(answer.headers["Location"])
    assert pulled.status_code == 200
    assert pulled.content == body


async def assert_nothing_pushed(repository: kit.Repository, body: bytes, reference: str) -> None:
    for absent in (reference, kit.digest_of(body)):
        assert (await repository.get_manifest(absent)).status_code == 404


@pytest.mark.parametrize("by", ["tag", "digest"])
async def test_an_image(repository: kit.Repository, by: str) -> None:
    await repository.push_blobs(kit.CONFIG, b"layer")
    body = kit.encode(kit.image_document(b"layer"))

    answer = await repository.put_manifest("v1" if by == "tag" else kit.digest_of(body), body)

    await assert_pushed(repository, answer, body)
    assert "OCI-Subject" not in answer.headers
    assert (await repository.get_manifest("v1")).status_code == (200 if by == "tag" else 404)


async def test_a_docker_image_and_its_list(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG, b"layer")
    image = await repository.push_manifest(kit.docker_image_document(b"layer"))
    body = kit.encode(kit.index_document(image, mediaType=kit.DOCKER_LIST))

    answer = await repository.put_manifest("list", body)

    await assert_pushed(repository, answer, body)
    assert (await repository.get_manifest("list")).headers["Content-Type"] == kit.DOCKER_LIST


async def test_indexes_may_be_nested_and_empty(repository: kit.Repository) -> None:
    image = await repository.push_image(b"layer")
    inner = await repository.push_manifest(kit.index_document(image))
    empty = await repository.push_manifest(kit.index_document())
    body = kit.encode(kit.index_document(inner, empty, image))

    await assert_pushed(repository, await repository.put_manifest("outer", body), body)


@pytest.mark.parametrize("layers", [(), (b"{}",), (b"one", b"two", b"one")])
async def test_layers_may_be_none_or_repeated(repository: kit.Repository, layers: tuple[bytes, ...]) -> None:
    await repository.push_blobs(kit.CONFIG, *layers)
    body = kit.encode(kit.image_document(*layers))

    await assert_pushed(repository, await repository.put_manifest("v1", body), body)


async def test_an_artifact(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.EMPTY, b"sbom")
    body = kit.encode(kit.artifact_document(SBOM, b"sbom"))

    await assert_pushed(repository, await repository.put_manifest("sbom", body), body)


async def test_layers_that_are_not_distributed_need_not_be_pushed(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG, b"own")
    foreign = kit.descriptor(b"foreign", kit.OCI_FOREIGN_LAYER, urls=["https://example.com/layer"])
    body = kit.encode(kit.image_document() | {"layers": [foreign, kit.descriptor(b"own", kit.OCI_LAYER)]})

    await assert_pushed(repository, await repository.put_manifest("v1", body), body)


async def test_descriptors_may_carry_data(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.EMPTY)
    embedded = kit.with_data(kit.EMPTY, kit.OCI_EMPTY)
    body = kit.encode(kit.artifact_document(SBOM) | {"config": embedded, "layers": [embedded]})

    await assert_pushed(repository, await repository.put_manifest("v1", body), body)


async def test_sha512_is_supported_everywhere(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG, b"layer", algorithm="sha512")
    body = kit.encode(kit.image_document(b"layer", algorithm="sha512"))
    digest = kit.digest_of(body, algorithm="sha512")
    index = kit.encode(kit.index_document(body, algorithm="sha512"))
    index_digest = kit.digest_of(index, algorithm="sha512")

    answers = [
        await repository.put_manifest(digest, body),
        await repository.put_manifest(index_digest, index, tag="v1"),
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].headers["Docker-Content-Digest"] == digest
    for reference in (index_digest, "v1"):
        pulled = await repository.get_manifest(reference)
        assert pulled.content == index
        assert pulled.headers["Docker-Content-Digest"] == index_digest


async def test_a_manifest_may_be_four_mebibytes_and_no_more(repository: kit.Repository) -> None:
    await repository.push_blob(kit.CONFIG)
    body = kit.encode(kit.image_document())
    largest = body + b" " * (4 * 1024 * 1024 - len(body))

    await assert_pushed(repository, await repository.put_manifest("large", largest), largest)
    refused = await repository.put_manifest("larger", largest + b" ", kit.OCI_MANIFEST)

    assert refused.status_code == 413
    assert kit.error_codes(refused) == ["MANIFEST_INVALID"]
    await assert_nothing_pushed(repository, largest + b" ", "larger")


async def test_pushing_by_digest_may_set_tags(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG)
    body = kit.encode(kit.image_document())
    tags = [f"v{number}" for number in range(12)]

    answer = await repository.put_manifest(kit.digest_of(body), body, tag=tags)

    await assert_pushed(repository, answer, body)
    listed = ",".join(answer.headers.get_list("OCI-Tag"))
    assert [tag.strip() for tag in listed.split(",")] == tags
    for tag in tags:
        assert (await repository.get_manifest(tag)).content == body


async def test_one_bad_tag_among_several_sets_none(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG)
    body = kit.encode(kit.image_document())

    answer = await repository.put_manifest(kit.digest_of(body), body, tag=["good", "-bad"])

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["MANIFEST_INVALID"]
    await assert_nothing_pushed(repository, body, "good")


async def test_a_tag_moves_to_what_was_pushed_last(repository: kit.Repository) -> None:
    first = await repository.push_image(b"one", tag="latest")
    second = await repository.push_image(b"two", tag="latest")

    assert (await repository.get_manifest("latest")).content == second
    assert (await repository.get_manifest(kit.digest_of(first))).content == first


async def test_pushing_the_same_twice_is_no_error(repository: kit.Repository) -> None:
    assert await repository.push_image(b"one", tag="latest") == await repository.push_image(
        b"one", tag="latest"
    )


@pytest.mark.parametrize("digest", [kit.digest_of(b"else"), kit.digest_of(b"else", algorithm="sha512")])
async def test_another_digest_than_that_of_the_content_is_refused(
    repository: kit.Repository, digest: str
) -> None:
    await repository.push_blobs(kit.CONFIG)
    body = kit.encode(kit.image_document())

    answer = await repository.put_manifest(digest, body)

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]
    await assert_nothing_pushed(repository, body, digest)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("sha256:baddigeststring", "DIGEST_INVALID"),
        (".bad", "MANIFEST_INVALID"),
        ("t" * 129, "MANIFEST_INVALID"),
    ],
)
async def test_a_malformed_reference_is_refused(
    repository: kit.Repository, reference: str, code: str
) -> None:
    await repository.push_blobs(kit.CONFIG)

    answer = await repository.put_manifest(reference, kit.encode(kit.image_document()))

    assert answer.status_code == 400
    assert kit.error_codes(answer) == [code]


@pytest.mark.parametrize(("present", "absent"), [(b"layer", kit.CONFIG), (kit.CONFIG, b"layer")])
async def test_an_image_needs_its_blobs(repository: kit.Repository, present: bytes, absent: bytes) -> None:
    await repository.push_blob(present)
    body = kit.encode(kit.image_document(b"layer"))

    answer = await repository.put_manifest("v1", body)

    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]
    assert kit.digest_of(absent) in answer.text
    await assert_nothing_pushed(repository, body, "v1")


async def test_an_index_may_list_unknown_media_types(repository: kit.Repository) -> None:
    # Given an index that lists a manifest and a blob under other media types
    image = await repository.push_image(b"layer")
    await repository.push_blob(b"cache")
    unknown = "application/vnd.example.unknown+json"
    entries = [kit.descriptor(content, unknown) for content in (image, b"cache")]
    index = kit.encode(kit.index_document(manifests=entries))
    absent = [*entries, kit.descriptor(b"absent", unknown)]
    wrong = [{**entries[0], "size": 1}]

    # When it is pushed, and one with a missing entry, and one with a wrong size
    pushed = await repository.put_manifest("v1", index)
    refused = [
        await repository.put_manifest("v2", kit.encode(kit.index_document(manifests=manifests)))
        for manifests in (absent, wrong)
    ]

    # Then only the latter two are refused
    await assert_pushed(repository, pushed, index)
    assert [kit.error_codes(answer) for answer in refused] == [
        ["MANIFEST_BLOB_UNKNOWN"],
        ["MANIFEST_INVALID"],
    ]
    assert kit.digest_of(b"absent") in refused[0].text


async def test_an_index_needs_its_manifests(repository: kit.Repository) -> None:
    await repository.push_blob(kit.CONFIG)
    body = kit.encode(kit.index_document(kit.encode(kit.image_document(b"absent"))))

    answer = await repository.put_manifest("v1", body)

    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]
    await assert_nothing_pushed(repository, body, "v1")


async def test_a_blob_of_another_repository_does_not_count(registry: httpx.AsyncClient) -> None:
    one, other = kit.Repository(registry, "owner/one"), kit.Repository(registry, "owner/other")
    await one.push_blobs(kit.CONFIG, b"layer")
    await other.push_blob(kit.CONFIG)

    answer = await other.put_manifest("v1", kit.encode(kit.image_document(b"layer")))

    assert answer.status_code == 404
    assert kit.error_codes(answer) == ["MANIFEST_BLOB_UNKNOWN"]


async def test_a_wrong_descriptor_size_is_refused(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG, b"layer")
    lie = kit.descriptor(b"layer", kit.OCI_LAYER, size=6)
    body = kit.encode(kit.image_document() | {"layers": [lie]})

    answer = await repository.put_manifest("v1", body)

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["MANIFEST_INVALID"]
    await assert_nothing_pushed(repository, body, "v1")


@pytest.mark.parametrize(
    ("body", "content_type", "field"),
    [
        (kit.encode(kit.image_document()), kit.DOCKER_MANIFEST, "mediaType"),
        (kit.encode(kit.image_document() | {"manifests": []}), kit.OCI_MANIFEST, "manifests"),
        (kit.encode(kit.index_document(layers=[])), kit.OCI_INDEX, "layers"),
        (kit.encode(kit.image_document() | {"schemaVersion": 1}), kit.OCI_MANIFEST, None),
        (b"not json", kit.OCI_MANIFEST, None),
        (b"", kit.OCI_MANIFEST, None),
        (kit.encode(kit.image_document() | {"mediaType": None}), "application/json", "mediaType"),
    ],
)
async def test_malformed_manifests_are_refused(
    repository: kit.Repository, body: bytes, content_type: str, field: str | None
) -> None:
    await repository.push_blob(kit.CONFIG)

    answer = await repository.put_manifest("v1", body, content_type)

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["MANIFEST_INVALID"]
    about = {"name": repository.name, "reference": "v1"} if field is None else {"field": field}
    assert answer.json()["errors"][0]["detail"] == about
    await assert_nothing_pushed(repository, body, "v1")


async def test_parameters_of_the_content_type_are_ignored(repository: kit.Repository) -> None:
    await repository.push_blob(kit.CONFIG)
    body = kit.encode(kit.image_document())

    answer = await repository.put_manifest("v1", body, f"{kit.OCI_MANIFEST}; charset=utf-8")

    await assert_pushed(repository, answer, body)
    assert (await repository.get_manifest("v1")).headers["Content-Type"] == kit.OCI_MANIFEST


@pytest.mark.parametrize("is_index", [False, True])
@pytest.mark.parametrize("is_present", [False, True])
async def test_a_subject_may_be_absent_and_is_acknowledged(
    repository: kit.Repository, is_index: bool, is_present: bool
) -> None:
    await repository.push_blobs(kit.EMPTY, b"sbom")
    subject = (
        await repository.push_image(b"layer") if is_present else kit.encode(kit.image_document(b"absent"))
    )
    pointer = kit.descriptor(subject, kit.OCI_MANIFEST)
    if is_index:
        document = kit.index_document(subject=pointer)
    else:
        document = kit.artifact_document(SBOM, b"sbom", subject=pointer)
    body = kit.encode(document)

    answer = await repository.put_manifest(kit.digest_of(body), body)

    await assert_pushed(repository, answer, body)
    assert answer.headers["OCI-Subject"] == kit.digest_of(subject)


async def test_a_push_is_one_audit_entry_and_its_events_tell_of_the_tag_too(
    repository: kit.Repository, settings: Settings
) -> None:
    first = await repository.push_image(b"one", tag="v1")
    second = await repository.push_image(b"two", tag="v1")
    await repository.put_manifest("v2", first)

    async with people.acting(settings) as context:
        kinds = ("push_repo", "create_tag", "move_tag")
        entries, told = [
            await fetch(f"SELECT kind, metadata FROM {table} WHERE kind IN (?, ?, ?) ORDER BY id", *kinds)
            for table in ("audit_log", "event")
        ]
        await update_tag(context, "owner/app", "v3", TagChanges(manifest_digest=kit.digest_of(second)))
        (last,) = await fetch("SELECT kind FROM audit_log ORDER BY id DESC LIMIT 1")
    pushes = [("push_repo", "v1"), ("push_repo", "v1"), ("push_repo", "v2")]
    assert [(row["kind"], decode_json(row["metadata"])["tag"]) for row in entries] == pushes
    assert [row["kind"] for row in told] == [
        *("create_tag", "push_repo", "move_tag", "push_repo", "create_tag", "push_repo")
    ]
    # Without a push the entry is the tag's own.
    assert last["kind"] == "create_tag"

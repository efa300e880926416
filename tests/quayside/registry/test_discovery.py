"""Content discovery: tags, referrers, repositories (OCI Distribution 1.1, "Content Discovery")."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from quayside.settings.settings import Settings
from resolvers.content import lists
from resolvers.manifests import content as manifest_content
from storage.models.tag import Tag
from storage.statements import fetch
from tests.quayside.registry import kit
from tests.quayside.registry.people import acting

SBOM, SIGNATURE = "application/vnd.example.sbom+json", "application/vnd.example.signature"
TAGS = ["A", "Z", "_x", "a", "a.b", "a0", "ab", "v1", "v10", "v2"]
"""In byte order; several are prefixes of others."""


def next_of(answer: httpx.Response) -> str | None:
    """The address in the Link header."""
    link: str | None = answer.headers.get("Link")
    if link is None:
        return None
    address, _, relation = link.partition(">; ")
    assert relation == 'rel="next"'
    return address.removeprefix("<")


async def push_tags(repository: kit.Repository, *tags: str) -> None:
    body = await repository.push_image(b"layer")
    for tag in tags:
        assert (await repository.put_manifest(tag, body)).status_code == 201


async def list_tags(repository: kit.Repository, **parameters: str) -> httpx.Response:
    return await repository.client.get(repository.url("tags/list"), params=parameters)


async def test_tags_are_listed_in_order(repository: kit.Repository) -> None:
    await push_tags(repository, *reversed(TAGS))

    answer = await list_tags(repository)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"name": "owner/app", "tags": TAGS}
    assert "Link" not in answer.headers


async def test_a_repository_without_tags_has_an_empty_list(repository: kit.Repository) -> None:
    await repository.push_image(b"layer")

    assert (await list_tags(repository)).json() == {"name": "owner/app", "tags": []}


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_pages_of_tags_join_to_the_whole_list(repository: kit.Repository, size: int) -> None:
    await push_tags(repository, *TAGS)
    seen: list[str] = []

    answer = await list_tags(repository, n=str(size))
    while True:
        page = answer.json()["tags"]
        seen += page
        address = next_of(answer)
        if address is None:
            break
        assert len(page) == size
        assert parse_qs(urlsplit(address).query) == {"n": [str(size)], "last": [page[-1]]}
        answer = await repository.client.get(address)

    assert seen == TAGS


@pytest.mark.parametrize(
    ("parameters", "tags"),
    [
        ({"n": "0"}, []),
        ({"n": "100000"}, TAGS),
        ({"n": str(len(TAGS))}, TAGS),
        ({"last": "a.b"}, ["a0", "ab", "v1", "v10", "v2"]),
        ({"last": "v1"}, ["v10", "v2"]),
        ({"last": "v11"}, ["v2"]),
        ({"last": "zzz"}, []),
        ({"n": "4", "last": "a0"}, ["ab", "v1", "v10", "v2"]),
    ],
)
async def test_a_part_of_the_tags_without_more_to_come(
    repository: kit.Repository, parameters: dict[str, str], tags: list[str]
) -> None:
    await push_tags(repository, *TAGS)

    answer = await list_tags(repository, **parameters)

    assert answer.json()["tags"] == tags
    assert "Link" not in answer.headers


@pytest.mark.parametrize("n", ["-1", "ten", ""])
async def test_a_malformed_page_size_is_refused(repository: kit.Repository, n: str) -> None:
    await repository.push_image(b"layer")

    answer = await list_tags(repository, n=n)

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["UNSUPPORTED"]


async def test_a_long_list_of_tags_is_sent_whole_and_paged_in_thousands(
    repository: kit.Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push_tags(repository, "t0000")
    names = [f"t{number:04}" for number in range(2500)]
    async with acting(settings):
        (row,) = await fetch("SELECT repository_id, manifest_id, started_at_ms FROM tag")
        await Tag.bulk_create([Tag(name=name, **row) for name in names[1:]], batch_size=500)

    whole = await list_tags(repository)
    after = await list_tags(repository, last="t1999")
    for size in (999, 1250, 2499, 2500):
        monkeypatch.setattr(lists, "BATCH", size)
        assert (await list_tags(repository)).content == whole.content, size
    head = await repository.client.head(repository.url("tags/list"))
    page = await list_tags(repository, n="2400")
    address = next_of(page)
    assert address is not None
    rest = await repository.client.get(address)

    assert whole.json() == {"name": "owner/app", "tags": names}
    assert after.json()["tags"] == names[2000:]
    assert "Link" not in whole.headers
    assert (head.status_code, head.content) == (200, b"")
    assert (page.json()["tags"], rest.json()["tags"]) == (names[:1000], names[1000:2000])
    assert parse_qs(urlsplit(address).query) == {"n": ["2400"], "last": ["t0999"]}


@pytest.mark.parametrize("rest", ["tags/list?last=a%00b", "tags/list?n=1%00", "referrers/x?artifactType=%00"])
async def test_a_parameter_with_nul_is_refused(repository: kit.Repository, rest: str) -> None:
    await repository.push_blob(b"content")

    answer = await repository.client.get(repository.url(rest.replace("/x?", f"/{kit.digest_of(b'x')}?")))

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["UNSUPPORTED"]


async def referrers(repository: kit.Repository, digest: str, **parameters: str) -> httpx.Response:
    answer = await repository.client.get(repository.url(f"referrers/{digest}"), params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == kit.OCI_INDEX
    assert (answer.json()["schemaVersion"], answer.json()["mediaType"]) == (2, kit.OCI_INDEX)
    return answer


async def test_referrers_are_listed_with_type_and_annotations(repository: kit.Repository) -> None:
    subject = kit.descriptor(await repository.push_image(b"layer", tag="v1"), kit.OCI_MANIFEST)
    await repository.push_blobs(kit.EMPTY, b"sbom")
    notes = {"org.example.note": "héllo"}
    typed = await repository.push_manifest(
        kit.artifact_document(SBOM, b"sbom", subject=subject, annotations=notes)
    )
    by_config = await repository.push_manifest(kit.image_document(b"layer", subject=subject))
    index = await repository.push_manifest(kit.index_document(subject=subject))
    typed_index = await repository.push_manifest(kit.index_document(subject=subject, artifactType=SIGNATURE))

    answer = await referrers(repository, subject["digest"])

    listed = {item["digest"]: item for item in answer.json()["manifests"]}
    assert "OCI-Filters-Applied" not in answer.headers
    assert listed == {
        kit.digest_of(typed): kit.descriptor(typed, kit.OCI_MANIFEST, artifactType=SBOM, annotations=notes),
        kit.digest_of(by_config): kit.descriptor(by_config, kit.OCI_MANIFEST, artifactType=kit.OCI_CONFIG),
        kit.digest_of(index): kit.descriptor(index, kit.OCI_INDEX),
        kit.digest_of(typed_index): kit.descriptor(typed_index, kit.OCI_INDEX, artifactType=SIGNATURE),
    }


async def test_referrers_are_filtered_by_type(repository: kit.Repository) -> None:
    subject = kit.descriptor(await repository.push_image(b"layer"), kit.OCI_MANIFEST)
    await repository.push_blob(kit.EMPTY)
    wanted = await repository.push_manifest(kit.artifact_document(SBOM, subject=subject))
    await repository.push_manifest(kit.artifact_document(SIGNATURE, subject=subject))

    for address in (
        repository.url(f"referrers/{subject['digest']}?artifactType={SBOM}"),
        repository.url(f"referrers/{subject['digest']}?artifactType={SBOM.replace('+', '%2B')}"),
    ):
        answer = await repository.client.get(address)
        assert answer.headers["OCI-Filters-Applied"] == "artifactType"
        assert [item["digest"] for item in answer.json()["manifests"]] == [kit.digest_of(wanted)]
    none = await referrers(repository, subject["digest"], artifactType="application/vnd.none")
    assert none.json()["manifests"] == []
    assert none.headers["OCI-Filters-Applied"] == "artifactType"


async def test_referrers_that_do_not_fit_into_one_index_are_linked_to(repository: kit.Repository) -> None:
    subject = kit.descriptor(await repository.push_image(b"layer"), kit.OCI_MANIFEST)
    await repository.push_blob(kit.EMPTY)
    pushed = []
    for number in range(3):
        notes = {"note": str(number) * 1_500_000}
        document = kit.artifact_document(SBOM, subject=subject, annotations=notes)
        pushed.append(kit.digest_of(await repository.push_manifest(document)))

    first = await referrers(repository, subject["digest"], artifactType=SBOM)
    address = next_of(first)
    assert address is not None
    second = await repository.client.get(address)
    malformed = await repository.client.get(repository.url(f"referrers/{subject['digest']}?last=x"))

    assert [item["digest"] for item in first.json()["manifests"]] == pushed[:2]
    assert [item["digest"] for item in second.json()["manifests"]] == pushed[2:]
    assert second.headers["OCI-Filters-Applied"] == "artifactType"
    assert next_of(second) is None
    assert (malformed.status_code, kit.error_codes(malformed)) == (400, ["UNSUPPORTED"])


async def test_pages_of_referrers_read_a_bounded_amount_of_annotations(
    repository: kit.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = kit.descriptor(await repository.push_image(b"layer"), kit.OCI_MANIFEST)
    await repository.push_blob(kit.EMPTY)
    pushed, size = [], 0
    for number in range(3):
        document = kit.artifact_document(SBOM, subject=subject, annotations={"note": str(number)})
        content = await repository.push_manifest(document)
        pushed.append(kit.digest_of(content))
        size = len(content)
    monkeypatch.setattr(manifest_content, "REQUEST_LIMIT", 2 * size)

    first = await referrers(repository, subject["digest"])
    address = next_of(first)
    assert address is not None
    second = await repository.client.get(address)

    assert [item["digest"] for item in first.json()["manifests"]] == pushed[:2]
    assert [item["annotations"] for item in second.json()["manifests"]] == [{"note": "2"}]
    assert next_of(second) is None


async def test_referrers_pushed_before_their_subject_are_listed(repository: kit.Repository) -> None:
    await repository.push_blobs(kit.CONFIG, kit.EMPTY)
    image = kit.encode(kit.image_document())
    artifact = await repository.push_manifest(
        kit.artifact_document(SBOM, subject=kit.descriptor(image, kit.OCI_MANIFEST))
    )

    before = await referrers(repository, kit.digest_of(image))
    assert (await repository.put_manifest("v1", image)).status_code == 201
    after = await referrers(repository, kit.digest_of(image))

    for answer in (before, after):
        assert [item["digest"] for item in answer.json()["manifests"]] == [kit.digest_of(artifact)]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_an_unknown_digest_has_no_referrers(repository: kit.Repository, algorithm: str) -> None:
    await repository.push_image(b"layer")

    answer = await referrers(repository, kit.digest_of(b"absent", algorithm=algorithm))

    assert answer.json() == {"schemaVersion": 2, "mediaType": kit.OCI_INDEX, "manifests": []}


async def test_referrers_of_a_malformed_digest_are_refused(repository: kit.Repository) -> None:
    await repository.push_image(b"layer")

    answer = await repository.client.get(repository.url("referrers/sha256:abc"))

    assert answer.status_code == 400
    assert kit.error_codes(answer) == ["DIGEST_INVALID"]


async def test_referrers_of_another_repository_are_not_listed(registry: httpx.AsyncClient) -> None:
    one, other = kit.Repository(registry, "owner/one"), kit.Repository(registry, "owner/other")
    subject = kit.descriptor(await one.push_image(b"layer"), kit.OCI_MANIFEST)
    await other.push_blob(kit.EMPTY)
    await other.push_manifest(kit.artifact_document(SBOM, subject=subject))

    assert (await referrers(one, subject["digest"])).json()["manifests"] == []


async def test_the_catalog_lists_visible_repositories(
    registry: httpx.AsyncClient, stranger: httpx.AsyncClient, anonymous: httpx.AsyncClient
) -> None:
    for name in ("owner/b", "owner/a", "owner/a/c"):
        await kit.Repository(registry, name).push_blob(b"content")
    await kit.Repository(stranger, "stranger/x").push_blob(b"content")

    whole = await registry.get("/v2/_catalog")
    first = await registry.get("/v2/_catalog", params={"n": "2"})
    address = next_of(first)

    assert whole.json() == {"repositories": ["owner/a", "owner/a/c", "owner/b"]}
    assert first.json() == {"repositories": ["owner/a", "owner/a/c"]}
    assert address is not None
    rest = await registry.get(address)
    assert rest.json() == {"repositories": ["owner/b"]}
    assert next_of(rest) is None
    long = await registry.get("/v2/_catalog", params={"last": "owner/a/c" + "c" * 5_000})
    assert long.json() == {"repositories": ["owner/b"]}
    assert (await stranger.get("/v2/_catalog")).json() == {"repositories": ["stranger/x"]}
    # An empty list would keep clients from signing in.
    refused = await anonymous.get("/v2/_catalog")
    assert (refused.status_code, kit.error_codes(refused)) == (401, ["UNAUTHORIZED"])
    assert kit.challenge_of(refused)["scope"] == "registry:catalog:*"
    assert kit.challenge_of(refused)["error"] == "insufficient_scope"

"""What other registries have: tags, manifests, referrers, as they tell it."""

import json
from typing import Any

import pytest

from resolvers.upstreams.errors import UpstreamFailure, UpstreamInvalid, UpstreamRefused, UpstreamUnknown
from resolvers.upstreams.limits import RegistryLimits
from resolvers.upstreams.registry import ACCEPT, Access, Registry, UpstreamReferrer
from tests.quayside.registry.kit import OCI_INDEX, OCI_MANIFEST, digest_of
from tests.resolvers.upstreams.asking import NAME, opened, read
from tests.upstreams.upstream import FakeUpstream

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


async def tags(registry: Registry) -> list[list[str]]:
    return [page async for page in registry.tags(NAME)]


async def test_an_image_comes_as_it_is(upstream: FakeUpstream) -> None:
    digest = upstream.image(NAME, "v1", b"layer", b"other")

    async with opened(upstream.host) as registry:
        assert await registry.ping() is Access.OPEN
        assert await tags(registry) == [["v1"]]
        head = await registry.head_manifest(NAME, "v1")
        manifest = await registry.manifest(NAME, digest)
        assert (head.digest, head.media_type, head.size) == (digest, OCI_MANIFEST, len(manifest.body))
        assert (manifest.digest, manifest.media_type) == (digest, OCI_MANIFEST)
        assert digest_of(manifest.body) == digest
        assert await read(registry, digest_of(b"layer"), size=5) == b"layer"
        assert await read(registry, digest_of(b"other")) == b"other"

    first, *_ = upstream.requests("manifests")
    assert (first["headers"]["accept"], first["headers"]["user-agent"]) == (ACCEPT, "quayside")
    assert "authorization" not in first["headers"]


async def test_what_is_not_there_is_asked_for_once(upstream: FakeUpstream) -> None:
    upstream.image(NAME, "v1")
    never = ["..", "a b", "sha256:00", "", "a/b"]

    async with opened(upstream.host) as registry:
        for ask in (
            registry.manifest(NAME, "v2"),
            registry.head_manifest(NAME, digest_of(b"")),
            read(registry, digest_of(b"none")),
            tags(registry) if upstream.rule("tags", status=404) is None else None,
            *(registry.manifest(NAME, reference) for reference in never),
            registry.manifest("../team", "v1"),
        ):
            assert ask is not None
            with pytest.raises(UpstreamUnknown):
                await ask

    assert upstream.asked() == [
        f"GET /v2/{NAME}/manifests/v2",
        f"HEAD /v2/{NAME}/manifests/{digest_of(b'')}",
        f"GET /v2/{NAME}/blobs/{digest_of(b'none')}",
        f"GET /v2/{NAME}/tags/list?n=1000",
    ]


async def test_tags_come_in_pages(upstream: FakeUpstream) -> None:
    for tag in ("a", "b", "c", "d", "e"):
        upstream.image(NAME, tag)
    upstream.rule("tags", per_page=2)

    async with opened(upstream.host) as registry:
        assert await tags(registry) == [["a", "b"], ["c", "d"], ["e"]]

    assert upstream.asked() == [
        f"GET /v2/{NAME}/tags/list?n=1000",
        f"GET /v2/{NAME}/tags/list?n=2&last=b",
        f"GET /v2/{NAME}/tags/list?n=2&last=d",
    ]


async def test_a_link_by_another_name_of_the_registry_is_asked_where_it_was(upstream: FakeUpstream) -> None:
    """A registry behind a proxy may not know by which scheme and port it is reached."""
    upstream.rule("n=1000", status=200, body='{"tags": ["a"]}', headers={"Link": LINK % "https://127.0.0.1"})
    upstream.rule("last=a", status=200, body='{"tags": null}')

    async with opened(upstream.host) as registry:
        assert await tags(registry) == [["a"]]

    assert upstream.asked("last=a") == ["GET /v2/x?last=a"]


LINK = '<%s/v2/x?last=a>; title="a, b"; rel="next"'


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"headers": {"Link": LINK % "http://evil.example"}, "body": '{"tags": []}'}, "to another host"),
        ({"headers": {"Link": "<//evil/>; rel=next"}, "body": '{"tags": []}'}, "to another host"),
        ({"headers": {"Link": "<http://[>; rel=next"}, "body": '{"tags": []}'}, "to another host"),
        ({"headers": {"Link": "<>; rel=next"}, "body": '{"tags": []}'}, "a list without an end"),
        ({"body": '{"tags": ["a/b"]}'}, "the tags of team/app"),
        ({"body": '{"tags": [1]}'}, "the tags of team/app"),
        ({"body": '{"tags": "a"}'}, "the tags of team/app"),
        ({"body": "[]"}, "no JSON object"),
        ({"body": "<html>"}, "no JSON"),
        ({"body": "x" * 3000}, "more than 2000 bytes"),
    ],
)
async def test_nonsense_instead_of_tags(upstream: FakeUpstream, answer: dict[str, Any], says: str) -> None:
    upstream.rule("tags", status=200, **answer)

    async with opened(upstream.host, limits=RegistryLimits(list_bytes=2000)) as registry:
        with pytest.raises(UpstreamInvalid) as caught:
            await tags(registry)

    assert says in caught.value.message
    assert len(upstream.asked()) == 1


async def test_a_list_has_a_bound(upstream: FakeUpstream) -> None:
    for tag in ("a", "b", "c"):
        upstream.image(NAME, tag)
    upstream.rule("tags", per_page=1)

    async with opened(upstream.host, limits=RegistryLimits(pages=2)) as registry:
        with pytest.raises(UpstreamInvalid, match="a list without an end"):
            await tags(registry)


@pytest.mark.parametrize(
    ("rule", "by_digest", "says"),
    [
        ({"corrupt": True}, True, "another digest"),
        ({"corrupt": True}, False, "another digest"),
        ({"headers": {"Docker-Content-Digest": digest_of(b"")}}, True, "another digest"),
        ({"extra": 4 << 20}, False, "more than 4194304 bytes"),
    ],
)
async def test_a_manifest_that_is_not_what_it_says(
    upstream: FakeUpstream, rule: dict[str, Any], by_digest: bool, says: str
) -> None:
    digest = upstream.image(NAME, "v1")
    upstream.rule("GET .*manifests", **rule)

    async with opened(upstream.host) as registry:
        with pytest.raises(UpstreamInvalid, match=says):
            await registry.manifest(NAME, digest if by_digest else "v1")

    assert len(upstream.asked()) == 1


async def test_a_head_with_another_digest_than_that_which_was_asked(upstream: FakeUpstream) -> None:
    digest = upstream.image(NAME, "v1")
    upstream.rule("HEAD", headers={"Docker-Content-Digest": digest_of(b"")})

    async with opened(upstream.host) as registry:
        with pytest.raises(UpstreamInvalid, match="another digest"):
            await registry.head_manifest(NAME, digest)


@pytest.mark.parametrize("rule", [{"drop": ["Docker-Content-Digest"]}, {"status": 405}])
async def test_a_registry_that_does_not_tell_digests_is_asked_for_the_whole(
    upstream: FakeUpstream, rule: dict[str, Any]
) -> None:
    digest = upstream.image(NAME, "v1")
    upstream.rule("manifests", times=1, **rule)
    upstream.rule("manifests", drop=["Docker-Content-Digest"])

    async with opened(upstream.host) as registry:
        head = await registry.head_manifest(NAME, "v1")

    assert (head.digest, head.media_type) == (digest, OCI_MANIFEST)
    assert [line.split()[0] for line in upstream.asked()] == ["HEAD", "GET"]


@pytest.mark.parametrize(
    ("rule", "media_type"),
    [
        ({"headers": {"Content-Type": f"{DOCKER_MANIFEST}; charset=utf-8"}}, DOCKER_MANIFEST),
        ({"drop": ["Content-Type"]}, OCI_MANIFEST),
    ],
)
async def test_the_type_of_a_manifest(upstream: FakeUpstream, rule: dict[str, Any], media_type: str) -> None:
    upstream.image(NAME, "v1")
    upstream.rule("manifests", **rule)

    async with opened(upstream.host) as registry:
        assert (await registry.manifest(NAME, "v1")).media_type == media_type


async def test_digests_of_both_algorithms_are_computed(upstream: FakeUpstream) -> None:
    import hashlib

    body = b'{"mediaType": "a/b"}'
    digest = f"sha512:{hashlib.sha512(body).hexdigest()}"
    upstream.rule(
        "manifests", status=200, body=body.decode(), headers={"Docker-Content-Digest": digest_of(body)}
    )

    async with opened(upstream.host) as registry:
        found = await registry.manifest(NAME, digest)
        with pytest.raises(UpstreamInvalid, match="another digest"):
            await registry.manifest(NAME, digest[:-1] + ("0" if digest[-1] != "0" else "1"))

    assert (found.digest, found.media_type, found.body) == (digest, "a/b", body)


async def test_referrers_by_the_api_and_by_the_tag_of_those_that_have_none(upstream: FakeUpstream) -> None:
    digest = upstream.image(NAME, "v1")
    signature = upstream.image(
        NAME, "sha256:", artifactType="application/x.sig", subject={"digest": digest, "size": 1}
    )
    async with opened(upstream.host) as registry:
        (found,) = await registry.referrers(NAME, digest)
        assert (found.digest, found.media_type, found.artifact_type) == (
            signature,
            OCI_MANIFEST,
            "application/x.sig",
        )

        for rule in ({"status": 404}, {"status": 200, "body": "<html>"}):
            upstream.rule("referrers", times=2, **rule)
            assert await registry.referrers(NAME, digest_of(b"unreferred")) == []
            upstream.index(
                NAME,
                digest.replace(":", "-"),
                {"mediaType": OCI_MANIFEST, "digest": signature, "size": found.size},
            )
            assert await registry.referrers(NAME, digest) == [
                UpstreamReferrer(signature, OCI_MANIFEST, found.size, None)
            ]


@pytest.mark.parametrize(
    "entry", [{}, {"digest": "x", "mediaType": "a/b", "size": 1}, {"digest": digest_of(b""), "size": 1}, 5]
)
async def test_nonsense_instead_of_referrers(upstream: FakeUpstream, entry: Any) -> None:
    body = json.dumps({"manifests": [entry]})
    upstream.rule("referrers", status=200, headers={"Content-Type": OCI_INDEX}, body=body)

    async with opened(upstream.host) as registry:
        with pytest.raises(UpstreamInvalid, match="an index that is none"):
            await registry.referrers(NAME, digest_of(b""))


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (
            403,
            '{"errors":[{"code":"DENIED","message":"no\\u001b[31m"}]}',
            UpstreamRefused,
            ": DENIED no [31m",
        ),
        (401, "", UpstreamRefused, "127.0.0.1 answered 401"),
        (400, '{"errors":[]}', UpstreamInvalid, "127.0.0.1 answered 400"),
        (410, "{}", UpstreamUnknown, "127.0.0.1 answered 410"),
        (302, "", UpstreamInvalid, "127.0.0.1 answered 302"),
        (404, '{"errors":[{"code":"X","message":"' + "y" * 5000 + '"}]}', UpstreamUnknown, "y" * 150),
    ],
)
async def test_failures_by_kind(
    upstream: FakeUpstream, status: int, body: str, kind: type[UpstreamFailure], says: str
) -> None:
    upstream.rule("manifests", status=status, body=body)

    async with opened(upstream.host) as registry:
        with pytest.raises(UpstreamFailure) as caught:
            await registry.manifest(NAME, "v1")

    assert (type(caught.value), caught.value.status) == (kind, status)
    assert says in caught.value.message
    assert len(caught.value.message) < 300
    assert len(upstream.asked()) == 1

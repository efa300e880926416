"""The small grammars of `/v2`: addresses, names, ranges, pages, scopes and error bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quayside.registry.errors import ERRORS, OciCode, RegistryError, registry_error
from quayside.registry.names import is_name, require_digest, require_name, require_new_tag, require_reference
from quayside.registry.pagination import Page, next_link, parse_page
from quayside.registry.ranges import ByteRange, parse_chunk_range, parse_range, upload_range
from quayside.registry.routes import match_route
from quayside.registry.scopes import (
    RequestedScope,
    challenge,
    ordered_actions,
    parse_scopes,
    repository_scope,
)
from resolvers.errors import ErrorCode, Forbidden
from resolvers.manifests.document import ManifestInvalid, ManifestTooLarge
from resolvers.repositories.registry_access import RequestedScopes
from storage import blobs
from tests.quayside.registry import kit

DIGEST = kit.digest_of(b"content")
HOST = "localhost:8080"
AB = RequestedScope("a/b", ("pull",))


@pytest.mark.parametrize(
    ("method", "path", "route", "name", "argument"),
    [
        ("GET", "/v2/", "base", "", ""),
        ("GET", "/v2", "base", "", ""),
        ("GET", "/v2/auth", "token", "", ""),
        ("GET", "/v2/_catalog", "catalog", "", ""),
        ("GET", "/v2/a/manifests/latest", "manifest", "a", "latest"),
        ("PUT", f"/v2/a/b/c/manifests/{DIGEST}", "manifest", "a/b/c", DIGEST),
        ("GET", f"/v2/a/blobs/{DIGEST}", "blob", "a", DIGEST),
        ("POST", "/v2/a/b/blobs/uploads/", "uploads", "a/b", ""),
        ("POST", "/v2/a/b/blobs/uploads", "uploads", "a/b", ""),
        ("PATCH", "/v2/a/b/blobs/uploads/1234", "upload", "a/b", "1234"),
        ("GET", "/v2/a/tags/list", "tags", "a", ""),
        ("GET", f"/v2/a/b/referrers/{DIGEST}", "referrers", "a/b", DIGEST),
        # Components of a name may be keywords of routes.
        ("GET", "/v2/a/tags/tags/list", "tags", "a/tags", ""),
        ("GET", "/v2/a/tags/list/tags/list", "tags", "a/tags/list", ""),
        ("GET", "/v2/a/tags/list/manifests/list", "manifest", "a/tags/list", "list"),
        ("GET", f"/v2/blobs/blobs/{DIGEST}", "blob", "blobs", DIGEST),
        ("GET", "/v2/x/manifests/manifests/manifests", "manifest", "x/manifests", "manifests"),
        ("GET", "/v2/x/blobs/uploads/manifests/latest", "manifest", "x/blobs/uploads", "latest"),
        ("POST", "/v2/x/blobs/uploads/blobs/uploads/", "uploads", "x/blobs/uploads", ""),
        ("GET", f"/v2/x/blobs/uploads/blobs/{DIGEST}", "blob", "x/blobs/uploads", DIGEST),
        ("GET", f"/v2/x/blobs/referrers/{DIGEST}", "referrers", "x/blobs", DIGEST),
        ("GET", "/v2/auth/manifests/latest", "manifest", "auth", "latest"),
        ("GET", "/v2/v2/_catalog/tags/list", "tags", "v2/_catalog", ""),
        # Percent-encoding, of slashes in a name too.
        ("GET", "/v2/a%2Fb/manifests/latest", "manifest", "a/b", "latest"),
        ("GET", "/v2/a/manifests/sha256%3Aabc", "manifest", "a", "sha256:abc"),
        ("GET", "/v2/a/manifests/b%2Fc", "manifest", "a", "b/c"),
        # Checked later, so that the answer is NAME_INVALID.
        ("GET", "/v2//manifests/latest", "manifest", "", "latest"),
        ("GET", "/v2/A//b/manifests/latest", "manifest", "A//b", "latest"),
    ],
)
def test_a_path_belongs_to_one_route(method: str, path: str, route: str, name: str, argument: str) -> None:
    match = match_route(method, path.encode())

    assert (match.route.name, match.name, match.argument) == (route, name, argument)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/manifests/latest",
        "/v2/tags/list",
        "/v2/a/manifests/",
        "/v2/a/tags/list/",
        "/v2/a/tags",
        "/v2/a",
        "/v2//",
        "/v3/a/manifests/latest",
        "/v2/a%2Fmanifests%2Flatest",
        "/v2/a/manifests/b/c",
        "/",
        "",
    ],
)
def test_other_paths_are_unknown(path: str) -> None:
    with pytest.raises(RegistryError) as caught:
        match_route("GET", path.encode())

    assert (caught.value.status, caught.value.code) == (404, OciCode.UNSUPPORTED)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/a/manifests/latest", "DELETE, GET, HEAD, PUT"),
        ("PUT", "/v2/", "GET, HEAD"),
        ("DELETE", "/v2/a/tags/list", "GET, HEAD"),
        ("PUT", "/v2/a/blobs/uploads", "DELETE, GET, HEAD, POST"),
        ("GET", "/v2/a/blobs/uploads/", "POST"),
    ],
)
def test_other_methods_are_refused_with_those_allowed(method: str, path: str, allowed: str) -> None:
    with pytest.raises(RegistryError) as caught:
        match_route(method, path.encode())

    assert (caught.value.status, caught.value.code) == (405, OciCode.UNSUPPORTED)
    assert caught.value.headers == {"Allow": allowed}


@given(st.binary(max_size=60))
def test_any_path_is_matched_or_refused(path: bytes) -> None:
    try:
        match = match_route("GET", b"/v2/" + path)
    except RegistryError as error:
        status = error.status
    else:
        status = 200
        assert "GET" in match.route.methods
    assert status in {200, 404, 405}


@pytest.mark.parametrize(
    "name",
    [
        *("a", "0", "a/b", "a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d", "tags/list", "a" * 255),
        # Beyond the specification, as repositories may be created with such names.
        *("a/b-", "a/b.", "a/b..c", "a/b___c", "a/b._c", "a" * 255 + "/" + "b" * 255),
    ],
)
def test_good_names(name: str) -> None:
    assert require_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a/",
        "/a",
        "a//b",
        "-a",
        ".a",
        "_a",
        "a/-b",
        "a/b/.c",
        "a/_b",
        "é",
        "a\n",
        "a b",
        "a" * 256,
        "a/" + "b" * 256,
    ],
)
def test_bad_names(name: str) -> None:
    with pytest.raises(RegistryError) as caught:
        require_name(name)

    assert (caught.value.status, caught.value.code) == (400, OciCode.NAME_INVALID)


@given(st.from_regex(r"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\Z"))
def test_every_name_of_the_specification_is_good(name: str) -> None:
    namespace, _, rest = name.removesuffix("\n").partition("/")
    assert is_name(f"{namespace}/{rest}" if rest else namespace) == (max(len(namespace), len(rest)) <= 255)


@pytest.mark.parametrize("tag", ["a", "_a", "A.b-c_d", "latest", "0", "t" * 128])
def test_good_tags(tag: str) -> None:
    assert require_new_tag(tag) == tag
    assert require_reference(tag) == tag


@pytest.mark.parametrize("tag", ["", ".a", "-a", "a/b", "a b", "é", "a\n", "t" * 129])
def test_bad_tags_cannot_be_pushed_and_are_not_there(tag: str) -> None:
    with pytest.raises(RegistryError) as pushed:
        require_new_tag(tag)
    with pytest.raises(RegistryError) as pulled:
        require_reference(tag)

    assert (pushed.value.status, pushed.value.code) == (400, OciCode.MANIFEST_INVALID)
    assert (pulled.value.status, pulled.value.code) == (404, OciCode.MANIFEST_UNKNOWN)


@pytest.mark.parametrize("digest", [DIGEST, kit.digest_of(b"content", algorithm="sha512")])
def test_good_digests(digest: str) -> None:
    assert require_digest(digest) == digest
    assert require_reference(digest) == digest


@pytest.mark.parametrize(
    "digest", ["sha256:baddigeststring", "sha256:", ":", DIGEST.upper(), f"{DIGEST}0", "md5:" + "0" * 32]
)
def test_bad_digests(digest: str) -> None:
    for check in (require_digest, require_reference):
        with pytest.raises(RegistryError) as caught:
            check(digest)
        assert (caught.value.status, caught.value.code) == (400, OciCode.DIGEST_INVALID)


@pytest.mark.parametrize(
    ("header", "start", "end", "content_range"),
    [
        ("bytes=0-0", 0, 1, "bytes 0-0/2048"),
        ("bytes=500-1499", 500, 1500, "bytes 500-1499/2048"),
        ("bytes=500-", 500, 2048, "bytes 500-2047/2048"),
        ("bytes=-500", 1548, 2048, "bytes 1548-2047/2048"),
        ("bytes=-5000", 0, 2048, "bytes 0-2047/2048"),
        ("bytes=2000-5000", 2000, 2048, "bytes 2000-2047/2048"),
        ("Bytes=2047-2047", 2047, 2048, "bytes 2047-2047/2048"),
    ],
)
def test_a_range_is_a_part(header: str, start: int, end: int, content_range: str) -> None:
    part = parse_range(header, 2048)

    assert part == ByteRange(start, end)
    assert part.size == end - start
    assert part.content_range(2048) == content_range


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes 0-1", "bytes=1" + "0" * 30 + "-"],
)
def test_a_malformed_range_is_ignored(header: str | None) -> None:
    assert parse_range(header, 2048) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=2048-", 2048),
        ("bytes=5000-10000", 2048),
        ("bytes=500-0", 2048),
        ("bytes=-0", 2048),
        ("bytes=0-", 0),
        ("bytes=-1", 0),
    ],
)
def test_a_range_without_bytes_is_not_satisfiable(header: str, size: int) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_range(header, size)

    assert caught.value.status == 416
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}


def test_a_chunk_range_is_parsed() -> None:
    assert parse_chunk_range("0-1023", 1024) == ByteRange(0, 1024)
    assert parse_chunk_range("1024-1024", None) == ByteRange(1024, 1025)
    assert parse_chunk_range(None, 10) is None


@pytest.mark.parametrize(
    ("header", "length", "status", "code"),
    [
        ("bytes 0-9/10", 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("bytes=0-9", 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("0-", 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("-9", 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("0-9\n", 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("", 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("0-" + "9" * 5000, 10, 400, OciCode.BLOB_UPLOAD_INVALID),
        ("9-0", 10, 416, OciCode.BLOB_UPLOAD_INVALID),
        ("0-9", 9, 400, OciCode.SIZE_INVALID),
        ("0-9", 0, 400, OciCode.SIZE_INVALID),
    ],
)
def test_a_bad_chunk_range_is_refused(header: str, length: int, status: int, code: OciCode) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_chunk_range(header, length)

    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(("size", "header"), [(0, "0-0"), (1, "0-0"), (1024, "0-1023")])
def test_an_upload_reports_its_last_byte(size: int, header: str) -> None:
    assert upload_range(size) == header


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ({}, Page(None, None)),
        ({"n": "0"}, Page(0, None)),
        ({"n": "10", "last": "v1"}, Page(10, "v1")),
        ({"last": "v1"}, Page(None, "v1")),
        ({"n": "1000000", "last": ""}, Page(1_000_000, None)),
    ],
)
def test_a_page_is_read(query: dict[str, str], page: Page) -> None:
    assert parse_page(query) == page


@pytest.mark.parametrize("n", ["", "-1", "1.5", "ten", "²", "1" * 19, "0x10", " 1"])
def test_a_bad_page_size_is_refused(n: str) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_page({"n": n})

    assert caught.value.status == 400
    assert caught.value.detail == {"field": "n"}


def test_the_link_to_the_next_page() -> None:
    assert next_link("/v2/a/tags/list", n=2, last="v1") == '</v2/a/tags/list?n=2&last=v1>; rel="next"'
    assert next_link("/v2/_catalog", n=2, last="a/b") == '</v2/_catalog?n=2&last=a%2Fb>; rel="next"'


@pytest.mark.parametrize(
    ("values", "scopes"),
    [
        ([], ()),
        ([""], ()),
        (["repository:a/b:pull"], (RequestedScope("a/b", ("pull",)),)),
        (["repository:a/b:pull,push"], (RequestedScope("a/b", ("push", "pull")),)),
        (["repository:a/b:*"], (RequestedScope("a/b", ("*",)),)),
        (["repository:a/b:*,pull,push,pull"], (RequestedScope("a/b", ("push", "pull", "*")),)),
        (["repository(plugin):a/b:pull"], (RequestedScope("a/b", ("pull",)),)),
        ([f"repository:{HOST}/a/b:pull"], (RequestedScope("a/b", ("pull",)),)),
        (["repository:a/b:delete,pull"], (RequestedScope("a/b", ("pull",)),)),
        (
            ["repository:a/b:pull repository:c/d:push", "repository:a/b:push"],
            (RequestedScope("a/b", ("push", "pull")), RequestedScope("c/d", ("push",))),
        ),
    ],
)
def test_scopes_are_read(values: list[str], scopes: tuple[RequestedScope, ...]) -> None:
    assert parse_scopes(values, HOST) == RequestedScopes(scopes)


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("repository:a/b", OciCode.INVALID_REQUEST),
        ("repository:a/b:", OciCode.INVALID_REQUEST),
        ("repository:a/b:pull,", OciCode.INVALID_REQUEST),
        ("repository::pull", OciCode.INVALID_REQUEST),
        ("repository:other.example:5000/a:pull", OciCode.INVALID_REQUEST),
        ("pull", OciCode.INVALID_REQUEST),
        ("repository:A/b:pull", OciCode.NAME_INVALID),
        ("repository:a//b:pull", OciCode.NAME_INVALID),
    ],
)
def test_bad_scopes_are_refused(scope: str, code: OciCode) -> None:
    with pytest.raises(RegistryError) as caught:
        parse_scopes([scope], HOST)

    assert (caught.value.status, caught.value.code) == (400, code)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("registry:catalog:*", RequestedScopes(has_catalog=True)),
        ("registry:catalog:pull,*", RequestedScopes(has_catalog=True)),
        ("registry:catalog:pull", RequestedScopes()),
        ("registry:other:*", RequestedScopes()),
        ("plugin:a/b:pull", RequestedScopes()),
        ("repository:a/b:pull registry:catalog:*", RequestedScopes((AB,), has_catalog=True)),
        ("repository:A/b:pull repository:a/b:pull", RequestedScopes((AB,))),
        ("repository:a/b:pull garbage", RequestedScopes((AB,))),
        ("repository:other.example:5000/a:pull repository:a/b:pull plugin:x:pull", RequestedScopes((AB,))),
        ("registry:catalog:* repository:unnamed:pull", RequestedScopes(has_catalog=True)),
    ],
)
def test_scopes_that_cannot_be_granted_are_left_out(text: str, scopes: RequestedScopes) -> None:
    assert parse_scopes([text], HOST) == scopes
    assert parse_scopes(text.split(), HOST) == scopes


def test_nothing_but_scopes_that_cannot_be_read_is_refused_for_the_first() -> None:
    with pytest.raises(RegistryError) as caught:
        parse_scopes(["repository:A/b:pull garbage"], HOST)

    assert caught.value.code is OciCode.NAME_INVALID


def test_granted_actions_have_one_order() -> None:
    assert ordered_actions(["*", "pull", "delete", "push"]) == ("push", "pull", "*")


def test_a_challenge_names_the_token_service_and_what_is_needed() -> None:
    headers = challenge(
        "http://localhost:8080",
        HOST,
        scopes=[repository_scope("a/b", ("pull", "push")), repository_scope("c/d", ("pull",))],
        error="insufficient_scope",
    )

    assert headers == {
        "WWW-Authenticate": (
            'Bearer realm="http://localhost:8080/v2/auth",service="localhost:8080",'
            'scope="repository:a/b:pull,push repository:c/d:pull",error="insufficient_scope"'
        ),
        "Docker-Distribution-API-Version": "registry/2.0",
    }


def test_a_challenge_without_a_repository_has_no_scope() -> None:
    assert challenge("https://registry.example", "registry.example")["WWW-Authenticate"] == (
        'Bearer realm="https://registry.example/v2/auth",service="registry.example"'
    )


def test_every_code_of_the_specification_has_a_row() -> None:
    specified = (
        "BLOB_UNKNOWN BLOB_UPLOAD_INVALID BLOB_UPLOAD_UNKNOWN DIGEST_INVALID MANIFEST_BLOB_UNKNOWN "
        "MANIFEST_INVALID MANIFEST_UNKNOWN NAME_INVALID NAME_UNKNOWN SIZE_INVALID UNAUTHORIZED DENIED "
        "UNSUPPORTED TOOMANYREQUESTS"
    )

    assert set(ERRORS) == set(OciCode)
    assert set(specified.split()) == set(OciCode) - {"INVALID_REQUEST", "UNAVAILABLE", "UNKNOWN"}


def test_an_error_has_the_body_of_the_specification() -> None:
    plain = RegistryError(OciCode.BLOB_UNKNOWN)
    detailed = RegistryError(OciCode.DENIED, "quota exceeded", detail={"limit": 5})

    assert json.loads(plain.body()) == {
        "errors": [{"code": "BLOB_UNKNOWN", "message": "blob unknown to registry"}]
    }
    assert json.loads(detailed.body()) == {
        "errors": [{"code": "DENIED", "message": "quota exceeded", "detail": {"limit": 5}}]
    }


@pytest.mark.parametrize(
    ("error", "status", "code", "message"),
    [
        (blobs.BlobUnknown(DIGEST), 404, OciCode.BLOB_UNKNOWN, f"no blob has digest {DIGEST}"),
        (blobs.UploadInvalid("../x"), 404, OciCode.BLOB_UPLOAD_UNKNOWN, "no upload has id '../x'"),
        (
            blobs.UploadBusy(),
            409,
            OciCode.BLOB_UPLOAD_INVALID,
            "another request is at work on this upload",
        ),
        (
            blobs.OffsetMismatch(7),
            416,
            OciCode.BLOB_UPLOAD_INVALID,
            "the upload has 7 bytes, so the next append must start at offset 7",
        ),
        (
            blobs.DigestMismatch(expected="a", actual="b"),
            400,
            OciCode.DIGEST_INVALID,
            "the uploaded bytes have digest b, not a",
        ),
        (
            blobs.StorageFull("/data/blobs: no space left", errno=28),
            507,
            OciCode.UNAVAILABLE,
            "there is no space left for this; an upload can be resumed when there is",
        ),
        (
            blobs.StorageFailed("/data/blobs: input/output error", errno=5),
            503,
            OciCode.UNAVAILABLE,
            "the registry cannot do this at present",
        ),
        (Forbidden("no"), 403, OciCode.DENIED, "no"),
        (
            ManifestInvalid("must be the number 2", "schemaVersion"),
            400,
            OciCode.MANIFEST_INVALID,
            "schemaVersion: must be the number 2",
        ),
        (
            ManifestTooLarge(),
            413,
            OciCode.MANIFEST_INVALID,
            "a manifest may have at most 4194304 bytes",
        ),
    ],
)
def test_errors_of_lower_layers_are_translated(
    error: Exception, status: int, code: OciCode, message: str
) -> None:
    translated = registry_error(error)

    assert translated is not None
    assert (translated.status, translated.code, translated.message) == (status, code, message)


def test_the_operator_reads_in_the_log_why_the_blob_store_failed(caplog: pytest.LogCaptureFixture) -> None:
    registry_error(blobs.StorageFailed("/data/blobs: input/output error", errno=5))

    assert "/data/blobs: input/output error" in caplog.text


def test_unexpected_errors_are_not_translated() -> None:
    assert registry_error(KeyError("x")) is None
    assert registry_error(blobs.BlobTooLarge(DIGEST, size=2, limit=1)) is None


def test_domain_codes_are_translated_or_left_as_failures() -> None:
    from quayside.registry.errors import DOMAIN_ERRORS

    unexpected = {
        ErrorCode.FRESH_LOGIN_REQUIRED,
        ErrorCode.TOO_COMPLEX,
        ErrorCode.UNAVAILABLE,  # Comes as an exception of its own.
        ErrorCode.INTERNAL,
        ErrorCode.ALREADY_EXISTS,
        ErrorCode.READ_ONLY,  # Depends on the method.
    }
    assert set(ErrorCode) - set(DOMAIN_ERRORS) == unexpected

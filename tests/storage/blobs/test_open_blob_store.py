from contextlib import nullcontext
from pathlib import Path

import pytest

from storage.blobs import FilesystemBlobStore, MemoryBlobStore, StoreUrlInvalid, open_blob_store
from storage.blobs.objects import ObjectBlobStore
from storage.blobs.s3_url import S3Url, parse_s3_url
from tests.storage.blobs.helpers import files_below, paths_below, push, sha256


async def test_file_url_names_a_directory(tmp_path: Path) -> None:
    store = open_blob_store(f"file://{tmp_path}/two%20words")
    assert isinstance(store, FilesystemBlobStore)
    await push(store, [b"x"], sha256(b"x"))
    await store.close()
    digest = sha256(b"x").removeprefix("sha256:")
    assert files_below(tmp_path) == [f"two words/blobs/sha256/{digest[:2]}/{digest}"]


async def test_opening_a_store_touches_no_disk(tmp_path: Path) -> None:
    store = open_blob_store(f"file://{tmp_path}/absent")
    await store.close()
    assert paths_below(tmp_path) == []


def test_memory_url() -> None:
    assert isinstance(open_blob_store("memory:"), MemoryBlobStore)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "blob store scheme '' is unknown; use file:///directory, s3://bucket or memory:"),
        ("/var/lib", "blob store scheme '' is unknown; use file:///directory, s3://bucket or memory:"),
        ("file:relative", "a file blob store URL must be file:///absolute/directory"),
        ("file://host/dir", "a file blob store URL must be file:///absolute/directory"),
        ("file:///", "a file blob store URL must be file:///absolute/directory"),
        ("file:///dir?x=1", "a blob store URL takes neither a query nor a fragment"),
        ("memory:#x", "a blob store URL takes neither a query nor a fragment"),
        ("memory:dir", "the memory blob store URL is memory: and nothing more"),
    ],
)
def test_other_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(StoreUrlInvalid) as raised:
        open_blob_store(url)
    assert str(raised.value) == message


CREDENTIALS = (
    "an s3 blob store URL must not hold credentials; they come from AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, or another of the AWS_ variables"
)
BUCKET = "an s3 blob store URL must begin with s3://bucket: 3 to 63 of a-z, 0-9, '.' and '-'"
PREFIX = "the prefix of an s3 blob store URL must be plain names with '/' between them, without '..'"
ENDPOINT = "endpoint in an s3 blob store URL must be https://host or https://host:port"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://images", S3Url("images", "", None, None)),
        ("s3://images/", S3Url("images", "", None, None)),
        ("s3://images/a/b%2Fc/?region=eu-central-1", S3Url("images", "a/b/c", None, "eu-central-1")),
        (
            "s3://images/a?endpoint=https://minio.example:9000/&region=x",
            S3Url("images", "a", "https://minio.example:9000", "x"),
        ),
    ],
)
def test_an_s3_url_names_a_bucket_and_where_it_is(url: str, place: S3Url) -> None:
    assert parse_s3_url(url) == place
    assert isinstance(open_blob_store(url), ObjectBlobStore)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3:", BUCKET),
        ("s3://", BUCKET),
        ("s3://ab", BUCKET),
        ("s3://Images", BUCKET),
        ("s3://images:9000/a", BUCKET),
        ("s3://id:secret@images", CREDENTIALS),
        ("s3://images?access_key_id=id", CREDENTIALS),
        ("s3://images?aws_session_token=id", CREDENTIALS),
        ("s3://images?endpoint=https://id:secret@host", CREDENTIALS),
        ("s3://images?acl=public", "an s3 blob store URL takes endpoint and region, and not 'acl'"),
        ("s3://images?region=a&region=b", "an s3 blob store URL takes region once"),
        ("s3://images?region=", "region in an s3 blob store URL must be a name such as eu-central-1"),
        ("s3://images#a", "an s3 blob store URL takes no fragment"),
        ("s3://images/a//b", PREFIX),
        ("s3://images/a/../b", PREFIX),
        ("s3://images/%00", PREFIX),
        ("s3://images?endpoint=", ENDPOINT),
        ("s3://images?endpoint=host:9000", ENDPOINT),
        ("s3://images?endpoint=ftp://host", ENDPOINT),
        ("s3://images?endpoint=https://host/path", ENDPOINT),
        ("s3://images?endpoint=https://host:99999", ENDPOINT),
        ("s3://images?endpoint=https://[::1", ENDPOINT),
        (
            "s3://images?endpoint=http://host:9000",
            "endpoint in an s3 blob store URL must be https; set AWS_ALLOW_HTTP=true to go without TLS",
        ),
    ],
)
def test_other_s3_urls_are_refused(url: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    with pytest.raises(StoreUrlInvalid) as raised:
        open_blob_store(url)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("value", "is_allowed"), [("true", True), ("TRUE", True), ("1", True), ("false", False), ("", False)]
)
def test_http_is_allowed_by_the_environment(
    value: str, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", value)
    with nullcontext() if is_allowed else pytest.raises(StoreUrlInvalid):
        open_blob_store("s3://images?endpoint=http://host:9000")

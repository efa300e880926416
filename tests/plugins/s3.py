"""Blob stores in a bucket of an S3 server, which starts with the first test that needs it."""

import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.process import helping

BUCKET = "quayside-tests"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of the server, with the bucket `quayside-tests`."""
    with helping("tests.s3") as port:
        endpoint = f"http://127.0.0.1:{port}"
        httpx.put(f"{endpoint}/{BUCKET}").raise_for_status()
        yield endpoint


@pytest.fixture
def s3_url(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty blob store; this process has credentials for it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{uuid.uuid4()}/blobs?endpoint={s3_endpoint}&region=us-east-1"

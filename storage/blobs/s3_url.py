"""``s3://bucket/prefix?endpoint=…&region=…``: where an S3 blob store is. Credentials are never part of it."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from storage.blobs.base import StoreUrlInvalid

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/-]*")
_REGION = re.compile(r"[a-z0-9-]+")
_SECRET = re.compile(r"key|secret|token|password|credential", re.IGNORECASE)
_CREDENTIALS = (
    "an s3 blob store URL must not hold credentials; they come from AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, or another of the AWS_ variables"
)


class S3Url(NamedTuple):
    """A bucket, the beginning of all names in it, and where its server is, as far as that was said."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None


def parse_s3_url(url: str) -> S3Url:
    """Take the URL apart. Raises StoreUrlInvalid with a sentence that says what would do."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise StoreUrlInvalid(_CREDENTIALS)
    if not _BUCKET.fullmatch(parts.netloc):
        raise StoreUrlInvalid(
            "an s3 blob store URL must begin with s3://bucket: 3 to 63 of a-z, 0-9, '.' and '-'"
        )
    prefix = unquote(parts.path).strip("/")
    if not _PREFIX.fullmatch(prefix) or not {"", ".", ".."}.isdisjoint(prefix.split("/") if prefix else ()):
        raise StoreUrlInvalid(
            "the prefix of an s3 blob store URL must be plain names with '/' between them, without '..'"
        )
    if parts.fragment:
        raise StoreUrlInvalid("an s3 blob store URL takes no fragment")
    options = _options(parts.query)
    endpoint, region = options.get("endpoint"), options.get("region")
    if region is not None and not _REGION.fullmatch(region):
        raise StoreUrlInvalid("region in an s3 blob store URL must be a name such as eu-central-1")
    return S3Url(parts.netloc, prefix, None if endpoint is None else _endpoint(endpoint), region)


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in {"endpoint", "region"}:
            if _SECRET.search(name):
                raise StoreUrlInvalid(_CREDENTIALS)
            raise StoreUrlInvalid(f"an s3 blob store URL takes endpoint and region, and not {name!r}")
        if name in options:
            raise StoreUrlInvalid(f"an s3 blob store URL takes {name} once")
        options[name] = value
    return options


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if "@" in parts.netloc:
        raise StoreUrlInvalid(_CREDENTIALS)
    plain = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or text.rstrip("/") != plain:
        raise StoreUrlInvalid("endpoint in an s3 blob store URL must be https://host or https://host:port")
    return plain


def allows_http(environ: Mapping[str, str]) -> bool:
    """Whether AWS_ALLOW_HTTP says that a server may be asked without TLS."""
    return environ.get("AWS_ALLOW_HTTP", "").lower() in {"true", "1", "yes", "on"}

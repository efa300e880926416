"""Opens the blob store in an S3 bucket. Whatever the URL does not say comes from the AWS_ variables."""

import os
from datetime import timedelta
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import S3Store

from storage.blobs.base import StoreUrlInvalid
from storage.blobs.objects import ObjectBlobStore
from storage.blobs.s3_url import allows_http, parse_s3_url

CONNECT_TIMEOUT = timedelta(seconds=5)
READ_TIMEOUT = timedelta(seconds=60)
"""How long a server may be silent. It starts anew with each piece, so a slow client breaks no download."""
WHOLE_TIMEOUT = timedelta(days=1)
"""How long one request may take. The library's 30 seconds would cut off the download of a large blob."""
RETRIES = 4
RETRY_TIMEOUT = timedelta(seconds=20)


def open_s3_blob_store(url: str) -> ObjectBlobStore:
    """The store at `s3://bucket/prefix?endpoint=…&region=…`. No request is made. Raises StoreUrlInvalid."""
    place = parse_s3_url(url)
    is_http_allowed = allows_http(os.environ)
    if place.endpoint is not None and place.endpoint.startswith("http://") and not is_http_allowed:
        raise StoreUrlInvalid(
            "endpoint in an s3 blob store URL must be https; set AWS_ALLOW_HTTP=true to go without TLS"
        )
    given: dict[str, Any] = {"endpoint": place.endpoint, "region": place.region}
    try:
        store = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            client_options={
                "allow_http": is_http_allowed,
                "connect_timeout": CONNECT_TIMEOUT,
                "read_timeout": READ_TIMEOUT,
                "timeout": WHOLE_TIMEOUT,
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": RETRY_TIMEOUT,
                "backoff": {"max_backoff": timedelta(seconds=2)},
            },
            **{name: value for name, value in given.items() if value is not None},
        )
    except BaseError as error:
        raise StoreUrlInvalid(
            f"the s3 blob store cannot be used: {str(error).partition(chr(10))[0]}"
        ) from error
    return ObjectBlobStore(store)

"""Errors of `/v2`: tables from codes to statuses and messages, and from exceptions to codes.

Source: OCI Distribution 1.1, "Error Codes". Other codes are used only where it specifies none: by the token
service, and with statuses of 500 and above.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import orjson

from resolvers.content.push import DigestDiffers
from resolvers.errors import RETRY_LATER, DatabaseUnavailable, ErrorCode, QuaysideError, ReadOnly
from resolvers.manifests.document import ManifestInvalid, ManifestTooLarge
from resolvers.repositories.registry_access import NamespaceDisabled
from storage import blobs
from storage.space import is_full


class OciCode(StrEnum):
    """The field ``code`` of an error."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    BLOB_UPLOAD_INVALID = "BLOB_UPLOAD_INVALID"
    BLOB_UPLOAD_UNKNOWN = "BLOB_UPLOAD_UNKNOWN"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    SIZE_INVALID = "SIZE_INVALID"
    UNAUTHORIZED = "UNAUTHORIZED"
    DENIED = "DENIED"
    UNSUPPORTED = "UNSUPPORTED"
    TOOMANYREQUESTS = "TOOMANYREQUESTS"
    INVALID_REQUEST = "INVALID_REQUEST"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The default status and message of a code."""

    status: int
    message: str


ERRORS: Mapping[OciCode, ErrorRow] = {
    OciCode.BLOB_UNKNOWN: ErrorRow(404, "blob unknown to registry"),
    OciCode.BLOB_UPLOAD_INVALID: ErrorRow(400, "blob upload invalid"),
    OciCode.BLOB_UPLOAD_UNKNOWN: ErrorRow(404, "blob upload unknown to registry"),
    OciCode.DIGEST_INVALID: ErrorRow(400, "provided digest did not match uploaded content"),
    OciCode.MANIFEST_BLOB_UNKNOWN: ErrorRow(
        404, "manifest references a manifest or blob unknown to registry"
    ),
    OciCode.MANIFEST_INVALID: ErrorRow(400, "manifest invalid"),
    OciCode.MANIFEST_UNKNOWN: ErrorRow(404, "manifest unknown to registry"),
    OciCode.NAME_INVALID: ErrorRow(400, "invalid repository name"),
    OciCode.NAME_UNKNOWN: ErrorRow(404, "repository name not known to registry"),
    OciCode.SIZE_INVALID: ErrorRow(400, "provided length did not match content length"),
    OciCode.UNAUTHORIZED: ErrorRow(401, "authentication required"),
    OciCode.DENIED: ErrorRow(403, "requested access to the resource is denied"),
    OciCode.UNSUPPORTED: ErrorRow(405, "the operation is unsupported"),
    OciCode.TOOMANYREQUESTS: ErrorRow(429, "too many requests"),
    OciCode.INVALID_REQUEST: ErrorRow(400, "the request cannot be understood"),
    OciCode.UNAVAILABLE: ErrorRow(503, "the registry cannot do this at present"),
    OciCode.UNKNOWN: ErrorRow(500, "the registry failed"),
}


NO_SPACE = "there is no space left for this; an upload can be resumed when there is"


class RegistryError(Exception):
    """An error response to a request to `/v2`.

    `detail` is any JSON value; `headers` are added to the response (`Range`, `WWW-Authenticate`,
    `Retry-After` …).
    """

    def __init__(
        self,
        code: OciCode,
        message: str | None = None,
        *,
        status: int | None = None,
        detail: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        row = ERRORS[code]
        super().__init__(message or row.message)
        self.code = code
        self.message = message or row.message
        self.status = status or row.status
        self.detail = detail
        self.headers = headers or {}

    def body(self) -> bytes:
        """Return the JSON of the response: a list of one error; ``detail`` only if there is one."""
        row = {"code": self.code, "message": self.message}
        return orjson.dumps({"errors": [row if self.detail is None else {**row, "detail": self.detail}]})


STORAGE_ERRORS: Mapping[type[blobs.BlobError], tuple[OciCode, int | None]] = {
    blobs.DigestInvalid: (OciCode.DIGEST_INVALID, None),
    blobs.DigestMismatch: (OciCode.DIGEST_INVALID, None),
    blobs.BlobUnknown: (OciCode.BLOB_UNKNOWN, None),
    blobs.UploadUnknown: (OciCode.BLOB_UPLOAD_UNKNOWN, None),
    blobs.UploadBusy: (OciCode.BLOB_UPLOAD_INVALID, 409),
    blobs.OffsetMismatch: (OciCode.BLOB_UPLOAD_INVALID, 416),
    blobs.StorageFull: (OciCode.UNAVAILABLE, 507),
    blobs.StorageFailed: (OciCode.UNAVAILABLE, None),
}
"""Errors of blob stores; an unlisted subclass uses its nearest listed ancestor."""

DOMAIN_ERRORS: Mapping[ErrorCode, tuple[OciCode, int | None]] = {
    ErrorCode.UNAUTHENTICATED: (OciCode.UNAUTHORIZED, None),
    ErrorCode.FORBIDDEN: (OciCode.DENIED, None),
    ErrorCode.BAD_REQUEST: (OciCode.UNSUPPORTED, 400),
    ErrorCode.INVALID: (OciCode.MANIFEST_INVALID, None),
    ErrorCode.NOT_FOUND: (OciCode.NAME_UNKNOWN, None),
    ErrorCode.UNKNOWN_REFERENCE: (OciCode.MANIFEST_BLOB_UNKNOWN, None),
    ErrorCode.IMMUTABLE: (OciCode.DENIED, None),
    ErrorCode.LICENSE: (OciCode.DENIED, None),
    ErrorCode.NOT_WRITABLE: (OciCode.DENIED, None),
    ErrorCode.QUOTA_EXCEEDED: (OciCode.DENIED, None),
    ErrorCode.TOO_MANY: (OciCode.TOOMANYREQUESTS, None),
    ErrorCode.CONFLICT: (OciCode.UNAVAILABLE, None),
    ErrorCode.UPSTREAM: (OciCode.UNAVAILABLE, 502),
}
"""Errors of resolvers. Handlers that know which object is missing raise their own RegistryError instead."""

CLASS_ERRORS: Mapping[type[QuaysideError], tuple[OciCode, int | None]] = {
    ManifestTooLarge: (OciCode.MANIFEST_INVALID, 413),
    DigestDiffers: (OciCode.DIGEST_INVALID, None),
    NamespaceDisabled: (OciCode.DENIED, 405),
}
"""Errors of resolvers that the protocol specifies; they take precedence over `DOMAIN_ERRORS`."""


logger = logging.getLogger("quayside.registry")


def _message(error: Exception) -> str | None:
    if isinstance(error, blobs.StorageFull):
        return NO_SPACE
    # The message of a storage medium may contain paths of the machine, so it is not disclosed.
    return None if isinstance(error, blobs.StorageFailed) else str(error)


def registry_error(error: Exception, *, is_read: bool = False) -> RegistryError | None:
    """Translate an exception of a lower layer; None for an unexpected one.

    `is_read`: the request only reads, so that read-only mode is no reason to send another method.
    """
    if isinstance(error, RegistryError):
        return error
    if isinstance(error, DatabaseUnavailable):
        return RegistryError(OciCode.UNAVAILABLE, str(error), headers=RETRY_LATER)
    if isinstance(error, ReadOnly):
        if is_read:
            return RegistryError(OciCode.UNAVAILABLE, error.sentence, headers=RETRY_LATER)
        return RegistryError(OciCode.UNSUPPORTED, error.sentence, headers={"Allow": "GET, HEAD"})
    if isinstance(error, QuaysideError):
        row = CLASS_ERRORS.get(type(error)) or DOMAIN_ERRORS.get(error.code)
        named = isinstance(error, ManifestInvalid) and error.field
        detail = {"field": error.field} if named else None
        return row and RegistryError(row[0], error.message, status=row[1], detail=detail)
    for ancestor in type(error).__mro__:
        if ancestor in STORAGE_ERRORS:
            code, status = STORAGE_ERRORS[ancestor]
            if isinstance(error, blobs.StorageFailed):
                logger.error("the blob store refused an operation", exc_info=error)
            return RegistryError(code, _message(error), status=status)
    if is_full(error):
        return RegistryError(OciCode.UNAVAILABLE, NO_SPACE, status=507)
    return None

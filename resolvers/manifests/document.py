"""Parser of manifests: pushed bytes become a `ManifestDocument`, or raise `ManifestInvalid`.

Pure: no database, no blob store, no clock. The caller checks that the named blobs and manifests exist. The
bytes are stored and served exactly as pushed and never serialized again, so unknown fields need no
representation.

Sources: OCI image specification 1.1 (image manifest, image index, content descriptors) and Docker image
manifest version 2, schema 2. The four formats differ so little that one reader serves them all.
"""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from resolvers.errors import Invalid
from resolvers.nesting import MAX_DEPTH, is_too_deep
from storage.blobs.base import DigestInvalid
from storage.blobs.digest import parse_digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

IMAGE_MEDIA_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEX_MEDIA_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_MEDIA_TYPES = IMAGE_MEDIA_TYPES | INDEX_MEDIA_TYPES
"""Every manifest format that the registry stores."""

SCHEMA_1_MEDIA_TYPES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    }
)

NON_DISTRIBUTABLE_MEDIA_TYPES = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
"""Layers that clients fetch from elsewhere and do not push, so that a registry must not require them."""

MAX_BYTES = 4 * 1024 * 1024
MAX_CHILDREN = 10_000
MAX_LAYERS = 4_096
MAX_MEDIA_TYPE_LENGTH = 255
MAX_PLATFORM_LENGTH = 64
MAX_SIZE = 2**53 - 1
"""The largest integer that every JSON parser reads exactly (IEEE 754 doubles)."""

FOREIGN_FIELDS: Mapping[bool, tuple[str, ...]] = {
    False: ("manifests", "fsLayers"),
    True: ("config", "layers", "fsLayers"),
}
"""By `is_index`: fields of the other formats. They are refused, because two clients could read a document
with both as different images (CVE-2021-41190)."""

# RFC 6838 section 4.2, plus parameters, which some tools write although they are not part of the name.
_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_SURROGATE = re.compile("[\ud800-\udfff]")
_MEDIA_TYPE = re.compile(rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}( *;[ -~]*)?")


class ManifestInvalid(Invalid):
    """The bytes are not a supported manifest.

    `field` is the path of the invalid field, such as ``layers[3].size``, None for the whole document.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message if field is None else f"{field}: {message}", field=field)


class ManifestTooLarge(ManifestInvalid):
    """The manifest exceeds `MAX_BYTES`."""

    def __init__(self) -> None:
        super().__init__(f"a manifest may have at most {MAX_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The platform of an image (image index, ``platform``). Absent strings are empty."""

    architecture: str
    operating_system: str
    variant: str
    os_version: str
    os_features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A reference to content: its media type, digest and size in bytes (content descriptors)."""

    media_type: str
    digest: str
    size_bytes: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()
    data: bytes | None = None
    platform: Platform | None = None

    @property
    def is_manifest(self) -> bool:
        """Whether the content is a manifest of a supported format. An index may also list plain blobs."""
        return self.media_type in MANIFEST_MEDIA_TYPES

    @property
    def is_distributable(self) -> bool:
        """Whether the registry must hold the content before a manifest may name it."""
        return self.media_type not in NON_DISTRIBUTABLE_MEDIA_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestDocument:
    """A valid manifest.

    `artifact_type` is the field of that name, None if absent or empty. `config` is None and `layers` empty
    for an index, `children` empty for an image. `size_bytes` is the length of the document itself.
    """

    media_type: str
    digest: str
    size_bytes: int
    artifact_type: str | None
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str]

    @property
    def is_index(self) -> bool:
        """Whether the document lists manifests and has no configuration and layers."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def referrer_artifact_type(self) -> str | None:
        """The artifact type in a list of referrers; an image falls back to its configuration's media type.

        Source: OCI Distribution 1.1, "Listing Referrers".
        """
        if self.artifact_type is None and self.config is not None:
            return self.config.media_type
        return self.artifact_type

    @property
    def required_blobs(self) -> tuple[Descriptor, ...]:
        """The blobs that the repository must hold, each digest once, in order of first mention."""
        config = () if self.config is None else (self.config,)
        return _distinct(item for item in (*config, *self.layers) if item.is_distributable)

    @property
    def required_manifests(self) -> tuple[Descriptor, ...]:
        """The manifests that the repository must hold, each digest once. A subject may be absent."""
        return _distinct(child for child in self.children if child.is_manifest)

    @property
    def required_contents(self) -> tuple[Descriptor, ...]:
        """Entries of an index with other media types: each a blob or a manifest that must be held."""
        strays = (child for child in self.children if not child.is_manifest)
        return _distinct(child for child in strays if child.is_distributable)


def parse_manifest(
    content: bytes, content_type: str | None, *, algorithm: str = "sha256"
) -> ManifestDocument:
    """Parse a pushed manifest.

    `content_type` is the header as sent: parameters are ignored, None is allowed (OCI Distribution 1.1,
    "Pushing Manifests"). `algorithm`, sha256 or sha512, is that of the document's own digest. Raises
    ManifestInvalid. CPU-bound for up to 4 MiB, so run it in a thread for large bodies.
    """
    if len(content) > MAX_BYTES:
        raise ManifestTooLarge
    document = _load(content)
    media_type = _media_type(document, content_type)
    is_index = media_type in INDEX_MEDIA_TYPES
    for name in FOREIGN_FIELDS[is_index]:
        if name in document:
            raise ManifestInvalid(f"does not belong in a manifest of type {media_type}", name)
    annotations = _annotations(document, "")
    parsed = ManifestDocument(
        media_type=media_type,
        digest=f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}",
        size_bytes=len(content),
        artifact_type=_optional_media_type(document, "", "artifactType"),
        config=None if is_index else _descriptor(document.get("config"), "config"),
        layers=() if is_index else _descriptors(document, "layers", MAX_LAYERS),
        children=_descriptors(document, "manifests", MAX_CHILDREN) if is_index else (),
        subject=None if document.get("subject") is None else _descriptor(document["subject"], "subject"),
        annotations=annotations,
    )
    _check_sizes_agree(parsed)
    return parsed


def _distinct(descriptors: Iterable[Descriptor]) -> tuple[Descriptor, ...]:
    return tuple({item.digest: item for item in descriptors}.values())


def _load(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            content.decode("utf-8"), object_pairs_hook=_unique_fields, parse_constant=_refuse_constant
        )
    except ManifestInvalid:
        raise
    except (ValueError, RecursionError) as error:
        # ValueError includes UnicodeDecodeError and integers with more digits than Python converts.
        raise ManifestInvalid("the manifest is not valid JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    _check_depth(document)
    return document


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Parsers disagree about which of two duplicate fields counts, so the document would be ambiguous.
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ManifestInvalid("the field appears twice in one object", _printable(repeated))
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ManifestInvalid(f"{name} is not valid JSON")


def _check_depth(document: dict[str, Any]) -> None:
    if is_too_deep(document):
        raise ManifestInvalid(f"the manifest is nested more than {MAX_DEPTH} levels deep")


def _media_type(document: dict[str, Any], content_type: str | None) -> str:
    """Determine which of the four formats this is, from the header, the field ``mediaType`` and the shape."""
    declared = (content_type or "").partition(";")[0].strip().lower()
    written = _string(document, "", "mediaType")
    version = document.get("schemaVersion")
    if declared in SCHEMA_1_MEDIA_TYPES or written in SCHEMA_1_MEDIA_TYPES or version == 1:
        raise ManifestInvalid("schema 1 manifests are not supported; push the image as schema 2 or OCI")
    if type(version) is not int or version != 2:
        raise ManifestInvalid("must be the number 2", "schemaVersion")
    if declared and written and written != declared:
        raise ManifestInvalid(f"must agree with the Content-Type, {_printable(declared)}", "mediaType")
    media_type = declared or written or (OCI_INDEX if "manifests" in document else OCI_MANIFEST)
    if media_type not in MANIFEST_MEDIA_TYPES:
        supported = ", ".join(sorted(MANIFEST_MEDIA_TYPES))
        raise ManifestInvalid(f"must be one of {supported}, not {_printable(media_type)}", "mediaType")
    return media_type


def _descriptors(document: dict[str, Any], name: str, limit: int) -> tuple[Descriptor, ...]:
    if name not in document:
        raise ManifestInvalid("is required", name)
    items = document[name]
    if items is None:  # Some tools write an empty list as null.
        return ()
    if not isinstance(items, list):
        raise ManifestInvalid("must be a list of descriptors", name)
    if len(items) > limit:
        raise ManifestInvalid(f"may have at most {limit} entries", name)
    return tuple(_descriptor(item, f"{name}[{index}]") for index, item in enumerate(items))


def _descriptor(value: object, path: str) -> Descriptor:
    if not isinstance(value, dict):
        raise ManifestInvalid("a descriptor is required", path)
    media_type = _optional_media_type(value, path, "mediaType")
    if media_type is None:
        raise ManifestInvalid("is required", f"{path}.mediaType")
    digest, size = value.get("digest"), value.get("size")
    try:
        algorithm, _ = parse_digest(digest if isinstance(digest, str) else "")
    except DigestInvalid as error:
        raise ManifestInvalid(str(error), f"{path}.digest") from error
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise ManifestInvalid(f"must be a whole number from 0 to {MAX_SIZE}", f"{path}.size")
    return Descriptor(
        media_type=media_type,
        digest=cast(str, digest),
        size_bytes=size,
        artifact_type=_optional_media_type(value, path, "artifactType"),
        annotations=_annotations(value, path),
        urls=_strings(value, path, "urls"),
        data=_data(value, path, algorithm),
        platform=_platform(value, path),
    )


def _data(descriptor: dict[str, Any], path: str, algorithm: str) -> bytes | None:
    """Decode embedded content, whose size and digest must match the descriptor."""
    encoded = descriptor.get("data")
    if encoded is None:
        return None
    place = f"{path}.data"
    try:
        data = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else None
    except ValueError:  # binascii.Error, and characters outside ASCII.
        data = None
    if data is None:
        raise ManifestInvalid("must be a string in base64", place)
    if len(data) != descriptor["size"]:
        raise ManifestInvalid(f"has {len(data)} bytes, not the size of the descriptor", place)
    if f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}" != descriptor["digest"]:
        raise ManifestInvalid("does not have the digest of the descriptor", place)
    return data


def _platform(descriptor: dict[str, Any], path: str) -> Platform | None:
    value = descriptor.get("platform")
    if value is None:
        return None
    place = f"{path}.platform"
    if not isinstance(value, dict):
        raise ManifestInvalid("must be an object", place)
    return Platform(
        architecture=_string(value, place, "architecture", limit=MAX_PLATFORM_LENGTH),
        operating_system=_string(value, place, "os", limit=MAX_PLATFORM_LENGTH),
        variant=_string(value, place, "variant", limit=MAX_PLATFORM_LENGTH),
        os_version=_string(value, place, "os.version"),
        os_features=_strings(value, place, "os.features"),
    )


def _annotations(parent: dict[str, Any], path: str) -> dict[str, str]:
    value = parent.get("annotations")
    if value is None:
        return {}
    place = _join(path, "annotations")
    if not isinstance(value, dict):
        raise ManifestInvalid("must be an object of strings", place)
    for name, text in value.items():
        _text(name, place)
        _text(text, f"{place}.{name}")
    return value


def _optional_media_type(parent: dict[str, Any], path: str, name: str) -> str | None:
    """Read a media type. Absent, null and empty mean the same, as specified for ``artifactType``."""
    text = _string(parent, path, name, limit=MAX_MEDIA_TYPE_LENGTH)
    if text and _MEDIA_TYPE.fullmatch(text) is None:
        raise ManifestInvalid("must be a media type, such as application/octet-stream", _join(path, name))
    return text or None


def _string(parent: dict[str, Any], path: str, name: str, *, limit: int | None = None) -> str:
    value = parent.get(name)
    text = "" if value is None else _text(value, _join(path, name))
    if limit is not None and len(text) > limit:
        raise ManifestInvalid(f"may have at most {limit} characters", _join(path, name))
    return text


def _strings(parent: dict[str, Any], path: str, name: str) -> tuple[str, ...]:
    value = parent.get(name)
    if value is None:
        return ()
    place = _join(path, name)
    if not isinstance(value, list):
        raise ManifestInvalid("must be a list of strings", place)
    return tuple(_text(item, f"{place}[{index}]") for index, item in enumerate(value))


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise ManifestInvalid("must be a string", _printable(place))
    # An unpaired surrogate cannot be encoded as UTF-8, and PostgreSQL cannot store NUL.
    if "\0" in value or _SURROGATE.search(value):
        raise ManifestInvalid("must not contain NUL or unpaired surrogates", _printable(place))
    return value


def _check_sizes_agree(document: ManifestDocument) -> None:
    """Refuse one digest with two sizes, and layers whose sum of sizes exceeds `MAX_SIZE`.

    Sizes of content that is not stored here are only claims, which could overflow the database's integers.
    """
    sizes: dict[str, int] = {}
    groups: tuple[tuple[str, tuple[Descriptor, ...]], ...] = (
        ("config", () if document.config is None else (document.config,)),
        ("layers", document.layers),
        ("manifests", document.children),
        ("subject", () if document.subject is None else (document.subject,)),
    )
    for name, descriptors in groups:
        for index, item in enumerate(descriptors):
            if sizes.setdefault(item.digest, item.size_bytes) != item.size_bytes:
                path = f"{name}[{index}]" if name in ("layers", "manifests") else name
                raise ManifestInvalid("differs from the size given for this digest before", f"{path}.size")
    if sum(layer.size_bytes for layer in document.layers) > MAX_SIZE:
        raise ManifestInvalid(f"must have at most {MAX_SIZE} bytes together", "layers")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _printable(text: str) -> str:
    """Escape and shorten untrusted text for an error message."""
    return text[:100].encode("unicode_escape").decode("ascii")

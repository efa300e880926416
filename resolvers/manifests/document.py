"""Reading manifests: bytes as a client pushed them become a `ManifestDocument`, or a `ManifestInvalid`.

Pure: no database, no blob store, no clock. Whether the blobs and manifests that a document names exist is
asked elsewhere; this module says what it names. The bytes are never changed or written anew: a registry
serves a manifest exactly as it was pushed, so fields unknown to us need no place here.

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
"""Layers that clients fetch from elsewhere and do not push, so a registry cannot ask for them."""

MAX_BYTES = 4 * 1024 * 1024
MAX_CHILDREN = 10_000
MAX_LAYERS = 4_096
MAX_MEDIA_TYPE_LENGTH = 255
MAX_PLATFORM_LENGTH = 64
MAX_SIZE = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly, so that sizes survive on their way to clients."""

FOREIGN_FIELDS: Mapping[bool, tuple[str, ...]] = {
    False: ("manifests", "fsLayers"),
    True: ("config", "layers", "fsLayers"),
}
"""By "is an index": fields of the other formats. Two clients may read a document with both as different
images (CVE-2021-41190), so their mere presence is refused."""

# RFC 6838 section 4.2, and parameters, which some tools write although the RFC keeps them out of the name.
_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_SURROGATE = re.compile("[\ud800-\udfff]")
_MEDIA_TYPE = re.compile(rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}( *;[ -~]*)?")


class ManifestInvalid(Invalid):
    """The bytes are not a manifest that we store.

    `field` is the path of the field at fault, such as ``layers[3].size``, None for the document as a whole.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message if field is None else f"{field}: {message}", field=field)


class ManifestTooLarge(ManifestInvalid):
    """The manifest exceeds `MAX_BYTES`."""

    def __init__(self) -> None:
        super().__init__(f"a manifest may have at most {MAX_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an image needs to run (image index, ``platform``). Absent strings are empty."""

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
        """Whether the content is a manifest of a format that we store. An index may also list plain blobs."""
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
        """Whether the document lists manifests rather than a configuration and layers."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def referrer_artifact_type(self) -> str | None:
        """The type under which a list of referrers shows it: an image falls back to its configuration's.

        Source: OCI Distribution 1.1, "Listing Referrers".
        """
        if self.artifact_type is None and self.config is not None:
            return self.config.media_type
        return self.artifact_type

    @property
    def required_blobs(self) -> tuple[Descriptor, ...]:
        """The blobs that must be in the repository, each digest once, in the order of first mention."""
        config = () if self.config is None else (self.config,)
        return _distinct(item for item in (*config, *self.layers) if item.is_distributable)

    @property
    def required_manifests(self) -> tuple[Descriptor, ...]:
        """The manifests that must be in the repository, each digest once. A subject may be absent."""
        return _distinct(child for child in self.children if child.is_manifest)

    @property
    def required_contents(self) -> tuple[Descriptor, ...]:
        """What an index lists under other media types: a blob or, called by another name, a manifest."""
        strays = (child for child in self.children if not child.is_manifest)
        return _distinct(child for child in strays if child.is_distributable)


def parse_manifest(
    content: bytes, content_type: str | None, *, algorithm: str = "sha256"
) -> ManifestDocument:
    """Read a manifest as it was pushed.

    `content_type` is the header as sent: parameters are ignored, None is allowed (OCI Distribution 1.1,
    "Pushing Manifests"). `algorithm`, sha256 or sha512, is that of the document's own digest. Raises
    ManifestInvalid. Hashes and parses up to 4 MiB, so call it in a thread for large bodies.
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
        # Also UnicodeDecodeError, and numbers with more digits than Python converts.
        raise ManifestInvalid("the manifest is not valid JSON in UTF-8") from error
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    _check_depth(document)
    return document


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Readers disagree about which of two equal fields counts, so the document would mean two things.
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ManifestInvalid("the field appears twice in one object", _printable(repeated))
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ManifestInvalid(f"{name} is not valid JSON")


def _check_depth(document: dict[str, Any]) -> None:
    if is_too_deep(document):
        raise ManifestInvalid(f"the manifest is nested more than {MAX_DEPTH} levels deep")


def _media_type(document: dict[str, Any], content_type: str | None) -> str:
    """Settle which of the four formats this is, from the header, the field ``mediaType`` and the shape."""
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
    """Decode embedded content, which must be exactly what the descriptor refers to."""
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
    """Read a media type; absent, null and empty are one (so the specification treats ``artifactType``)."""
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
    # Half a surrogate pair cannot be written as UTF-8, and PostgreSQL stores no NUL.
    if "\0" in value or _SURROGATE.search(value):
        raise ManifestInvalid("must not contain NUL or unpaired surrogates", _printable(place))
    return value


def _check_sizes_agree(document: ManifestDocument) -> None:
    """Refuse one digest with two sizes: one of them is a lie, whatever the content turns out to be.

    So is a sum that no number of the database holds: the sizes of content that is kept elsewhere are claims.
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
    """Make text of a stranger safe and short enough for a message."""
    return text[:100].encode("unicode_escape").decode("ascii")

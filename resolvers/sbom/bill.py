"""Bills of strangers: the packages that a document of SPDX 2 or CycloneDX 1 names by package URLs, as JSON.

Sources: SPDX 2.3, CycloneDX 1.6, in-toto attestation predicates for both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from resolvers.attestations.statement import Unreadable, is_about, loaded, only_subject, statement_of
from resolvers.nesting import within
from resolvers.scan.package import Distribution, Package
from resolvers.scan.purl import distribution_of, named_by, parsed

SPDX: Final = "spdx"
CYCLONEDX: Final = "cyclonedx"
_VERSION_LENGTH: Final = 16
_OTHER_KINDS: Final = frozenset(
    {"file", "operating-system", "container", "platform", "device", "device-driver", "firmware", "data"}
)
"""Types of components of CycloneDX, and purposes of packages of SPDX, that are no package of an ecosystem."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most packages that a bill may name, and the most objects and lists that it may have."""

    packages: int = 30_000
    objects: int = 2_000_000


@dataclass(frozen=True, slots=True)
class Bill:
    """What a bill says: packages, each with its distribution if it names one, and how many it cannot tell of.

    `format` is `spdx` or `cyclonedx`. `distribution` is that of the whole document. `subject` is the digest
    of the image that it is about.
    """

    format: str
    version: str
    subject: str
    packages: list[tuple[Package, Distribution | None]]
    distribution: Distribution | None
    unknown_count: int


class BillReader(Protocol):
    """Reads bills apart from all else: whoever may push may make one up that takes much to read."""

    async def read(self, content: bytes, subject: str) -> Bill:
        """As `bill`. Raises `Unreadable` also for what takes too much."""


@dataclass(frozen=True, slots=True)
class _Component:
    purl: str | None
    is_package: bool


def bill(content: bytes, subject: str, bounds: Bounds) -> Bill:
    """What a document, or an attestation of it, says of an image. Raises `Unreadable`.

    An attestation without a `subject` given is about the one image that its statement names.
    """
    # Before it is parsed: an empty list of two bytes takes 56 in memory, and more time than a text.
    if content.count(b"{") + content.count(b"[") > bounds.objects:
        raise Unreadable(f"The document has more than {bounds.objects:,} objects and lists.")
    document = loaded(content)
    statement = statement_of(document)
    if statement is not None:
        subject = subject or only_subject(statement) or ""
        if not subject or not is_about(statement, subject):
            raise Unreadable("The attestation is about another image.")
        document = statement.get("predicate")
    elif not subject:
        raise Unreadable("The document does not say which image it is about.")
    if isinstance(document, dict) and "spdxVersion" in document:
        outline = _spdx(document)
    elif isinstance(document, dict) and document.get("bomFormat") == "CycloneDX":
        outline = _cyclonedx(document)
    else:
        raise Unreadable("The document has neither `spdxVersion` nor the `bomFormat` `CycloneDX`.")
    return _summed(outline, subject, bounds)


@dataclass(frozen=True, slots=True)
class _Outline:
    format: str
    version: str
    distribution: Distribution | None
    components: Iterator[_Component]


def _spdx(document: dict[str, Any]) -> _Outline:
    version = document["spdxVersion"]
    if not isinstance(version, str) or not version.startswith("SPDX-2."):
        raise Unreadable("`spdxVersion` must be a version of SPDX 2.")
    items = _list(document, "packages")
    system = next((one for one in items if one.get("primaryPackagePurpose") == "OPERATING-SYSTEM"), {})
    return _Outline(
        SPDX,
        version.removeprefix("SPDX-"),
        _distribution(system.get("name"), system.get("versionInfo")),
        (_Component(_spdx_purl(one), _is_package(one.get("primaryPackagePurpose"))) for one in items),
    )


def _spdx_purl(item: dict[str, Any]) -> str | None:
    references = item.get("externalRefs")
    for one in references if isinstance(references, list) else ():
        if str(within(one, "referenceType")).rpartition("/")[2] == "purl":
            found = within(one, "referenceLocator")
            if isinstance(found, str):
                return found
    return None


def _cyclonedx(document: dict[str, Any]) -> _Outline:
    version = document.get("specVersion")
    if not isinstance(version, str) or not version.startswith("1."):
        raise Unreadable("`specVersion` must be a version of CycloneDX 1.")
    items = list(_nested(_list(document, "components")))
    system = next((one for one in items if one.get("type") == "operating-system"), {})
    return _Outline(
        CYCLONEDX,
        version,
        _distribution(system.get("name"), system.get("version")),
        (
            _Component(
                purl if isinstance(purl := one.get("purl"), str) else None, _is_package(one.get("type"))
            )
            for one in items
            # What is excluded is not in the image, as what tests need.
            if one.get("scope") != "excluded"
        ),
    )


def _is_package(kind: Any) -> bool:
    return not (isinstance(kind, str) and kind.lower() in _OTHER_KINDS)


def _nested(items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Components, and those within them."""
    waiting = list(reversed(items))
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(_list(one, "components"))


def _list(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, which may be absent."""
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"`{name}` must be a list of objects.")
    return found


def _distribution(name: Any, version: Any) -> Distribution | None:
    if not isinstance(name, str):
        return None
    return distribution_of(name, version if isinstance(version, str) else "")


def _summed(outline: _Outline, subject: str, bounds: Bounds) -> Bill:
    if len(outline.version) > _VERSION_LENGTH or not outline.version.isprintable():
        raise Unreadable("The version of the format is none.")
    packages: dict[tuple[Package, Distribution | None], None] = {}
    unknown = 0
    for one in outline.components:
        purl = parsed(one.purl) if one.purl is not None else None
        named = named_by(purl) if purl is not None else None
        if named is None or not named.package.version:
            unknown += one.is_package and (purl is None or purl.type != "oci")
            continue
        packages[named.package, named.distribution] = None
        if len(packages) > bounds.packages:
            raise Unreadable(f"The document names more than {bounds.packages:,} packages.")
    return Bill(outline.format, outline.version, subject, list(packages), outline.distribution, unknown)

"""SPDX 2.3: a bill of materials as a document of JSON. Licences are not known, and said so."""

from hashlib import sha256
from typing import Any, Final

from resolvers.sbom.contents import Component, Contents
from storage.clock import rfc3339

MEDIA_TYPE: Final = "application/spdx+json"
PREDICATE_TYPE: Final = "https://spdx.dev/Document"
_IMAGE: Final = "SPDXRef-Image"
_UNKNOWN: Final = {
    "downloadLocation": "NOASSERTION",
    "filesAnalyzed": False,
    "licenseConcluded": "NOASSERTION",
    "licenseDeclared": "NOASSERTION",
    "copyrightText": "NOASSERTION",
}


def document(contents: Contents, url: str) -> dict[str, Any]:
    """The document of an image; `url` is the address of the registry."""
    packages = [_package(component) for component in contents.components]
    if contents.distribution is not None:
        packages.insert(0, _distribution(contents))
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{contents.name}@{contents.digest}",
        "documentNamespace": f"{url}/spdx/{contents.id}",
        "creationInfo": {
            "created": rfc3339(contents.scanned_at_ms, "seconds"),
            "creators": [f"Tool: quayside-{contents.version}"],
        },
        "packages": [_image(contents), *packages],
        "relationships": [
            _relationship("SPDXRef-DOCUMENT", "DESCRIBES", _IMAGE),
            *(_relationship(_IMAGE, "CONTAINS", package["SPDXID"]) for package in packages),
        ],
    }


def _image(contents: Contents) -> dict[str, Any]:
    algorithm, _, value = contents.digest.partition(":")
    return {
        "SPDXID": _IMAGE,
        "name": contents.name,
        "versionInfo": contents.digest,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": algorithm.upper(), "checksumValue": value}],
        "sourceInfo": "Layers from the bottom up: " + ", ".join(contents.layers),
        "externalRefs": [_purl(contents.purl)],
        **_UNKNOWN,
    }


def _distribution(contents: Contents) -> dict[str, Any]:
    assert contents.distribution is not None
    return {
        "SPDXID": "SPDXRef-OperatingSystem",
        "name": contents.distribution.name,
        **({"versionInfo": contents.distribution.version} if contents.distribution.version else {}),
        "primaryPackagePurpose": "OPERATING-SYSTEM",
        **_UNKNOWN,
    }


def _package(component: Component) -> dict[str, Any]:
    package = component.package
    places = ", ".join(f"{path} of the layer {digest}" for path, digest in component.places)
    source = ""
    if package.source_name or package.source_version:
        name, version = package.source_name or package.name, package.source_version or package.version
        source = f" Built from the source package {name} {version}."
    return {
        "SPDXID": f"SPDXRef-Package-{sha256(component.purl.encode()).hexdigest()[:32]}",
        "name": package.name,
        "versionInfo": package.version,
        "sourceInfo": f"Noted in {places}.{source}",
        "externalRefs": [_purl(component.purl)],
        **_UNKNOWN,
    }


def _purl(purl: str) -> dict[str, str]:
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}


def _relationship(one: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}

"""CycloneDX 1.6: a bill of materials as a document of JSON, without licences, which are not known."""

from typing import Any, Final

from resolvers.sbom.contents import Component, Contents
from resolvers.scan.package import Ecosystem
from storage.clock import rfc3339

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"
PREDICATE_TYPE: Final = "https://cyclonedx.org/bom"
_HASHES: Final = {"sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_SYSTEM: Final = "operating-system"


def document(contents: Contents) -> dict[str, Any]:
    """The document of an image."""
    components = [_component(component) for component in contents.components]
    if contents.distribution is not None:
        components.insert(0, _distribution(contents))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{contents.id}",
        "version": 1,
        "metadata": {
            "timestamp": rfc3339(contents.scanned_at_ms, "seconds"),
            "tools": {
                "components": [{"type": "application", "name": "quayside", "version": contents.version}]
            },
            "component": _image(contents),
        },
        "components": components,
        "dependencies": [
            {"ref": contents.purl, "dependsOn": [component["bom-ref"] for component in components]},
            *({"ref": component["bom-ref"]} for component in components),
        ],
    }


def _image(contents: Contents) -> dict[str, Any]:
    algorithm, _, value = contents.digest.partition(":")
    hashes = [{"alg": _HASHES[algorithm], "content": value}] if algorithm in _HASHES else []
    return {
        "bom-ref": contents.purl,
        "type": "container",
        "name": contents.name,
        "version": contents.digest,
        "purl": contents.purl,
        "hashes": hashes,
        "properties": [{"name": "quayside:layer", "value": digest} for digest in contents.layers],
    }


def _distribution(contents: Contents) -> dict[str, Any]:
    assert contents.distribution is not None
    name, version = contents.distribution.name, contents.distribution.version
    return {
        "bom-ref": f"{_SYSTEM}:{name}",
        "type": _SYSTEM,
        "name": name,
        **({"version": version} if version else {}),
    }


def _component(component: Component) -> dict[str, Any]:
    package = component.package
    group, name = _split(package.ecosystem, package.name)
    properties = [
        {"name": f"quayside:{key}", "value": value}
        for key, value in (("source-name", package.source_name), ("source-version", package.source_version))
        if value
    ]
    return {
        "bom-ref": component.purl,
        "type": "library",
        **({"group": group} if group else {}),
        "name": name,
        "version": package.version,
        "purl": component.purl,
        "evidence": {
            "occurrences": [
                {"location": path, "additionalContext": digest} for path, digest in component.places
            ]
        },
        **({"properties": properties} if properties else {}),
    }


def _split(ecosystem: Ecosystem, name: str) -> tuple[str, str]:
    """Group and name."""
    if ecosystem is Ecosystem.MAVEN:
        group, _, name = name.rpartition(":")
        return group, name
    if ecosystem is Ecosystem.NPM and name.startswith("@"):
        group, _, name = name.partition("/")
        return (group, name) if name else ("", group)
    return "", name

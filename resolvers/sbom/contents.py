"""Contents: what a bill of materials says of a scanned image, whichever its format."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from packageurl import PackageURL

from resolvers.context import Site
from resolvers.scan.package import Distribution, Package, purl_of
from resolvers.scan.packages import IS_SHOWN, PACKAGE, SOURCE, record_of
from storage.statements import Row, fetch, fetch_one

_NAMESPACE: Final = uuid.UUID("6f1f7c1e-6a52-5d1b-9d0c-2f6b7a5b8c11")
"""Of the ids of bills, which are made from what these say."""


@dataclass(frozen=True, slots=True)
class Component:
    """A package of an image, with the files that note it, and the digests of the layers of these."""

    purl: str
    package: Package
    places: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Contents:
    """A scanned image. `name` is that of its repository with its registry, `layers` are from the bottom up.

    `id` is the same for the same scan of the same image.
    """

    name: str
    digest: str
    purl: str
    layers: Sequence[str]
    distribution: Distribution | None
    scanned_at_ms: int
    version: str
    components: Sequence[Component]
    id: uuid.UUID

    @property
    def short_name(self) -> str:
        """The last step of the name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a scanned image, and of its packages."""

    image: Row
    layers: Sequence[str]
    packages: Sequence[Row]


async def found_in(manifest_id: int, most: int) -> Found | None:
    """What the scan found in an image, None if it is not scanned; at most so many packages. Three statements.

    A package that several files note counts as often.
    """
    image = await fetch_one(
        "SELECT m.digest, m.architecture, n.name AS namespace, r.name AS repository, s.scanned_at_ms,"
        " s.distribution_name, s.distribution_version FROM manifest m"
        " JOIN manifest_scan s ON s.manifest_id = m.id AND s.state = 'scanned'"
        " JOIN repository r ON r.id = m.repository_id JOIN account n ON n.id = r.namespace_id"
        " WHERE m.id = ? AND m.is_index = FALSE AND m.collected_at_ms IS NULL",
        manifest_id,
    )
    if image is None:
        return None
    layers = await fetch(
        "SELECT digest FROM manifest_blob WHERE manifest_id = ? AND role = 'layer' ORDER BY position",
        manifest_id,
    )
    packages = await fetch(
        f"SELECT {PACKAGE}, b.digest AS layer_digest, f.path FROM {SOURCE}"
        f" WHERE b.manifest_id = ? AND {IS_SHOWN} LIMIT ?",
        *(manifest_id, most),
    )
    return Found(image, [row["digest"] for row in layers], packages)


def contents(site: Site, found: Found) -> Contents:
    """What is said of an image, in an order that depends on nothing else."""
    image = found.image
    path = f"{image['namespace']}/{image['repository']}"
    name = f"{site.registry_host}/{path}"
    places: dict[str, set[tuple[str, str]]] = {}
    packages: dict[str, Package] = {}
    for row in found.packages:
        record = record_of(row)
        purl = purl_of(record.package, record.distribution)
        # What differs in nothing else than its source is one package to readers of bills.
        packages[purl] = min(packages.get(purl, record.package), record.package, key=repr)
        places.setdefault(purl, set()).add((row["path"], row["layer_digest"]))
    components = [Component(purl, packages[purl], sorted(places[purl])) for purl in sorted(packages)]
    distribution_name = image["distribution_name"]
    said = (
        *(name, image["digest"], image["scanned_at_ms"], site.version, distribution_name),
        *(image["distribution_version"], components),
    )
    return Contents(
        name=name,
        digest=image["digest"],
        purl=image_purl(name, image["digest"], image["architecture"]),
        layers=found.layers,
        distribution=(
            Distribution(distribution_name, image["distribution_version"]) if distribution_name else None
        ),
        scanned_at_ms=image["scanned_at_ms"],
        version=site.version,
        components=components,
        id=uuid.uuid5(_NAMESPACE, sha256(repr(said).encode()).hexdigest()),
    )


def image_purl(name: str, digest: str, architecture: str | None) -> str:
    """The package URL of an image: `pkg:oci/app@sha256:…?repository_url=quay.example/ada/app`."""
    qualifiers = {"repository_url": name, **({"arch": architecture} if architecture else {})}
    return PackageURL("oci", None, name.rpartition("/")[2].lower(), digest, qualifiers).to_string()

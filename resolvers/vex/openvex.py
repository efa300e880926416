"""OpenVEX: statements on vulnerabilities of products, from a document that anybody may have written.

Source: OpenVEX specification 0.2.0, which reads documents of 0.0.1 as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from resolvers.attestations.statement import Unreadable, loaded, unwrapped
from resolvers.scan.purl import named_by, parsed
from storage.clock import read_ms

CONTEXT: Final = "https://openvex.dev/ns"
SUPPRESSING: Final = frozenset({"not_affected", "fixed"})
STATUSES: Final = SUPPRESSING | {"affected", "under_investigation"}
MOST_STATEMENTS: Final = 10_000
MOST_TEXT: Final = 2_000


@dataclass(frozen=True, slots=True)
class About:
    """The image that a document is attached to; `path` is that of its repository, `host` its registry."""

    host: str
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What is stated of a vulnerability by a name. The package is empty where the whole image is meant."""

    name: str
    ecosystem: str
    package_name: str
    package_version: str
    status: str
    justification: str | None
    impact: str | None
    stated_at_ms: int


def statements(content: bytes, about: About) -> list[Statement]:
    """What a document, or an attestation of it, states of an image. Raises `Unreadable`."""
    document = unwrapped(loaded(content), about.digest)
    if not isinstance(document, dict) or not str(document.get("@context", "")).startswith(CONTEXT):
        raise Unreadable(f"The document has no `@context` that begins with {CONTEXT}.")
    if not isinstance(document.get("statements"), list):
        raise Unreadable("`statements` must be a list.")
    found: dict[Statement, None] = {}
    things = chain.from_iterable(_of(one, document, about) for one in document["statements"])
    # What is stated again counts as well: it takes as much time.
    for number, statement in enumerate(things, 1):
        found[statement] = None
        if number > MOST_STATEMENTS:
            raise Unreadable(f"The document states more than {MOST_STATEMENTS:,} things of the image.")
    return list(found)


def _of(one: Any, document: dict[str, Any], about: About) -> Iterator[Statement]:
    if not isinstance(one, dict) or one.get("status") not in STATUSES:
        return
    moments = [_moment(each.get("timestamp")) for each in (one, document)]
    at_ms = next((moment for moment in moments if moment is not None), 0)
    names = [name for name in _names(one.get("vulnerability")) if 0 < len(name) <= 128 and "\0" not in name]
    justification, impact = _text(one.get("justification"), 64), _text(one.get("impact_statement"), MOST_TEXT)
    # Each once, however often products name it: names and packages are multiplied with each other.
    packages = dict.fromkeys(
        package
        for product in (_list(one.get("products")) if names else [])
        if _is_image(product, about)
        for package in _packages_of(product)
    )
    for package in packages:
        for name in names:
            yield Statement(name, *package, one["status"], justification, impact, at_ms)


def _names(vulnerability: Any) -> list[str]:
    """The names of a vulnerability. An `@id` that is an address has the name at its end."""
    if isinstance(vulnerability, str):
        return [vulnerability]
    if not isinstance(vulnerability, dict):
        return []
    identity = vulnerability.get("@id")
    given = [vulnerability.get("name"), *_list(vulnerability.get("aliases"))]
    if isinstance(identity, str):
        given.append(identity.rstrip("/").rpartition("/")[2])
    return sorted({name for name in given if isinstance(name, str)})


def _is_image(product: Any, about: About) -> bool:
    """Whether a product is the image: by its digest, or by a package URL of the type `oci`."""
    if isinstance(product, dict):
        hashes = product.get("hashes")
        algorithm, _, value = about.digest.partition(":")
        if isinstance(hashes, dict) and any(
            str(key).replace("-", "") == algorithm and given == value for key, given in hashes.items()
        ):
            return True
    return any(identifier.endswith(f"@{about.digest}") or _is_image_purl(identifier, about)
               for identifier in _identifiers(product))  # fmt: skip


def _is_image_purl(identifier: str, about: About) -> bool:
    purl = parsed(identifier)
    if purl is None or purl.type != "oci":
        return False
    if purl.version:
        return purl.version == about.digest
    where = (purl.qualifiers if isinstance(purl.qualifiers, dict) else {}).get("repository_url")
    named = purl.name.lower() == about.path.rpartition("/")[2].lower()
    return named and where in {None, f"{about.host}/{about.path}"}


def _packages_of(product: Any) -> Iterator[tuple[str, str, str]]:
    narrowed = product.get("subcomponents") if isinstance(product, dict) else None
    yield from [("", "", "")] if narrowed is None else _packages(narrowed)


def _packages(subcomponents: Any) -> Iterator[tuple[str, str, str]]:
    """Ecosystem, name and version of the packages that are named, as scans have these."""
    for component in _list(subcomponents):
        for purl in map(parsed, _identifiers(component)):
            named = named_by(purl) if purl is not None else None
            if named is not None:
                yield named.package.ecosystem.value, named.package.name, named.package.version


def _identifiers(thing: Any) -> list[str]:
    given: list[Any] = [thing]
    if isinstance(thing, dict):
        identifiers = thing.get("identifiers")
        given = [thing.get("@id"), identifiers.get("purl") if isinstance(identifiers, dict) else None]
    return [each for each in given if isinstance(each, str) and len(each) <= MOST_TEXT]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any, most: int) -> str | None:
    return value.replace("\0", "")[:most] if isinstance(value, str) and value else None


def _moment(value: Any) -> int | None:
    try:
        return read_ms(value)
    except (TypeError, ValueError, OverflowError):
        return None

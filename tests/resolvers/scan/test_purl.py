"""Package URLs, there and back."""

import pytest

from resolvers.scan.package import OF_DISTRIBUTIONS, Distribution, Ecosystem, Package, purl_of
from resolvers.scan.purl import Named, named_by, parsed

DEBIAN = Distribution("debian", "12")
PACKAGES = (
    Package(Ecosystem.DEB, "libstdc++6", "1:12.2~rc1-1+b1", architecture="amd64"),
    Package(Ecosystem.APK, "R", "4.3.1-r0", architecture="x86_64"),
    Package(Ecosystem.RPM, "ImageMagick", "1:7.1.1-1.el9", architecture="x86_64"),
    Package(Ecosystem.PYPI, "flask-login", "0.6.3+local"),
    Package(Ecosystem.NPM, "JSONStream", "1.3.5"),
    Package(Ecosystem.NPM, "@ex/JSONStream", "1.3.5-rc.1+x"),
    Package(Ecosystem.GO, "github.com/Azure/azure-sdk-for-go", "v68.0.0+incompatible"),
    Package(Ecosystem.MAVEN, "org.Example:Inner", "1.0-SNAPSHOT"),
    Package(Ecosystem.GEM, "RedCloth", "4.3.2"),
    Package(Ecosystem.CARGO, "Inflector", "0.11.4"),
)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: f"{package.ecosystem}-{package.name}")
def test_a_package_is_named_by_its_package_url(package: Package) -> None:
    purl = parsed(purl_of(package, DEBIAN))
    assert purl is not None
    where = DEBIAN if package.ecosystem in OF_DISTRIBUTIONS else None
    assert named_by(purl) == Named(package, where)


def test_every_ecosystem_is_there() -> None:
    assert {package.ecosystem for package in PACKAGES} == set(Ecosystem)


@pytest.mark.parametrize("text", ["pkg:npm/", "pkg:npm/%20@1", "pkg:npm/%2F@1", "pkg:npm/x?%41"])
def test_what_names_nothing_is_no_package_url(text: str) -> None:
    assert parsed(text) is None

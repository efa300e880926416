"""Packages as their registries give them out and their own installers put them down, fetched at test time."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from resolvers.scan.package import Ecosystem, Package
from tests.plugins.requirements import require
from tests.quayside.scan.test_hostile import walked
from tests.scanning import archive

PATIENCE_S = 60


def install(request: pytest.FixtureRequest, what: str, *command: str) -> None:
    """Run an installer; without its registry the test is skipped, or fails where everything is required."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        require(request.node, what, present=False)
        return
    # What it printed names the registry, which is nobody's business.
    require(request.node, what, present=done.returncode == 0)


def packages_in(directory: Path) -> dict[str, list[Package]]:
    """What a layer with the files of a directory has, by the paths that note it."""
    files = {
        f"srv/{path.relative_to(directory)}": path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    noted = walked(archive(files)).package_files
    return {path: [package for file in found for package in file.packages] for path, found in noted.items()}


def test_a_wheel_from_its_registry(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:")
    install(request, "a wheel from its registry", *pip, "--target", str(tmp_path), "iniconfig")

    (installed,) = metadata.distributions(path=[str(tmp_path)])
    assert packages_in(tmp_path) == {
        f"srv/iniconfig-{installed.version}.dist-info/METADATA": [
            Package(Ecosystem.PYPI, "iniconfig", installed.version)
        ]
    }


@pytest.mark.needs("npm")
def test_an_npm_package_from_its_registry(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    npm = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    install(request, "an npm package from its registry", *npm, "--prefix", str(tmp_path), "@types/ms", "ms")

    locked = json.loads((tmp_path / "package-lock.json").read_bytes())["packages"]
    versions = {name: locked[f"node_modules/{name}"]["version"] for name in ("@types/ms", "ms")}
    assert packages_in(tmp_path) == {
        f"srv/node_modules/{name}/package.json": [Package(Ecosystem.NPM, name, version)]
        for name, version in versions.items()
    }

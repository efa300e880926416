"""What our packages import, beside what `pyproject.toml` declares.

Our packages have common names: the imported ones are ours, and no dependency has the same names.
"""

import ast
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("quayside", "rest_compat", "schema", "resolvers", "storage")

NOT_IMPORTED = {
    "python-multipart": "Starlette loads it to read forms and their content types",
    "uvloop": "uvicorn loads it: `serve` chooses it as event loop",
    "websockets": "uvicorn loads it: `serve` chooses its WebSocket protocol",
}
"""Dependencies that no module of ours imports, with the reason why they are declared."""


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_imported_from_this_tree(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == (ROOT / name / "__init__.py").resolve()


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_owns_a_package(name: str) -> None:
    assert set(packages_distributions().get(name, ())) <= {"quayside"}


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """The top-level names that a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                yield from (alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(module))]):
                yield module.partition(".")[0]


def imported_distributions() -> dict[str, str]:
    """The distributions that our packages import, each with one module of ours that does."""
    owners = packages_distributions()
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for module in imported_modules(ast.parse(path.read_text(encoding="utf-8"))):
                if module not in sys.stdlib_module_names and module not in PACKAGES:
                    # A module that is not installed stands for itself.
                    for name in set(owners.get(module, [module])):
                        found[normalized(name)] = str(path.relative_to(ROOT))
    return found


def normalized(name: str) -> str:
    """The name of a distribution as registries compare it (packaging.python.org, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared_distributions() -> set[str]:
    """The dependencies of `pyproject.toml`, without those of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    matches = [re.match(r"[A-Za-z0-9._-]+", row) for row in project["dependencies"]]
    return {normalized(match[0]) for match in matches if match is not None}


def test_everything_imported_is_declared() -> None:
    imported = imported_distributions()

    assert len(imported) > 10
    assert {name: path for name, path in imported.items() if name not in declared_distributions()} == {}


def test_everything_declared_is_imported_or_loaded_by_another_library() -> None:
    imported = imported_distributions()

    assert declared_distributions() - imported.keys() == set(NOT_IMPORTED)

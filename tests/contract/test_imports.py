"""Our packages have common names: the imported ones are ours, and no dependency has the same names."""

import importlib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("quayside", "rest_compat", "schema", "resolvers", "storage")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_imported_from_this_tree(name: str) -> None:
    module = importlib.import_module(name)

    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == (ROOT / name / "__init__.py").resolve()


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_owns_a_package(name: str) -> None:
    assert set(packages_distributions().get(name, ())) <= {"quayside"}

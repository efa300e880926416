"""A full run on two databases, without trying twice what is the same on both.

    make test
    TEST_AFTER=sqlite make test DB=postgres

The second leaves out the tests that cannot reach PostgreSQL, since the first has tried them in exactly the
same way: those without `postgres_address` among their fixtures and the fixtures of these. Nothing else tells
the address. Tests without a database belong to them, and those of commands and servers that make an SQLite
database of their own. A module that asks which database it is, by `TEST_DB`, is tried whole.

Without the variable everything is tried on either database.
"""

import os

import pytest


def pytest_configure() -> None:
    after = os.environ.get("TEST_AFTER")
    if after and (after, os.environ.get("TEST_DB")) != ("sqlite", "postgres"):
        raise pytest.UsageError("TEST_AFTER=sqlite is for TEST_DB=postgres; leave it out for all tests")


def pytest_report_header() -> list[str]:
    return ["after a run on SQLite: only tests that can reach PostgreSQL"] if _is_second() else []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _is_second():
        config.hook.pytest_deselected(items=[item for item in items if not reaches_postgres(item)])
        items[:] = [item for item in items if reaches_postgres(item)]


def reaches_postgres(item: pytest.Item) -> bool:
    """Whether a test can find the PostgreSQL of the session, or asks whether there is one."""
    module = item.getparent(pytest.Module)
    asks = module is not None and hasattr(module.obj, "TEST_DB")
    return asks or "postgres_address" in getattr(item, "fixturenames", ())


def _is_second() -> bool:
    return bool(os.environ.get("TEST_AFTER"))

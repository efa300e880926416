"""Migrations are one line: each has a number of its own and follows the one before."""

from importlib import import_module
from itertools import pairwise

from storage.database import revisions


def test_each_migration_follows_the_one_before() -> None:
    found = revisions()

    assert [int(name[:4]) for name in found] == list(range(1, len(found) + 1))
    for before, name in pairwise(found):
        migration = import_module(f"storage.migrations.{name}").Migration
        assert migration.dependencies == [("models", before)], name

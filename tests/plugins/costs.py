"""Makes cheap, in the process of the tests, what is costly on purpose or is done again for each test.

Hashing a password and making a key of an installation take as long as a whole test otherwise. Servers in
processes of their own do it as everywhere, and the tests of these costs are `tests/resolvers/access`.
"""

import functools
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

KEYS = 8
"""Installations that start one after the other have different keys, as they have outside of tests."""


@pytest.fixture(scope="session")
def low_costs() -> Iterator[None]:
    """Cheap password hashes, a few keys for all installations, and descriptions of models made once."""
    # Imported late, so that tests of settings and pure functions run without the database layer.
    from argon2 import PasswordHasher
    from jose import jwk
    from tortoise.apps import Apps

    from resolvers.access import passwords, rsa_keys

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", hasher)
        patch.setattr(passwords, "_NOBODY", hasher.hash("nobody has this password"))
        patch.setattr(rsa_keys, "_generate", _few_keys(rsa_keys._generate))
        patch.setattr(rsa_keys, "jwk", types.SimpleNamespace(construct=functools.cache(jwk.construct)))
        patch.setattr(Apps, "_build_initial_querysets", _once_for_each_database(Apps))
        yield


def _few_keys(generate: Callable[[], Any]) -> Callable[[], Any]:
    """A function that returns one of few keys at each call."""
    numbers = itertools.count()
    key = functools.cache(lambda _: generate())
    return lambda: key(next(numbers) % KEYS)


def _once_for_each_database(apps: Any) -> Any:
    """What describes the models for a kind of database; it stays true for the next database of this kind."""
    describe = apps._build_initial_querysets
    described: list[object] = []

    def describe_once(self: Any) -> None:
        models = [model for app in self.apps.values() for model in app.values()]
        wanted = [*models, models[0]._meta.db.query_class]
        if wanted != described:
            describe(self)
            described[:] = wanted

    return describe_once

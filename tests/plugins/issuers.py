"""Fixtures of an OIDC issuer process, one for each test module."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.issuer import Issuer


@pytest.fixture(scope="module")
def running_issuer() -> Iterator["Issuer"]:
    """An issuer in the state that the previous test left."""
    from tests.issuer import issuing

    with issuing() as running:
        yield running


@pytest.fixture
def issuer(running_issuer: "Issuer") -> "Issuer":
    """An issuer without faults."""
    running_issuer.behave()
    return running_issuer

"""An issuer of identity tokens in a process of its own, one for each module of tests."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.issuer import Issuer


@pytest.fixture(scope="module")
def running_issuer() -> Iterator["Issuer"]:
    """An issuer, as the test before left it."""
    from tests.issuer import issuing

    with issuing() as running:
        yield running


@pytest.fixture
def issuer(running_issuer: "Issuer") -> "Issuer":
    """An issuer that does what it should."""
    running_issuer.behave()
    return running_issuer

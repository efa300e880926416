"""The scale of tests with random examples or sizes.

    @pytest.mark.long
    @settings(max_examples=40 * SCALE)

runs few examples in `make test`, and many in `make test-long`, which sets TEST_SCALE and runs only these
tests.
"""

import os

import pytest

SCALE = int(os.environ.get("TEST_SCALE") or 1)
"""The factor for numbers of examples and for sizes; 1 in a short run."""

IS_AGAIN = bool(os.environ.get("TEST_AFTER"))
"""Whether the same examples were tried on another database before; see `halves.py`."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: tries TEST_SCALE times as much as usual, see tests/plugins/scale.py"
    )

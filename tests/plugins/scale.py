"""How far tests go that could go on for ever, with random examples or with sizes.

    @pytest.mark.long
    @settings(max_examples=40 * SCALE)

tries a little in `make test`, so that a run stays short, and all of it in `make test-long`, which sets
TEST_SCALE and runs these tests alone.
"""

import os

import pytest

SCALE = int(os.environ.get("TEST_SCALE") or 1)
"""How many times as much as in a short run is tried."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: tries TEST_SCALE times as much as usual, see tests/plugins/scale.py"
    )

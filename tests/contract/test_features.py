"""Every feature flag in the code is one that operators can set."""

import re
from pathlib import Path

from quayside.settings.features import FEATURES

ROOT = Path(__file__).parents[2]
ASKED = re.compile(r"""has\("([A-Z_]+)"\)|"([A-Z_]+)" (?:not )?in [\w.]*features""")


def test_every_flag_that_the_code_asks_for_is_a_feature() -> None:
    asked = {
        name
        for folder in ("resolvers", "schema", "rest_compat", "quayside")
        for path in (ROOT / folder).rglob("*.py")
        for names in ASKED.findall(path.read_text(encoding="utf-8"))
        for name in names
        if name
    }

    assert "IMMUTABLE_TAGS" in asked
    assert asked - {row.name for row in FEATURES} == set()

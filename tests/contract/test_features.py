"""Every feature flag in the code is one that operators can set, and every one of those does something."""

import re
from pathlib import Path

from quayside.settings.features import FEATURES

ROOT = Path(__file__).parents[2]
AWAITED = {
    "BILLING": "plans and directories",
    "BROWSER_API_CALLS_XHR_ONLY": "rate limits and browsers",
    "RATE_LIMITS": "rate limits and browsers",
    "RECAPTCHA": "rate limits and browsers",
    "SIGNING": "security",
    "TEAM_SYNCING": "plans and directories",
}
"""Flags that nothing asks for yet, each with the theme that it waits for."""
THEMES = {"plans and directories", "rate limits and browsers", "security"}
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


def test_every_flag_that_is_offered_is_asked_for_or_awaits_a_theme() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("resolvers", "schema", "rest_compat", "quayside")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "features.py"
    ]
    asked = {row.name for row in FEATURES if any(f'"{row.name}"' in text for text in texts)}

    assert {row.name for row in FEATURES} - asked == AWAITED.keys()
    assert set(AWAITED.values()) <= THEMES

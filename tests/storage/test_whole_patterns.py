"""Patterns that were looked for anywhere in a name, rewritten by an upgrade to fit the same whole names."""

from importlib import import_module

import re2
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from storage.database import revisions

(REVISION,) = (name for name in revisions() if name.endswith("_whole_patterns"))
PIECES = (
    *("a", "b", "v", "1", ".", "*", "+", "?", "{2}", "^", "$", "|", "(", "(?:", "(?i)", "(?i:", ")", "-"),
    *("[ab]", "[^a]", "[]a]", "[^]|]", "[[:alpha:]|(]", "[|(]", "[$", "]", r"\.", r"\$", r"\|", r"\("),
    *(r"\\", r"\Q", r"\E", r"\A", r"\z"),
)
NAMES = (
    "",
    "a",
    "b",
    "v",
    "1",
    "ab",
    "av1",
    "v1",
    "v1b",
    "A",
    "a.b",
    "a$",
    "-",
    "a|b",
    "(a",
    "|",
    "\\",
    "aab",
)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join))
@settings(max_examples=500, deadline=None)
def test_a_rewritten_pattern_fits_the_names_in_which_it_was_found(pattern: str) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        found = re2.compile(pattern, options)
    except re2.error:
        reject()

    rewritten = import_module(f"storage.migrations.{REVISION}").whole(pattern)

    fits = re2.compile(rewritten, options)
    assert len(rewritten) <= len(pattern) + 10
    assert {name for name in NAMES if found.search(name)} == {name for name in NAMES if fits.fullmatch(name)}

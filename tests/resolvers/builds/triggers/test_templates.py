"""Templates: tags that come of pushes, configurations that are refused, and pushes that are wanted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.builds.triggers.push import Push
from resolvers.builds.triggers.templates import VARIABLES, check_config, is_wanted, tags_of
from resolvers.errors import Invalid
from resolvers.names import TAG
from tests.resolvers.builds.triggers.samples import COMMIT, INFO

MAIN = Push(COMMIT, "refs/heads/main", "main", {"commit_info": INFO}, "Let ferries carry bicycles")
BRANCH = Push(COMMIT, "refs/heads/feature/Über bike", "main", {"commit_info": INFO})
VERSION = Push(COMMIT, "refs/tags/v1.2", "main", {})
BARE = Push(COMMIT)
LONG = Push(COMMIT, "refs/heads/" + "a" * 100)

NONE = {"default_tag_from_ref": False, "latest_for_default_branch": False}


@pytest.mark.parametrize(
    ("config", "push", "tags"),
    [
        ({}, MAIN, ["main", "latest"]),
        ({}, BRANCH, ["feature__ber_bike"]),
        ({}, VERSION, ["v1.2"]),
        ({}, BARE, ["4f1d9b3"]),
        ({"latest_for_default_branch": False}, MAIN, ["main"]),
        ({"default_tag_from_ref": False}, MAIN, ["latest"]),
        ({"default_tag_from_ref": False}, VERSION, ["4f1d9b3"]),
        (NONE, MAIN, ["4f1d9b3"]),
        ({"tag_templates": None}, VERSION, ["v1.2"]),
        # A tag `main` is no default branch.
        (NONE | {"latest_for_default_branch": True}, Push(COMMIT, "refs/tags/main", "main"), ["4f1d9b3"]),
        ({}, Push(COMMIT, "refs/heads/main", None), ["main"]),
        (NONE | {"tag_templates": ["${commit_info.short_sha}"]}, MAIN, ["4f1d9b3"]),
        (NONE | {"tag_templates": ["${commit}"]}, MAIN, [COMMIT]),
        (NONE | {"tag_templates": ["${commit_info.date}"]}, MAIN, ["2026-03-01T10_20_30_01_00"]),
        (NONE | {"tag_templates": ["${commit_info.author}"]}, MAIN, ["wilma"]),
        (NONE | {"tag_templates": ["${commit_info.author.username}"]}, MAIN, ["wilma"]),
        (NONE | {"tag_templates": ["by-${commit_info.committer}"]}, MAIN, ["by-otto"]),
        (NONE | {"tag_templates": ["${parsed_ref.branch}"]}, BRANCH, ["feature__ber_bike"]),
        (NONE | {"tag_templates": ["${parsed_ref.tag}-arm64"]}, VERSION, ["v1.2-arm64"]),
        (NONE | {"tag_templates": ["${parsed_ref.remote}"]}, Push(COMMIT, "refs/remotes/o/x"), ["o_x"]),
        (NONE | {"tag_templates": ["${ref}"]}, VERSION, ["refs_tags_v1.2"]),
        (NONE | {"tag_templates": ["nightly"]}, BARE, ["nightly"]),
        (NONE | {"tag_templates": [".hidden", "-x"]}, BARE, ["_hidden", "_x"]),
        # What a push does not have gives no tag, and the next one may.
        (NONE | {"tag_templates": ["${parsed_ref.tag}", "b-${parsed_ref.branch}"]}, MAIN, ["b-main"]),
        (NONE | {"tag_templates": ["${commit_info.author}"]}, VERSION, ["4f1d9b3"]),
        ({"tag_templates": ["${parsed_ref.branch}", "latest"]}, MAIN, ["main", "latest"]),
        (
            {"tag_templates": ["${parsed_ref.branch}-${commit_info.short_sha}", "main"]},
            MAIN,
            ["main-4f1d9b3", "main", "latest"],
        ),
        (NONE | {"tag_templates": ["${parsed_ref.branch}" * 2]}, LONG, ["a" * 128]),
    ],
)
def test_tags_of_a_push(config: dict[str, Any], push: Push, tags: list[str]) -> None:
    check_config(config)

    assert tags_of(config, push) == tags


plain = st.text("abcXYZ019_.-", min_size=1, max_size=20)
templates = st.lists(plain | st.sampled_from([f"${{{name}}}" for name in VARIABLES]), min_size=1, max_size=6)
words = st.text(min_size=1, max_size=200)


@given(st.lists(templates.map("".join), max_size=4), words, words, words, st.booleans())
def test_whatever_is_pushed_gives_tags_that_a_repository_takes(
    made: list[str], branch: str, author: str, date: str, named: bool
) -> None:
    config = {
        "tag_templates": [template[:256] for template in made],
        "default_tag_from_ref": named,
        "latest_for_default_branch": named,
    }
    told = {"commit_info": {"date": date, "author": {"username": author}}}
    for ref in (f"refs/heads/{branch}", f"refs/tags/{branch}", None):
        tags = tags_of(config, Push(COMMIT, ref, branch, told))

        assert tags
        assert len(set(tags)) == len(tags)
        assert all(TAG.fullmatch(tag) for tag in tags), tags


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"default_tag_from_ref": "yes"}, "config.default_tag_from_ref"),
        ({"latest_for_default_branch": None}, "config.latest_for_default_branch"),
        ({"branchtag_regex": 5}, "config.branchtag_regex"),
        ({"branchtag_regex": "heads/("}, "config.branchtag_regex"),
        ({"branchtag_regex": "(?=main)"}, "config.branchtag_regex"),
        ({"branchtag_regex": "x" * 300}, "config.branchtag_regex"),
        ({"tag_templates": "main"}, "config.tag_templates"),
        ({"tag_templates": ["x"] * 21}, "config.tag_templates"),
        ({"tag_templates": ["x", ""]}, "config.tag_templates[1]"),
        ({"tag_templates": [7]}, "config.tag_templates[0]"),
        ({"tag_templates": ["x" * 257]}, "config.tag_templates[0]"),
        ({"tag_templates": ["a b"]}, "config.tag_templates[0]"),
        ({"tag_templates": ["${parsed_ref.branch"]}, "config.tag_templates[0]"),
        ({"tag_templates": ["${}"]}, "config.tag_templates[0]"),
        ({"tag_templates": ["${commit_info.message}"]}, "config.tag_templates[0]"),
        ({"tag_templates": ["${commit_info.__class__}"]}, "config.tag_templates[0]"),
    ],
)
def test_a_configuration_that_gives_no_tags_is_refused(config: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_config(config)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("pattern", "push", "wanted"),
    [
        (None, BRANCH, True),
        ("", BRANCH, True),
        ("heads/main", MAIN, True),
        ("heads/.*", MAIN, True),
        ("heads/mai", MAIN, False),
        ("main", MAIN, False),
        ("tags/v[0-9.]+", VERSION, True),
        ("heads/.*", VERSION, False),
        # A hash alone has no reference that could fit.
        ("heads/main", BARE, True),
    ],
)
def test_a_trigger_wants_references_that_its_pattern_fits(
    pattern: str | None, push: Push, wanted: bool
) -> None:
    assert (is_wanted({"branchtag_regex": pattern}, push) is None) is wanted


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (None, True),
        ("Skip builds of the ferry", True),
        ("Mend a word [skip build]", False),
        ("Mend a word\n\n[Build Skip]", False),
    ],
)
def test_authors_skip_builds_of_their_commits(message: str | None, wanted: bool) -> None:
    assert (is_wanted({}, Push(COMMIT, "refs/heads/main", message=message)) is None) is wanted

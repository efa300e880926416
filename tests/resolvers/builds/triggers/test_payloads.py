"""Payloads: what is read from the webhooks of each service, what is ignored, and what is refused."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.builds.triggers.push import Ignored, Push
from resolvers.builds.triggers.services import TriggerService, parse_push
from resolvers.errors import Invalid
from tests.resolvers.builds.triggers import samples
from tests.resolvers.builds.triggers.samples import COMMIT, INFO, NOTHING, OTHER, change

CUSTOM, GITHUB = TriggerService.CUSTOM_GIT, TriggerService.GITHUB
GITLAB, BITBUCKET = TriggerService.GITLAB, TriggerService.BITBUCKET

EVENTS = {
    CUSTOM: {},
    GITHUB: {"x-github-event": "push"},
    GITLAB: {"x-gitlab-event": "Push Hook"},
    BITBUCKET: {"x-event-key": "repo:push"},
}


def parsed(service: TriggerService, payload: Any, **headers: str) -> tuple[Push, ...]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return parse_push(service, EVENTS[service] | named, samples.body_of(payload))


def test_a_custom_push() -> None:
    told = {"commit": COMMIT, "ref": "refs/heads/main", "default_branch": "main"}

    assert parsed(CUSTOM, samples.custom()) == (Push(COMMIT, "refs/heads/main", "main", told, None),)
    assert parsed(CUSTOM, samples.custom(commit_info=INFO)) == (
        Push(COMMIT, "refs/heads/main", "main", told | {"commit_info": INFO}, "Let ferries carry bicycles"),
    )


def test_a_push_of_github() -> None:
    told = {
        "commit": COMMIT,
        "ref": "refs/heads/main",
        "default_branch": "main",
        "commit_info": {
            "url": "https://github.example/acme/ferry/commit/4f1d9b3",
            "message": "Let ferries carry bicycles",
            "date": "2026-03-01T10:20:30+01:00",
            "author": {
                "username": "wilma",
                "avatar_url": "https://avatars.example/7",
                "url": "https://github.example/wilma",
            },
            "committer": {"username": "Otto O."},
        },
    }
    whole = (Push(COMMIT, "refs/heads/main", "main", told, "Let ferries carry bicycles"),)

    assert parsed(GITHUB, samples.github()) == whole
    form = urlencode({"payload": samples.body_of(samples.github()).decode()}).encode()
    headers = EVENTS[GITHUB] | {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert parse_push(GITHUB, headers, form) == whole


def test_an_annotated_tag_leads_to_the_commit_not_to_the_tag_object() -> None:
    (of_github,) = parsed(GITHUB, samples.github(ref="refs/tags/v1", after=OTHER))
    (of_gitlab,) = parsed(
        GITLAB,
        samples.gitlab(object_kind="tag_push", ref="refs/tags/v1", after=OTHER),
        x_gitlab_event="Tag Push Hook",
    )

    assert (of_github.commit, of_github.ref_name) == (COMMIT, "tags/v1")
    assert (of_gitlab.commit, of_gitlab.ref_name) == (COMMIT, "tags/v1")


def test_a_push_of_gitlab_is_described_by_its_newest_commit() -> None:
    (push,) = parsed(GITLAB, samples.gitlab())

    assert (push.commit, push.ref, push.default_branch) == (COMMIT, "refs/heads/main", "main")
    assert push.metadata["commit_info"] == {
        "url": "https://gitlab.example/acme/ferry/-/commit/4f1d9b3",
        "message": "Let ferries carry bicycles",
        "date": "2026-03-01T10:20:30+01:00",
        "author": {"username": "Wilma W."},
    }
    (unlisted,) = parsed(GITLAB, samples.gitlab(commits=[]))
    assert unlisted == Push(
        COMMIT,
        "refs/heads/main",
        "main",
        {"commit": COMMIT, "ref": "refs/heads/main", "default_branch": "main"},
    )


def test_each_changed_reference_of_a_push_of_bitbucket_is_a_push() -> None:
    deleted = {"new": None, "old": change()["new"], "closed": True}
    anonymous = change("v2", "tag", OTHER)
    del anonymous["new"]["target"]["author"]["user"]

    pushes = parsed(BITBUCKET, samples.bitbucket(deleted, change(), anonymous, change("x", "bookmark")))

    assert [(push.ref, push.commit) for push in pushes] == [
        ("refs/heads/main", COMMIT),
        ("refs/tags/v2", OTHER),
    ]
    assert [push.metadata["commit_info"]["author"] for push in pushes] == [
        {
            "username": "wilma",
            "avatar_url": "https://avatars.example/7",
            "url": "https://bitbucket.example/wilma",
        },
        {"username": "Wilma W."},
    ]
    many = samples.bitbucket(*(change(f"b{number}") for number in range(30)))
    assert [push.ref for push in parsed(BITBUCKET, many)] == [f"refs/heads/b{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("service", "payload", "headers"),
    [
        (CUSTOM, samples.custom(commit=NOTHING), {}),
        (GITHUB, {"zen": "Ferries leave on time.", "hook_id": 1}, {"x_github_event": "ping"}),
        (GITHUB, samples.github(), {"x_github_event": "issues"}),
        (GITHUB, samples.github(deleted=True, after=NOTHING, head_commit=None), {}),
        (GITHUB, samples.github(head_commit=None), {}),
        (GITLAB, samples.gitlab(), {"x_gitlab_event": "Merge Request Hook"}),
        (GITLAB, samples.gitlab(after=NOTHING, checkout_sha=None), {}),
        (GITLAB, samples.gitlab(ref="refs/tags/v1", after=NOTHING), {"x_gitlab_event": "Tag Push Hook"}),
        (BITBUCKET, samples.bitbucket(), {"x_event_key": "repo:fork"}),
        (BITBUCKET, samples.bitbucket({"new": None, "old": change()["new"], "closed": True}), {}),
    ],
)
def test_what_is_no_push_of_a_commit_is_ignored(
    service: TriggerService, payload: dict[str, Any], headers: dict[str, str]
) -> None:
    with pytest.raises(Ignored, match=r"\.$"):
        parsed(service, payload, **headers)


def without(payload: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != key}


@pytest.mark.parametrize(
    ("service", "payload", "field"),
    [
        (CUSTOM, [], "body"),
        (CUSTOM, without(samples.custom(), "commit"), "commit"),
        (CUSTOM, samples.custom(commit="abc"), "commit"),
        (CUSTOM, samples.custom(commit=f"{COMMIT};rm"), "commit"),
        (CUSTOM, samples.custom(commit="--upload-pack=x"), "commit"),
        (CUSTOM, without(samples.custom(), "ref"), "ref"),
        (CUSTOM, samples.custom(ref="main"), "ref"),
        (CUSTOM, samples.custom(ref="refs/heads/"), "ref"),
        (CUSTOM, samples.custom(ref="refs/heads/a..b"), "ref"),
        (CUSTOM, samples.custom(ref="refs/heads/a b"), "ref"),
        (CUSTOM, samples.custom(ref="refs/heads/a\nb"), "ref"),
        (CUSTOM, samples.custom(ref="refs/heads/" + "x" * 300), "ref"),
        (CUSTOM, without(samples.custom(), "default_branch"), "default_branch"),
        (CUSTOM, samples.custom(commit_info="new"), "commit_info"),
        (CUSTOM, samples.custom(commit_info=without(INFO, "date")), "commit_info.date"),
        (CUSTOM, samples.custom(commit_info=INFO | {"author": {}}), "commit_info.author.username"),
        (GITHUB, samples.github(head_commit={"id": 7}), "head_commit.id"),
        (GITHUB, samples.github(ref=None), "ref"),
        (GITLAB, samples.gitlab(checkout_sha="main"), "checkout_sha"),
        (BITBUCKET, {"push": {}}, "push.changes"),
        (BITBUCKET, samples.bitbucket(change(commit="-")), "push.changes[0].new.target.hash"),
        (BITBUCKET, samples.bitbucket(change("a b")), "push.changes[0].new.name"),
    ],
)
def test_what_a_build_needs_is_checked(service: TriggerService, payload: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(service, payload)
    assert refused.value.field == field


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WHOLE = {
    CUSTOM: samples.custom(commit_info=INFO),
    GITHUB: samples.github(),
    GITLAB: samples.gitlab(),
    BITBUCKET: samples.bitbucket(),
}


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something else can stand in a payload."""
    if not isinstance(value, dict | list):
        return [at]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [at, *(path for key in keys for path in paths(value[key], (*at, key)))]


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], other)
    return copy


@given(st.sampled_from(list(WHOLE)), st.data())
def test_anything_anywhere_in_a_payload_is_read_ignored_or_refused(
    service: TriggerService, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(paths(WHOLE[service])))
    payload = replaced(WHOLE[service], path, data.draw(json_values))
    try:
        pushes = parsed(service, payload)
    except (Ignored, Invalid):
        return
    for push in pushes:
        assert len(push.commit) >= 7
        assert push.ref is not None
        assert "\0" not in str(push.metadata)

"""Every documented path, with awkward repository names, leads to its operation."""

from __future__ import annotations

import re

import pytest

from rest_compat.discovery import PREFIX
from rest_compat.route import Route, Router
from tests.contract.reference import operations

REPOSITORIES = (
    "ns/app",
    "ns/a/b",
    "ns/a/tag",
    "ns/tag",
    "ns/a/b/c/d",
    "ns/permissions/user",
    "ns/build/status",
)

SAMPLES = {"manifestref": "sha256:" + "0a" * 32, "tag": "latest"}

AMBIGUOUS = {
    ("getRepo", "ns/a/tag"): "listRepoTags",
    ("changeRepoState", "ns/a/tag"): "changeTag",
    ("changeRepoMirrorConfig", "ns/a/tag"): "changeTag",
}
"""Requests that are ambiguous in the reference too, and the operation that answers."""


def route(name: str) -> Route:
    operation = operations()[name]
    return Route(name, operation["method"], operation["path"].removeprefix(PREFIX))


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(route(name) for name in operations())


def filled(name: str, repository: str) -> str:
    def value(found: re.Match[str]) -> str:
        return repository if found[1] == "repository" else SAMPLES.get(found[1], f"some-{found[1]}")

    return re.sub(r"{(\w+)}", value, route(name).path)


def test_every_path_with_every_name_in_both_spellings(router: Router) -> None:
    asked = 0
    wrong = {}
    for name, operation in operations().items():
        for repository in REPOSITORIES:
            path = filled(name, repository).rstrip("/")
            for spelling in (path, path + "/"):
                asked += 1
                match = router.match(operation["method"], spelling)
                if match.route is None or match.route.operation != name:
                    wrong[name, repository] = match.route.operation if match.route else ""

    assert asked == 2492
    assert wrong == AMBIGUOUS


def test_an_encoded_name_is_never_ambiguous(router: Router) -> None:
    for name, operation in operations().items():
        for repository in REPOSITORIES:
            encoded = repository.replace("/", "%2F")
            match = router.match(operation["method"], filled(name, encoded))

            assert match.route is not None
            assert match.route.operation == name
            assert match.values.get("repository", repository) == repository


def test_values_are_decoded(router: Router) -> None:
    match = router.match("DELETE", "/repository/ns/a%2fb/tag/a%20b%3Fc")

    assert match.values == {"repository": "ns/a/b", "tag": "a b?c"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/repository/ns", ()),
        ("PATCH", "/repository/ns/app", ("DELETE", "GET", "PUT")),
        ("POST", "/error/not_found", ("GET",)),
        ("GET", "/nothing", ()),
        ("GET", "/", ()),
    ],
)
def test_paths_without_an_operation(router: Router, method: str, path: str, allowed: tuple[str, ...]) -> None:
    match = router.match(method, path)

    assert (match.route, match.allowed) == (None, allowed)

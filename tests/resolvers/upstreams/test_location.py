"""References to other registries, as people write them."""

import pytest

from resolvers.errors import Invalid
from resolvers.upstreams.location import parse_location, parse_registry


@pytest.mark.parametrize(
    ("text", "full", "url", "name"),
    [
        ("quay.io/team/app", "quay.io/team/app", "https://quay.io", "team/app"),
        ("QUAY.io:443/a/b/c-d__e.f", "quay.io:443/a/b/c-d__e.f", "https://quay.io:443", "a/b/c-d__e.f"),
        ("localhost:5000/app", "localhost:5000/app", "https://localhost:5000", "app"),
        ("localhost/app", "localhost/app", "https://localhost", "app"),
        ("registry:5000/app/", "registry:5000/app", "https://registry:5000", "app"),
        ("[2001:DB8::1]:5000/app", "[2001:db8::1]:5000/app", "https://[2001:db8::1]:5000", "app"),
        ("alpine", "docker.io/library/alpine", "https://registry-1.docker.io", "library/alpine"),
        ("bitnami/nginx", "docker.io/bitnami/nginx", "https://registry-1.docker.io", "bitnami/nginx"),
        ("docker.io/alpine", "docker.io/library/alpine", "https://registry-1.docker.io", "library/alpine"),
        (
            "index.docker.io/library/alpine",
            "docker.io/library/alpine",
            "https://registry-1.docker.io",
            "library/alpine",
        ),
        ("registry-1.docker.io/a/b", "docker.io/a/b", "https://registry-1.docker.io", "a/b"),
        ("docker.io:443/a/b", "docker.io/a/b", "https://registry-1.docker.io", "a/b"),
    ],
)
def test_a_repository(text: str, full: str, url: str, name: str) -> None:
    location = parse_location(text)

    assert (str(location), location.url, location.name()) == (full, url, name)
    assert parse_location(str(location)) == location


@pytest.mark.parametrize(
    ("text", "full", "below"),
    [
        ("quay.io", "quay.io", "app"),
        ("quay.io/team", "quay.io/team", "team/app"),
        ("upstream", "upstream", "app"),
        ("docker.io", "docker.io", "library/app"),
        ("index.docker.io/bitnami", "docker.io/bitnami", "bitnami/app"),
    ],
)
def test_a_registry_or_a_namespace(text: str, full: str, below: str) -> None:
    location = parse_registry(text)

    assert (str(location), location.name("app")) == (full, below)
    assert parse_registry(text, insecure=True).url == location.url.replace("https", "http")


def test_docker_hub_has_a_library_for_names_of_one_part_alone() -> None:
    assert parse_registry("docker.io").name("bitnami/app") == "bitnami/app"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://quay.io/a", "External registry reference must not include a URL scheme"),
        ("docker://alpine", "must not include a URL scheme"),
        ("", "must be host"),
        ("/", "must be host"),
        ("quay.io", "must name a repository after the host, without a tag: quay.io/…"),
        ("quay.io/", "must name a repository"),
        ("docker.io", "must name a repository"),
        ("registry:5000", "must name a repository"),
        ("quay.io/a b", "must not include spaces"),
        ("quay.io/a?b", "must not include spaces"),
        ("quay.io/a#b", "must not include spaces"),
        ("quay.io/a%2fb", "must not include spaces"),
        ("quay.io\\a", "must not include spaces"),
        ("quay.io/a\n", "must not include spaces"),
        ("quäy.io/a", "must not include spaces"),
        ("quay.io/a:latest", "must not include a tag"),
        ("alpine:3", "without a tag"),
        ("quay.io/a@sha256:00", "must not include a digest"),
        ("u:p@quay.io/a", "must not include a digest or a user name"),
        ("quay.io/A", "invalid path"),
        ("Intern/app", "invalid path"),
        ("quay.io/a//b", "invalid path"),
        ("quay.io/../a", "invalid path"),
        ("quay.io/-a", "invalid path"),
        ("quay.io/" + "a" * 256, "invalid path"),
        ("quay.io/" + "a/" * 300, "at most 512 characters"),
        ("quay.io:0/a", "a host and a port"),
        ("quay.io:65536/a", "a host and a port"),
        ("quay.io:x/a", "a host and a port"),
        ("quay..io/a", "begin with a host name"),
        (":5000/a", "a host and a port"),
        ("[::1/a", "a host and a port"),
    ],
)
def test_what_is_none(text: str, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_location(text, field="external_reference")

    assert says in caught.value.message
    assert caught.value.field == "external_reference"

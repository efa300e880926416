"""Redirect URIs: normalisation, exact match, and refusal of ambiguous ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import Invalid
from resolvers.oauth.redirect_uri import matches, normalise, origin, with_query

SPELLINGS = [
    ("https://app.example/cb", "https://app.example/cb"),
    ("HTTPS://App.EXAMPLE/cb", "https://app.example/cb"),
    ("https://app.example:443/cb", "https://app.example/cb"),
    ("http://app.example:80/cb", "http://app.example/cb"),
    ("http://app.example:443/cb", "http://app.example:443/cb"),
    ("https://app.example", "https://app.example/"),
    ("https://app.example?x=1", "https://app.example/?x=1"),
    ("https://app.example/%7Eada/%63b", "https://app.example/~ada/cb"),
    ("https://app.example/a%c3%a9", "https://app.example/a%C3%A9"),
    ("https://app.example/cb?next=%2fhome", "https://app.example/cb?next=%2Fhome"),
    ("http://127.0.0.1:8765/cb", "http://127.0.0.1:8765/cb"),
    ("http://[0:0:0:0:0:0:0:1]:8765/cb", "http://[::1]:8765/cb"),
]

REFUSED = [
    "",
    "foo",
    "/cb",
    "//app.example/cb",
    "https:app.example/cb",
    "https:/app.example/cb",
    "https:///cb",
    "ftp://app.example/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://ada@app.example/cb",
    "https://app.example@evil.example/cb",
    "https://app.example:x@evil.example/",
    "https://app.example%40evil.example/cb",
    "https://app.example/cb#token",
    "https://app.example/cb#",
    "https://app.example\\@evil.example/cb",
    "https://app.example\\.evil.example/cb",
    "https://app.example/cb/../other",
    "https://app.example/cb/./other",
    "https://app.example/cb/%2e%2e/other",
    "https://app.example/cb/%2E./other",
    "https://app.example/cb%5c..%5cother",
    "https://app.example/cb%2f..%2fother",
    "https://app.example/cb%00",
    "https://app.example/cb%0d%0aSet-Cookie",
    "https://app.example/cb%",
    "https://app.example/cb%zz",
    "https://app.example:/cb",
    "https://app.example:99999/cb",
    "https://app.example:port/cb",
    "https://app.example./cb",
    "https://-app.example/cb",
    "https://app..example/cb",
    "https://[::1/cb",
    "https://[app.example]/cb",
    "https://app.example/c b",
    " https://app.example/cb",
    "https://app.example/cb\n",
    "https://app.example/\tcb",
    'https://app.example/"cb',
    "https://app.example/<cb>",
    "https://äpp.example/cb",
    "https://app.example/" + "a" * 2000,
]


@pytest.mark.parametrize(("uri", "normal"), SPELLINGS)
def test_a_uri_is_normalised(uri: str, normal: str) -> None:
    assert normalise(uri) == normal
    assert normalise(normal) == normal
    assert matches(uri, normal)


@pytest.mark.parametrize("uri", REFUSED)
def test_ambiguous_uris_are_refused_and_match_nothing(uri: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalise(uri)

    assert refused.value.field == "redirectUri"
    assert not matches(uri, uri)


@pytest.mark.parametrize(
    "other",
    [
        "http://app.example/cb",
        "https://app.example/cb/",
        "https://app.example/cb/more",
        "https://app.example/cbmore",
        "https://app.example/CB",
        "https://app.example/cb?x=1",
        "https://app.example:8443/cb",
        "https://other.example/cb",
        "https://app.example.evil.example/cb",
        "https://www.app.example/cb",
    ],
)
def test_only_an_equal_uri_matches(other: str) -> None:
    assert normalise(other)
    assert not matches(other, "https://app.example/cb")


@given(st.text(max_size=60), st.sampled_from(["", "https://app.example", "https://app.example/"]))
def test_an_accepted_uri_keeps_its_host(text: str, start: str) -> None:
    try:
        normal = normalise(start + text)
    except Invalid:
        return
    assert normal == normalise(normal)
    assert "@" not in origin(normal)
    assert not set(normal) & set('\\# \t\r\n"<>')


def test_parameters_are_encoded_and_added_to_the_query() -> None:
    assert with_query("https://a.example/cb", state="a&b=c#d e", code=None) == (
        "https://a.example/cb?state=a%26b%3Dc%23d+e"
    )
    assert with_query("https://a.example/cb?x=1", error="no") == "https://a.example/cb?x=1&error=no"
    assert with_query("https://a.example/cb", state=None) == "https://a.example/cb"

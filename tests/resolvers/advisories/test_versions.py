"""Versions in the order of their ecosystems: tables from the documented rules, laws of order, and dpkg."""

import subprocess
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.advisories.versions import NotAVersion, is_ordered, key_of
from tests.plugins.scale import SCALE

ORDERS = {
    # As deb-version(7) says.
    "Debian:12": (
        "0~~ 0~~a 0~ 0 0a 0+ 0.1 1.0~beta1~svn1245 1.0~beta1 1.0 1.0-1 1.0-1+b1 1.0-1+deb12u1 1.0-1.1"
        " 1.0-2 1.0-10 1.0a 1.0+dfsg-1 1.2 1.10 1:0.1"
    ),
    # As rpm-version(7) says.
    "Red Hat:9": (
        "1.0~rc1 1.0~rc1^git1 1.0~rc2 1.0 1.0^git1~pre 1.0^git1 1.0^git2 1.0a 1.0b 1.0.1-1.el9 1.0.1-1.el9_2"
        " 1.0.1-2.el9 1.0.010-1 2.0 0:3.0 1:1.0-1"
    ),
    # As apk-package(5) says.
    "Alpine:v3.19": (
        "1.0_alpha 1.0_alpha1 1.0_alpha2 1.0_beta 1.0_pre 1.0_rc 1.0_rc1 1.0_rc1-r1 1.0 1.0-r1 1.0-r10"
        " 1.0_cvs 1.0_svn 1.0_git 1.0_git20230101 1.0_hg 1.0_p 1.0_p1 1.0a 1.0b 1.0.01 1.0.1 1.01 1.1 1.2"
        " 1.10 2"
    ),
    # As PEP 440 says.
    "PyPI": (
        "1.0.dev456 1.0a1 1.0a2.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0rc1 1.0 1.0+abc.5 1.0.post456 1.1 1!0.1"
    ),
    # As section 11 of semver.org says.
    "npm": (
        "0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0"
        " 1.0.1 1.2 1.10.0 2"
    ),
    "Go": (
        "v0.0.0-20190101000000-abcdefabcdef v0.1.0 v1.0.0-pre v1.0.0 go1.20 go1.21beta1 go1.21rc2 1.21rc10"
        " go1.21 go1.21.1 v2.0.0+incompatible"
    ),
    # As Maven's specification of the order of versions says.
    "Maven": (
        "1-a1 1-alpha2 1-beta 1-milestone 1-rc 1-snapshot 1 1-sp 1-foo2 1-foo10 1-1 1.0.1-alpha 1.0.1 1.1"
        " 1.1-jre 2.rc1 2"
    ),
    # As the comments of Gem::Version say.
    "RubyGems": "0.9 1.0.a 1.0.a.2 1.0.b1 1.0.b10 1.0.pre.1 1.0 1.0.1 1.1 1.1.0.1 1.2-x 1.2 1.10 2",
}
EQUAL = {
    "Debian:12": ("1.0 1.0-0 0:1.0 1.00", "1.0-1 0:1.0-01"),
    "Red Hat:9": ("1.0 1_0 01.0 1.0.", "0:1-1 1-1"),
    "Alpine:v3.19": ("1.0 01.0",),
    "PyPI": ("1 1.0 v1.0.0", "1.0a1 1.0-alpha.1"),
    "npm": ("1.0.0 v1 1.0 1.0.0+build", "1.0.0-a+b 1.0.0-a"),
    "Go": ("v1.2.0 1.2.0 v1.2.0+incompatible", "go1.21 1.21.0 go1.21-custom"),
    "Maven": (
        "1 1.0 1-0 1.ga 1-final 1.0.0-0.0.0",
        "1-a1 1-alpha-1",
        "1.foo 1-foo",
        "1-foo 1.0.0-foo.0.0",
        "1-rc 1-CR",
    ),
    "RubyGems": ("1 1.0 1.0.0", "1.a 1.0.a", "1.0-x 1.pre.x"),
}
NOT_VERSIONS = {
    "Debian:12": ("", "1 0", "a:1", "1.0_1", "1-", "1:", "3000000000:1"),
    "Red Hat:9": ("", "x:1"),
    "Alpine:v3.19": ("", "1.0_x", "v1", "1.0-1", "1..0"),
    "PyPI": ("", "latest", "1.0-"),
    "npm": ("", "latest", "1.2.3.4", "^1.0"),
    "Go": ("", "(devel)"),
    "Maven": ("", "1 0"),
    "RubyGems": ("a", "1..0"),
}
ALPHABETS = {
    "Debian:12": ["1", "0", "20", "a", "~", "+", ".", "-", "rc"],
    "Red Hat:9": ["1", "0", "20", "a", "~", "^", ".", "-", "rc"],
    "Alpine:v3.19": ["1", ".0", ".10", ".01", "_rc", "_p1", "a", "-r1", "-r2"],
    "npm": ["1", ".0", ".10", "-a", "-rc.1", ".x", "+b"],
    "Go": ["1", ".0", ".10", "-a", "-rc.1", "rc2", "+b"],
    "PyPI": ["1", ".0", ".10", "a1", "rc2", ".post1", ".dev3", "+l"],
    "Maven": ["1", "0", ".", "-", "20", "alpha", "a", "ga", "sp", "foo", "snapshot"],
    "RubyGems": ["1", ".0", ".10", ".a", ".b1", "-x", ".0"],
}


@pytest.mark.parametrize("ecosystem", ORDERS)
def test_versions_are_in_the_documented_order(ecosystem: str) -> None:
    key, versions = key_of(ecosystem), ORDERS[ecosystem].split()
    for earlier, later in pairwise(versions):
        assert key(earlier) < key(later), (earlier, later)
        assert not key(later) < key(earlier), (earlier, later)
        assert key(earlier) != key(later), (earlier, later)
    assert sorted(set(versions), key=key) == versions


@pytest.mark.parametrize("ecosystem", EQUAL)
def test_different_writings_of_one_version_are_equal(ecosystem: str) -> None:
    key = key_of(ecosystem)
    for writings in EQUAL[ecosystem]:
        assert len({key(version) for version in writings.split()}) == 1, writings


@pytest.mark.parametrize("ecosystem", NOT_VERSIONS)
def test_what_is_no_version_has_no_place(ecosystem: str) -> None:
    for text in (*NOT_VERSIONS[ecosystem], "1" * 300):
        with pytest.raises(NotAVersion):
            key_of(ecosystem)(text)


def test_every_ecosystem_with_rules_is_tried_and_others_are_known_not_to_have_any() -> None:
    assert is_ordered("crates.io")
    assert key_of("crates.io") is key_of("npm")
    assert not is_ordered("Packagist")
    assert ORDERS.keys() == EQUAL.keys() == NOT_VERSIONS.keys() == ALPHABETS.keys()


@pytest.mark.long
@pytest.mark.parametrize("ecosystem", ALPHABETS)
@settings(max_examples=25 * SCALE, deadline=None)
@given(data=st.data())
def test_the_order_is_total(ecosystem: str, data: st.DataObject) -> None:
    key = key_of(ecosystem)
    pieces = st.lists(st.sampled_from(ALPHABETS[ecosystem]), min_size=1, max_size=6).map("".join)
    keys = []
    for version in data.draw(st.lists(pieces.map(lambda text: f"1{text}"), min_size=3, max_size=6)):
        try:
            keys.append(key(version))
        except NotAVersion:
            continue
    for one in keys:
        for other in keys:
            assert (one < other) + (other < one) + (one == other) == 1, (one, other)
            for third in keys:
                assert not (one < other < third) or one < third, (one, other, third)


@pytest.mark.needs("dpkg")
@settings(max_examples=15 * SCALE, deadline=None)
@given(data=st.data())
@pytest.mark.long
def test_dpkg_says_the_same(data: st.DataObject) -> None:
    pieces = st.lists(st.sampled_from([*ALPHABETS["Debian:12"], ":"]), max_size=7).map("".join)
    one, other = (data.draw(pieces.map(lambda text: f"1{text}")) for _ in range(2))
    key = key_of("Debian")
    for text in (one, other):
        try:
            key(text)
        except NotAVersion:
            return
    said = subprocess.run(["dpkg", "--compare-versions", one, "lt", other], capture_output=True, check=False)
    assert b"error" not in said.stderr
    assert (said.returncode == 0) == (key(one) < key(other)), (one, other)

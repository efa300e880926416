"""Parsers of what compilers and installers of languages leave: programs, archives and gems."""

import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from quayside.scan.parsers.base import Unreadable
from resolvers.scan.package import Ecosystem, Package
from tests.quayside.scan.parsers.test_packages import parse

SKOPEO = Path("/usr/bin/skopeo")
COMMONS_IO = Path("/usr/share/java/commons-io.jar")
GEMS = "/usr/share/rubygems-integration/all/specifications/minitest-*.gemspec"
LISTED = orjson.dumps(
    {
        "packages": [
            {"name": "app", "version": "0.1.0", "source": "local", "root": True, "dependencies": [1, 2]},
            {"name": "serde", "version": "1.0.150", "source": "crates.io"},
            {"name": "cc", "version": "1.0.73", "source": "crates.io", "kind": "build"},
        ]
    }
)


@pytest.mark.needs(str(SKOPEO))
def test_go_reads_what_the_linker_noted_in_a_program_of_debian() -> None:
    content = SKOPEO.read_bytes()

    found = parse("usr/bin/skopeo", content, 0o755)

    # Debian builds without modules, so that Go itself alone has a version.
    (version,) = {found.decode() for found in re.findall(rb"go(1\.[0-9]+\.[0-9]+)\x00", content)} or {""}
    assert found == [Package(Ecosystem.GO, "stdlib", version)]
    # It is no program that could run, or is no program at all.
    assert parse("usr/bin/skopeo", content) == parse("usr/lib/libskopeo.so.1", content, 0o755) == []


@pytest.mark.needs("objcopy")
def test_rust_reads_the_documented_section_of_cargo_auditable(program: Callable[[str, bytes], bytes]) -> None:
    content = program(".dep-v0", zlib.compress(LISTED))

    assert parse("usr/bin/app", content, 0o755) == [
        Package(Ecosystem.CARGO, "app", "0.1.0"),
        Package(Ecosystem.CARGO, "serde", "1.0.150"),
    ]
    for broken in (
        b"none",
        zlib.compress(LISTED)[:-9],
        zlib.compress(b"[]"),
        zlib.compress(bytes(20_000_000)),
    ):
        with pytest.raises(Unreadable):
            parse("usr/bin/app", program(".dep-v0", broken), 0o755)


@pytest.mark.needs("objcopy")
def test_go_reads_replacements_and_refuses_what_is_cut_off(program: Callable[[str, bytes], bytes]) -> None:
    lines = (
        "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n"
        "dep\ta.example/x\tv1.0.0\th1:\n=>\tb.example/x\tv1.0.1\th1:\ndep\tc.example/y\tv0.2.0\th1:\n"
    )
    modules = b"s" * 16 + lines.encode() + b"e" * 16
    version = b"go1.21.3 X:none"
    information = b"\xff Go buildinf:\x08\x02" + bytes(16)
    texts = bytes([len(version)]) + version + bytes([len(modules) & 127 | 128, len(modules) >> 7]) + modules

    assert parse("app", program(".go.buildinfo", information + texts), 0o755) == [
        Package(Ecosystem.GO, "stdlib", "1.21.3"),
        Package(Ecosystem.GO, "b.example/x", "v1.0.1"),
        Package(Ecosystem.GO, "c.example/y", "v0.2.0"),
    ]
    for broken in (b"none", information, information + texts[:-5]):
        with pytest.raises(Unreadable):
            parse("app", program(".go.buildinfo", broken), 0o755)


@pytest.mark.parametrize("size", [16, 63, 64, 200])
def test_a_program_with_broken_headers_is_unreadable_or_has_nothing(size: int) -> None:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + b"\xff" * 300

    for content in (header[:size], (header[:40] + bytes(8) + header[48:])[:size]):
        try:
            assert parse("app", content, 0o755) == []
        except Unreadable:
            continue


def jar(**members: bytes) -> bytes:
    """An archive; `_` in names is `/`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return target.getvalue()


def pom(group: str, artifact: str, version: str) -> dict[str, bytes]:
    text = f"#Generated\r\nversion={version}\r\ngroupId={group}\r\nartifactId={artifact}\r\n"
    return {f"META-INF__maven__{group}__{artifact}__pom.properties": text.encode()}


@pytest.mark.needs(str(COMMONS_IO))
def test_java_reads_a_jar_of_debian_alone_and_inside_of_another() -> None:
    content = COMMONS_IO.read_bytes()
    (version,) = [path.stem.rpartition("-")[2] for path in COMMONS_IO.parent.glob("commons-io-*.jar")]

    found = parse("usr/share/java/commons-io.jar", content)

    assert [(package.name, package.version) for package in found] == [("commons-io:commons-io", version)]
    app = jar(**pom("com.example", "app", "1.0"), **{"BOOT-INF__lib__commons-io.jar": content})
    assert set(parse("app.war", app)) == {*found, Package(Ecosystem.MAVEN, "com.example:app", "1.0")}


@pytest.mark.parametrize(
    ("path", "manifest", "found"),
    [
        ("lib/flaw-core-1.2.3.jar", "", ("flaw-core", "1.2.3")),
        (
            "lib/flaw-1.2.jar",
            "Bundle-SymbolicName: com.example.\r\n flaw;singleton:=true\r\nBundle-Version: 9",
            ("com.example:flaw", "1.2"),
        ),
        (
            "lib/flaw.jar",
            "Implementation-Vendor-Id: com.example\nImplementation-Version: 2.0",
            ("com.example:flaw", "2.0"),
        ),
        ("lib/flaw.jar", "", None),
    ],
)
def test_java_takes_manifest_and_file_name_where_nothing_better_is(
    path: str, manifest: str, found: tuple[str, str] | None
) -> None:
    content = jar(**{"META-INF__MANIFEST.MF": manifest.encode()}) if manifest else jar(a=b"a")

    assert [(package.name, package.version) for package in parse(path, content)] == ([found] if found else [])


def test_java_does_not_unpack_for_ever() -> None:
    bomb = jar(**{"META-INF__MANIFEST.MF": bytes(50_000_000)})
    deep = jar(**pom("com.example", "inner", "1"))
    for _ in range(10):
        deep = jar(**{"inner.jar": deep, "a": b"a"})

    with pytest.raises(Unreadable):
        parse("bomb.jar", bomb)
    assert parse("deep.jar", deep) == []
    for broken in (b"PK\x03\x04", jar(a=b"a")[:-30], b"PK\x03\x04" + jar(a=os.urandom(100))[4:40]):
        with pytest.raises(Unreadable):
            parse("broken.jar", broken)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(2_000):
            archive.writestr(f"{number:09}".ljust(60_000, "x")[:9_000], b"")
    with pytest.raises(Unreadable, match="too many members"):
        parse("many.jar", many.getvalue())


@pytest.mark.needs(GEMS)
def test_ruby_reads_a_gem_of_debian() -> None:
    (specification,) = Path("/").glob(GEMS.removeprefix("/"))

    (found,) = parse(str(specification.relative_to("/")), specification.read_bytes())

    assert (found.ecosystem, found.name) == (Ecosystem.GEM, "minitest")
    assert specification.name == f"minitest-{found.version}.gemspec"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            'Gem::Specification.new do |s|\n  s.name = "flaw".freeze\n  s.version = "1.2.3.rc1"\nend',
            "1.2.3.rc1",
        ),
        ("  spec.name    = 'flaw'\n  spec.version = Gem::Version.new('0.1')\n", "0.1"),
        ("  s.name = %q{flaw}\n  s.version = %q{2}\n", "2"),
    ],
)
def test_ruby_reads_specifications_as_old_and_new_installers_write_them(text: str, version: str) -> None:
    path = "usr/lib/ruby/gems/3.1.0/specifications/default/flaw.gemspec"

    assert parse(path, text.encode()) == [Package(Ecosystem.GEM, "flaw", version)]
    assert parse("src/flaw/flaw.gemspec", text.encode()) == []
    with pytest.raises(Unreadable):
        parse(path, text.replace("version", "other").encode())

"""`quayside advisories import`: files in all forms, again and again, bad records, killed in the middle."""

import asyncio
import gzip
import io
import signal
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from quayside.settings.settings import Settings
from storage.statements import Row, decode_json, fetch
from tests.factories import Factory
from tests.process import run
from tests.quayside.commands.conftest import Call
from tests.resolvers.advisories.records import concerned, record, stream

Said = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def environ(tmp_path: Path, settings_with_files: Settings) -> dict[str, str]:
    """Environment for commands that use the database of the factory."""
    return {
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }


@pytest.fixture
def said(call: Call, environ: dict[str, str], tmp_path: Path, factory: Factory) -> Said:
    """Imports files, given as paths or as their bytes: exit code, line, errors."""

    async def run_import(*sources: bytes | str) -> tuple[int, str, str]:
        paths = []
        for number, source in enumerate(sources):
            path = Path(f"given-{number}") if isinstance(source, bytes) else Path(source)
            if isinstance(source, bytes):
                (tmp_path / path).write_bytes(source)
            paths.append(str(path))
        code, output, errors = await asyncio.to_thread(call, "advisories", "import", *paths, **environ)
        # How long a transaction took is no matter of this test.
        lines = [line for line in errors.splitlines() if "transaction open" not in line]
        return code, output.removeprefix("total\t").rstrip("\n"), "\n".join(lines)

    return run_import


def total(
    read: int, added: int = 0, changed: int = 0, withdrawn: int = 0, unchanged: int = 0, bad: int = 0
) -> str:
    counts = {"added": added, "changed": changed, "withdrawn": withdrawn, "unchanged": unchanged, "bad": bad}
    return "\t".join([f"read={read}", *(f"{name}={number}" for name, number in counts.items())])


async def kept() -> list[tuple[Any, ...]]:
    """The advisories, with the packages that they concern."""
    rows: list[Row] = await fetch(
        "SELECT v.osv_id, v.summary, p.ecosystem, p.name, p.spans, p.severity FROM advisory v"
        " LEFT JOIN affected_package p ON p.advisory_id = v.id ORDER BY v.osv_id, p.id"
    )
    return [
        (
            row["osv_id"],
            row["summary"],
            row["ecosystem"],
            row["name"],
            decode_json(row["spans"]),
            row["severity"],
        )
        for row in rows
    ]


def whole(identity: str, summary: str = "A flaw.") -> tuple[Any, ...]:
    return (identity, summary, "Debian:12", "libflaw", [["0", "1.2-3", None]], 0)


async def test_an_import_is_repeatable_and_the_later_revision_counts(said: Said) -> None:
    later = {"modified": "2026-02-01T00:00:00+01:00"}

    assert await said(stream(record("A"), record("B"))) == (0, total(2, added=2), "")
    assert await kept() == [whole("A"), whole("B")]
    assert await said(stream(record("A"), record("B"))) == (0, total(2, unchanged=2), "")
    # The same record twice in an import counts once, the later one, in whatever order they come.
    changed = record("A", summary="Worse.", **later)
    assert await said(stream(changed, record("A"), record("C"))) == (
        *(0, total(3, added=1, changed=1, unchanged=1), ""),
    )
    assert await kept() == [whole("A", "Worse."), whole("B"), whole("C")]
    names = await fetch("SELECT name FROM advisory_name ORDER BY name")
    assert [row["name"] for row in names] == ["CVE-A", "CVE-B", "CVE-C"]


async def test_what_was_withdrawn_is_gone_and_an_older_copy_does_not_bring_it_back(said: Said) -> None:
    end = {"modified": "2026-03-01T00:00:00Z", "withdrawn": "2026-03-01T00:00:00Z"}

    assert await said(stream(record("A"), record("B"))) == (0, total(2, added=2), "")
    assert await said(stream(record("A", **end))) == (0, total(1, withdrawn=1), "")
    assert await said(stream(record("A"), record("A", **end))) == (0, total(2, unchanged=2), "")
    assert await kept() == [("A", "A flaw.", None, None, None, None), whole("B")]
    again = record("A", modified="2026-04-01T00:00:00Z")
    assert await said(stream(again)) == (0, total(1, changed=1), "")
    assert await kept() == [whole("A"), whole("B")]


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"all/{name}.json", content)
        archive.writestr("README.md", "no record")
    return target.getvalue()


async def test_records_come_from_directories_zip_files_and_streams(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder" / "2026"
    folder.mkdir(parents=True)
    (folder / "A.json").write_bytes(orjson.dumps(record("A")))
    (folder / "notes.txt").write_text("no record")
    indented = orjson.dumps(
        [record("C"), record("D", summary='A brace: } and a "quote".')], option=orjson.OPT_INDENT_2
    )
    packed = gzip.compress(stream(record("E"), record("F")))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stream(record("G")))))

    assert await said("folder", zipped(B=orjson.dumps(record("B"))), indented, packed, "-") == (
        *(0, total(7, added=7), ""),
    )
    assert [row[0] for row in await kept()] == list("ABCDEFG")
    assert (await kept())[3] == whole("D", 'A brace: } and a "quote".')


async def test_bad_records_are_named_and_the_rest_is_imported(said: Said, tmp_path: Path) -> None:
    broken = orjson.dumps(record("C"))[:-20] + b"\n"
    flawed = record("D", affected=[concerned(), concerned("npm", 5)])  # type: ignore[arg-type]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.json").write_bytes(b"[]")
    lost = zipped(F=orjson.dumps(record("F")), G=orjson.dumps(record("G")))
    where = lost.index(b"all/F.json") + 20
    lost = lost[:where] + b"\xff" * 8 + lost[where + 8 :]

    code, line, errors = await said(
        *("folder", stream(record("B")) + broken + stream(flawed, record("E")), lost),
        stream(record("H")) + b'{"id": "I"',
    )

    assert (code, line) == (1, total(9, added=4, bad=5))
    assert [row[0] for row in await kept()] == ["B", "E", "G", "H"]
    named = sorted(text.partition(": ")[0] for text in errors.splitlines())
    assert named == ["folder/a.json", "given-1:2", "given-1:3", "given-2:all/F.json", "given-3:2"]
    assert "given-1:3: affected[1].package.name must be a text of 1 to 512 printable characters." in errors
    assert "folder/a.json: It must be a JSON object." in errors
    assert "given-3:2: The stream ends inside of it, or it is no JSON object." in errors


async def test_what_is_not_there_is_said_before_anything_is_imported(said: Said) -> None:
    code, output, errors = await said(stream(record("A")), "nowhere")

    assert (code, output, errors) == (1, "", "nowhere does not exist.")
    assert await kept() == []
    code, output, errors = await said(b"PK\x03\x04 and no more")
    assert (code, output) == (1, "")
    assert errors.startswith("given-0 is no whole zip file: ")


@pytest.mark.parametrize(("point", "left"), [("before_commit", 0), ("after_commit", 150)])
async def test_a_killed_import_has_written_whole_batches_and_is_repeated(
    said: Said, environ: dict[str, str], tmp_path: Path, point: str, left: int
) -> None:
    content = stream(*(record(f"A{number}") for number in range(200)))
    (tmp_path / "given").write_bytes(content)

    killed = await asyncio.to_thread(
        run, tmp_path, "advisories", "import", "given", **environ, QUAYSIDE_FAULT=f"advisories.{point}:kill"
    )

    assert killed.returncode == -signal.SIGKILL
    assert len(await kept()) == left
    assert all(row[3] == "libflaw" for row in await kept())
    assert await said(content) == (0, total(200, added=200 - left, unchanged=left), "")
    assert len(await kept()) == 200

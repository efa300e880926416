"""`quayside prune`: dry run, run, killed in the middle; and the table on a terminal."""

import asyncio
import signal
from pathlib import Path

import orjson
import pytest

from quayside.settings.settings import Settings
from resolvers.pruning import clock
from storage.clock import DAY_MS, now_ms
from storage.statements import execute
from tests.factories import Factory
from tests.process import provide_registry, run
from tests.quayside.commands.conftest import Call
from tests.quayside.commands.test_terminal import PLAIN, on_terminal, rows
from tests.resolvers.pruning.given import PATH, aged, entries, left, numbered, older, series


@pytest.fixture
def environ(tmp_path: Path, settings_with_files: Settings) -> dict[str, str]:
    """Environment for commands that use the database of the factory."""
    return {
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }


async def test_a_dry_run_prints_what_a_run_deletes(
    factory: Factory, environ: dict[str, str], call: Call
) -> None:
    await factory.user("ada")
    await factory.organization("acme", owner="ada")
    for path in (PATH, "acme/app"):
        await factory.repository(path, by="ada")
        await aged(factory, path, series("v", 3))
    by_age, by_number = await older(factory, PATH, "3d"), await numbered(factory, "acme", 1)

    async def said(*arguments: str, **more: str) -> tuple[int, list[str], str]:
        code, output, errors = await asyncio.to_thread(call, "prune", *arguments, **environ, **more)
        return code, output.splitlines(), errors

    expected = [
        f"ada/app\tv2\tpolicy={by_age.uuid}",
        f"acme/app\tv1\tpolicy={by_number.uuid}",
        f"acme/app\tv2\tpolicy={by_number.uuid}",
        "total\ttags=3\trepositories=2",
    ]
    assert await said("--dry-run") == (0, expected, "")
    assert (await left(), await entries()) == (["v0", "v1", "v2"], [])
    assert await said() == (0, expected, "")
    assert (await left(), await left("acme/app")) == (["v0", "v1"], ["v0"])
    assert len(await entries()) == 3
    assert await said() == (0, ["total\ttags=0\trepositories=0"], "")
    code, output, errors = await said(QUAYSIDE_FEATURE_AUTO_PRUNE="false")
    assert (code, output) == (1, [])
    assert errors == "Auto-prune is off. Switch it on with QUAYSIDE_FEATURE_AUTO_PRUNE=true.\n"


async def test_the_command_notes_the_time_and_tells_when_it_doubts_the_clock(
    factory: Factory, environ: dict[str, str], call: Call
) -> None:
    await factory.user("ada")
    await factory.repository(PATH)
    await aged(factory, PATH, {"v": 8})
    await older(factory, PATH, "3d")
    week_ago = now_ms() - 7 * DAY_MS
    await execute(
        "INSERT INTO site_setting (name, value) VALUES (?, ?)",
        clock.SETTING,
        f'{{"noted_at_ms": {week_ago}}}',
    )

    async def said(*arguments: str) -> tuple[list[str], str]:
        code, output, errors = await asyncio.to_thread(call, "prune", *arguments, **environ)
        assert code == 0
        return output.splitlines(), errors

    nothing = ["total\ttags=0\trepositories=0"]
    for arguments in (("--dry-run",), (), ()):
        output, errors = await said(*arguments)
        assert output == nothing
        assert errors.count("Auto-prune does not believe the clock, which says") == 1
    # As if a week had passed since the jump.
    jump = now_ms() - 7 * DAY_MS
    note = {"noted_at_ms": jump, "doubted_since_ms": jump, "believed_ms": week_ago - 7 * DAY_MS}
    await execute(
        "UPDATE site_setting SET value = ? WHERE name = ?", orjson.dumps(note).decode(), clock.SETTING
    )
    output, errors = await said()
    assert (len(output), errors) == (2, "")
    assert await left() == []


async def test_a_killed_run_is_finished_by_the_next(
    factory: Factory, environ: dict[str, str], call: Call, tmp_path: Path
) -> None:
    await factory.user("ada")
    await factory.repository(PATH)
    await aged(factory, PATH, series("v", 250))
    await numbered(factory, PATH, 10)

    killed = await asyncio.to_thread(
        run, tmp_path, "prune", **environ, QUAYSIDE_FAULT="prune.after_commit:kill"
    )
    assert killed.returncode == -signal.SIGKILL
    # Whole batches, each with its entries.
    assert 10 < len(await left()) == 250 - len(await entries())
    code, _, _ = await asyncio.to_thread(call, "prune", **environ)

    assert code == 0
    assert await left() == sorted(f"v{number}" for number in range(10))
    assert sorted(await entries()) == sorted(f"{PATH}:v{number}" for number in range(10, 250))


def test_a_terminal_shows_a_table(tmp_path: Path) -> None:
    provide_registry(tmp_path)

    shown, _ = on_terminal(tmp_path, "prune", **PLAIN)

    cells = rows(shown)
    assert ["Repository", "Tags"] in cells
    assert ["total", "0"] in cells

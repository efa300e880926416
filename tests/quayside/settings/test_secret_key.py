import stat
import subprocess
import sys
from pathlib import Path

import pytest

from quayside.settings import secret_key
from quayside.settings.settings import SettingsError, load_settings

MAKE = """
import sys
from quayside.settings import secret_key
from quayside.settings.settings import load_settings
sys.stdin.read()
print(*secret_key.ensure(load_settings({"DATA_DIR": sys.argv[1]}, {})).secret_key)
"""


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": str(tmp_path / "data")}, {})

    first = secret_key.ensure(settings)
    second = secret_key.ensure(settings)

    assert first == second
    (key,) = first.secret_key
    assert len(key) == 64
    file = tmp_path / "data" / "secret.key"
    assert file.read_text() == key + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_key_that_is_set_is_not_written(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": str(tmp_path)}, {"QUAYSIDE_SECRET_KEY": "k" * 32})

    assert secret_key.ensure(settings) == settings
    assert list(tmp_path.iterdir()) == []


def test_processes_that_start_together_have_the_same_key(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None

    keys = {process.communicate()[0] for process in processes}

    assert keys == {(tmp_path / "secret.key").read_text()}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("short\n", "a list of keys of at least 32 characters each, separated by commas"),
        ("\n", "a key, but it is empty"),
    ],
)
def test_a_file_without_a_key_is_an_error(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "secret.key"
    file.write_text(content)

    with pytest.raises(SettingsError) as caught:
        secret_key.ensure(load_settings({"DATA_DIR": str(tmp_path)}, {}))

    assert caught.value.problems == (f"{file} must hold {expected}.",)


def test_a_data_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"^DATA_DIR must be a directory that can be written: "):
        secret_key.ensure(load_settings({"DATA_DIR": str(tmp_path / "file" / "data")}, {}))


def test_no_key_is_made_where_a_database_exists(tmp_path: Path) -> None:
    (tmp_path / "quayside.db").touch()

    with pytest.raises(SettingsError) as caught:
        secret_key.ensure(load_settings({"DATA_DIR": str(tmp_path)}, {}))

    (problem,) = caught.value.problems
    assert problem.startswith(
        f"The secret key is missing: there is a database, but no {tmp_path}/secret.key. "
    )
    assert [path.name for path in tmp_path.iterdir()] == ["quayside.db"]


def test_a_key_that_is_set_needs_no_file_beside_a_database(tmp_path: Path) -> None:
    (tmp_path / "quayside.db").touch()
    settings = load_settings({"DATA_DIR": str(tmp_path)}, {"QUAYSIDE_SECRET_KEY": "k" * 32})

    assert secret_key.ensure(settings) == settings

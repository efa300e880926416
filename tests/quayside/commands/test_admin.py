"""Commands that manage a registry without its server, with output for scripts.

Three run as processes; the others in that of the test.
"""

import io
import sqlite3
import sys
from pathlib import Path

import argon2
import graphql
import pytest

from tests.process import make_user, outcome, provide_registry, run
from tests.quayside.commands.conftest import Call

CREATE = ("admin", "create-user", "ada", "--email", "ada@example.com", "--data", "data")


def rows(directory: Path, statement: str) -> list[tuple[object, ...]]:
    """Rows of the registry's database."""
    connection = sqlite3.connect(directory / "data" / "quayside.db")
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_user_is_created_with_a_password_that_is_printed_alone(tmp_path: Path) -> None:
    completed = run(tmp_path, *CREATE, "--superuser")

    says = f"A new registry was made in {tmp_path}/data.\nThe user ada was created.\n"
    assert (completed.returncode, completed.stderr) == (0, says)
    password = completed.stdout.removesuffix("\n")
    assert len(password) == 24
    ((name, email, is_superuser, password_hash),) = rows(
        tmp_path, "SELECT name, email, is_superuser, password_hash FROM account"
    )
    assert (name, email, is_superuser) == ("ada", "ada@example.com", 1)
    # As outside of tests, which hash cheaply: 19 MiB, two passes
    assert str(password_hash).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert argon2.PasswordHasher().verify(str(password_hash), password)


def test_a_password_is_taken_from_the_first_line_of_the_input(tmp_path: Path) -> None:
    provide_registry(tmp_path)

    completed = run(tmp_path, *CREATE, "--password-stdin", text="correct-horse\nbattery")

    assert outcome(completed) == (0, "", "The user ada was created.\n")
    ((password_hash, is_superuser),) = rows(tmp_path, "SELECT password_hash, is_superuser FROM account")
    assert argon2.PasswordHasher().verify(str(password_hash), "correct-horse")
    assert is_superuser == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "--password-stdin needs a password on the first line of the input."),
        ("short\n", "Invalid password, password must be at least 8 characters and contain no whitespace."),
    ],
)
def test_an_invalid_password_creates_no_user(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    provide_registry(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    completed = call(*CREATE, "--password-stdin")

    assert completed == (1, "", f"{sentence}\n")
    assert rows(tmp_path, "SELECT name FROM account") == []


def test_a_name_that_is_taken_is_refused(tmp_path: Path, call: Call) -> None:
    make_user(tmp_path, "ada", "correct-horse-battery")

    completed = call("admin", "create-user", "ada", "--email", "other@example.com", "--data", "data")

    assert completed == (1, "", "A user or organization with this name already exists\n")


def test_a_token_is_printed_alone(tmp_path: Path) -> None:
    make_user(tmp_path, "ada", "correct-horse-battery")

    completed = run(tmp_path, "admin", "create-token", "ada", "--scopes", "repo:write repo:read")

    assert (completed.returncode, completed.stderr) == (0, "")
    token = completed.stdout.removesuffix("\n")
    assert len(token) == 40
    assert rows(
        tmp_path,
        "SELECT a.name, t.scopes, t.prefix FROM access_token t JOIN account a ON a.id = t.account_id",
    ) == [("ada", "repo:read repo:write", token[:20])]


@pytest.mark.parametrize(
    ("user", "scopes", "sentence"),
    [
        ("eve", "repo:read", "There is no user 'eve'."),
        ("ada", " ", "scopes: name at least one scope."),
    ],
)
def test_a_token_needs_a_user_and_scopes(
    tmp_path: Path, call: Call, user: str, scopes: str, sentence: str
) -> None:
    make_user(tmp_path, "ada", "correct-horse-battery")

    completed = call("admin", "create-token", user, "--scopes", scopes)

    assert completed == (1, "", f"{sentence}\n")
    assert rows(tmp_path, "SELECT prefix FROM access_token") == []


def test_the_schema_is_printed(tmp_path: Path, call: Call) -> None:
    code, output, errors = call("schema")

    assert (code, errors) == (0, "")
    assert graphql.build_schema(output).query_type is not None
    assert list(tmp_path.iterdir()) == []

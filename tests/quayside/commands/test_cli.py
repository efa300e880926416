"""The command line: in processes of its own, and where that makes no difference in that of the test."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quayside.version import __version__
from storage.database import revisions
from tests.certificates import make_certificate
from tests.process import (
    START_TIMEOUT_S,
    environment,
    free_port,
    log_of,
    outcome,
    provide_registry,
    run,
    serving,
)
from tests.quayside.commands.conftest import Call


def test_the_version_names_the_revision_of_the_schema(tmp_path: Path) -> None:
    assert outcome(run(tmp_path, "--version")) == (
        0,
        f"quayside {__version__} (schema {revisions()[-1]})\n",
        "",
    )


def test_the_version_needs_neither_settings_nor_the_libraries_of_the_server(tmp_path: Path) -> None:
    script = "import sys; from quayside.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    script += "print(sorted({'tortoise', 'strawberry', 'starlette', 'uvicorn'} & set(sys.modules)))"

    completed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(QUAYSIDE_PORT="x"),
        capture_output=True,
        text=True,
        check=True,
    )

    assert completed.stdout.splitlines()[1] == "[]"


def test_no_command_is_wrong_usage(tmp_path: Path) -> None:
    code, output, errors = outcome(run(tmp_path))

    assert (code, output) == (2, "")
    assert errors.startswith("usage: quayside ")


@pytest.mark.parametrize("command", ["serve", "migrate", "doctor"])
def test_invalid_settings_are_reported_and_nothing_happens(tmp_path: Path, call: Call, command: str) -> None:
    code, output, errors = call(command, QUAYSIDE_PORT="x", QUAYSIDE_HOSTS="y")

    sentences = [
        "The variable QUAYSIDE_HOSTS is not a setting; the nearest is QUAYSIDE_HOST.",
        "PORT must be a whole number from 1 to 65535, not 'x' (in the variable QUAYSIDE_PORT).",
    ]
    assert (code, output, errors.splitlines()) == (2, "", sentences)
    assert list(tmp_path.iterdir()) == []


def test_migrate_prints_what_it_applied_and_may_be_repeated(tmp_path: Path) -> None:
    first = run(tmp_path, "migrate", "--data", "registry")
    second = run(tmp_path, "migrate", "--data", "registry")

    assert outcome(first) == (0, "".join(f"{name}\n" for name in revisions()), "")
    assert outcome(second) == (0, "", "The database is up to date.\n")
    assert (tmp_path / "registry" / "quayside.db").is_file()


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    provide_registry(tmp_path)
    make_newer(tmp_path)

    sentence = (
        "The database is newer than this version: it has revision 9999_future, this version knows up to "
        f"{revisions()[-1]}; start a newer quayside.\n"
    )
    for workers in ("1", "2"):
        served = run(tmp_path, "serve", "--workers", workers, "--port", str(free_port()))
        assert outcome(served) == (1, "", sentence)
    assert outcome(run(tmp_path, "migrate")) == (1, "", sentence)


def make_newer(directory: Path) -> None:
    """Give the database a revision that this version does not know."""
    with sqlite3.connect(directory / "data" / "quayside.db") as connection:
        connection.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('models', '9999_future', '2030')"
        )
    connection.close()


def test_serve_makes_what_it_needs_and_stops_in_order(tmp_path: Path) -> None:
    with serving(tmp_path, makes_registry=True) as (client, process):
        ready = client.get("/readyz", headers={"X-Request-Id": "r1"})
        # A reload of its service is no stop.
        process.send_signal(signal.SIGHUP)
        missing = client.get("/no/such/page")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=START_TIMEOUT_S) == -signal.SIGTERM
        assert process.stdout is not None
        assert process.stdout.read() == ""

    assert (ready.status_code, ready.headers["x-request-id"]) == (200, "r1")
    assert "server" not in ready.headers
    assert missing.status_code == 404
    assert {"quayside.db", "secret.key"} <= {path.name for path in (tmp_path / "data").iterdir()}
    lines = log_of(tmp_path)
    assert [line["status"] for line in lines if line.get("path") == "/readyz"] == [200]
    assert lines[-1]["message"].startswith("Finished server process")  # type: ignore[attr-defined]


def test_serve_with_several_workers_answers_from_each(tmp_path: Path, database_url: str) -> None:
    environ = {"QUAYSIDE_DATABASE_URL": database_url, "QUAYSIDE_SECRET_KEY": "k" * 32}
    with serving(tmp_path, "--workers", "2", "--no-jobs", environ=environ) as (client, process):
        answer = client.get("/readyz")
        process.terminate()
        assert process.wait(timeout=START_TIMEOUT_S) == 0

    assert answer.json().items() >= {"status": "ready", "checks": {"database": "ok", "blobs": "ok"}}.items()
    starts = [line for line in log_of(tmp_path) if line["message"] == "Application startup complete."]
    assert len(starts) == 2


def test_workers_are_forks_that_are_replaced(tmp_path: Path) -> None:
    """A worker that is killed is replaced, SIGHUP replaces all, and requests are answered all the while."""
    with serving(tmp_path, "--workers", "2", "--no-jobs") as (client, process):
        wait_for_starts(tmp_path, 2)
        first = children_of(process.pid)
        parents = {program_of(pid) for pid in [process.pid, *first]}
        os.kill(first[0], signal.SIGKILL)
        wait_for_starts(tmp_path, 3)
        second = children_of(process.pid)
        process.send_signal(signal.SIGHUP)
        wait_for_starts(tmp_path, 5)
        answers = [client.get("/readyz").status_code for _ in range(3)]
        process.terminate()
        assert process.wait(timeout=START_TIMEOUT_S) == 0

    assert (len(parents), len(first), len(second)) == (1, 2, 2)
    assert set(first) & set(second) == {first[1]}
    assert answers == [200, 200, 200]
    assert [pid for pid in [*first, *second] if Path(f"/proc/{pid}").exists()] == []


def test_serve_fails_when_a_worker_cannot_be_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--no-jobs") as (_, process):
        wait_for_starts(tmp_path, 2)
        make_newer(tmp_path)
        os.kill(children_of(process.pid)[0], signal.SIGKILL)

        assert process.wait(timeout=START_TIMEOUT_S) == 1


def children_of(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def program_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def wait_for_starts(directory: Path, count: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while starts_of(directory) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def starts_of(directory: Path) -> int:
    return (directory / "log").read_text().count("Application startup complete.")


def test_commands_work_beside_a_running_server(tmp_path: Path) -> None:
    with serving(tmp_path):
        migrate, doctor = run(tmp_path, "migrate"), run(tmp_path, "doctor")

    assert outcome(migrate) == (0, "", "The database is up to date.\n")
    assert (doctor.returncode, doctor.stderr) == (0, "")
    assert doctor.stdout.splitlines()[:4] == [
        f"ok      data directory: {tmp_path}/data",
        f"ok      secret key: {tmp_path}/data/secret.key",
        "ok      database: sqlite, at the schema of this version",
        "ok      stored secrets: 1 decrypted",
    ]


def test_serve_over_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    environ = {"QUAYSIDE_TLS_CERT": str(certificate), "QUAYSIDE_TLS_KEY": str(key)}

    with serving(tmp_path, certificate=certificate, environ=environ) as (client, _):
        answer = client.get("/healthz")

    assert (answer.url.scheme, answer.status_code) == ("https", 200)


def test_a_certificate_without_its_key_is_refused(tmp_path: Path, call: Call) -> None:
    certificate, _ = make_certificate(tmp_path)

    code, output, errors = call(
        "serve", QUAYSIDE_TLS_CERT=str(certificate), QUAYSIDE_TLS_KEY=str(certificate)
    )

    assert (code, output) == (1, "")
    assert errors.startswith("TLS_CERT and TLS_KEY must hold a certificate and its key: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "environ", "sentence"),
    [
        (("--workers", "0"), {}, "--workers must be at least 1."),
        (
            ("--workers", "2"),
            {"QUAYSIDE_BLOB_URL": "memory:"},
            "BLOB_URL must not be memory: with several workers, since they share no memory.",
        ),
    ],
)
def test_workers_that_cannot_work_are_refused(
    call: Call, arguments: tuple[str, ...], environ: dict[str, str], sentence: str
) -> None:
    assert call("serve", *arguments, **environ) == (1, "", f"{sentence}\n")


def test_a_worker_runs_jobs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    provide_registry(tmp_path)
    with sqlite3.connect(tmp_path / "data" / "quayside.db") as connection:
        connection.execute(
            "INSERT INTO job (kind, payload, state, run_at_ms, attempts, created_at_ms)"
            " VALUES ('job.forget', '{}', 'waiting', 0, 0, 0)"
        )
    connection.close()

    process = subprocess.Popen(
        [sys.executable, "-m", "quayside", "worker", "--only", "job.forget"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for_job(process, tmp_path / "data" / "quayside.db")
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=START_TIMEOUT_S)

    assert (process.returncode, output) == (0, "")


def wait_for_job(process: subprocess.Popen[str], database: Path) -> None:
    """Wait until the job that has been due since 1970 is done."""
    deadline = time.monotonic() + START_TIMEOUT_S
    connection = sqlite3.connect(database)
    try:
        while connection.execute("SELECT state FROM job WHERE created_at_ms = 0").fetchone() != ("done",):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        connection.close()


def test_a_worker_for_an_unknown_kind_is_refused(call: Call) -> None:
    code, output, errors = call("worker", "--only", "nothing")

    assert (code, output) == (1, "")
    assert errors.startswith("There is no kind of job 'nothing'; there are ")


def test_doctor_reports_problems_and_changes_nothing(tmp_path: Path, call: Call) -> None:
    data = tmp_path / "data"
    data.mkdir()
    key = data / "secret.key"
    key.write_text("k" * 32)
    key.chmod(0o644)

    of_root = (
        "BUILD_UNSAFE_ROOT is on: where user namespaces are missing, whoever may push runs programs as root"
        " of the machine."
    )
    # Also a machine that cannot build
    unsafe = {"QUAYSIDE_BUILD_UNSAFE_ROOT": "true", "PATH": "/nowhere"}
    code, output, errors = call("doctor", QUAYSIDE_HOST="0.0.0.0", QUAYSIDE_PORT="8080", **unsafe)

    missing = (
        "Builds wait unless another machine takes them: The program buildah is not installed on this machine."
        " The program git is not installed, so that triggers cannot be activated."
    )
    unreachable = (
        "Clients cannot reach http://0.0.0.0:8080; set PUBLIC_URL to what they use, or ALLOWED_HOSTS to its"
        " names."
    )
    assert [line for line in output.splitlines() if not re.search(" (port|space): ", line)] == [
        f"ok      data directory: {data}",
        f"failed  secret key: {key} can be read by others than its owner (mode 644).",
        f"ok      database: {data}/quayside.db, made at the first start",
        "ok      stored secrets: none before the first start",
        "ok      blob store: file",
        "ok      blobs: none before the first start",
        "ok      superusers: none are named in SUPERUSERS",
        "ok      mailboxes: none before the first start",
        f"failed  public address: {unreachable}",
        "ok      proxies: none that is not in TRUSTED_PROXIES was seen of late",
        "ok      TLS: not set; most clients demand HTTPS of any host but this one",
        f"warn    builds: {of_root} {missing}",
        "ok      mail: no server is set; mails stay in the outbox, which `quayside mail list` shows",
    ]
    assert (code, errors) == (1, "")
    assert list(data.iterdir()) == [key]


def test_only_the_owner_can_read_the_database(tmp_path: Path, call: Call) -> None:
    def database() -> tuple[int, str]:
        code, output, _ = call("doctor")
        (line,) = (line for line in output.splitlines() if "database: " in line)
        return code, line

    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    with serving(tmp_path, makes_registry=True):
        modes = {path.name: path.stat().st_mode & 0o777 for path in data.glob("quayside.db*")}
    private = database()
    data.joinpath("quayside.db").chmod(0o640)
    readable = database()
    data.chmod(0o700)
    inaccessible = database()

    assert modes == dict.fromkeys((f"quayside.db{end}" for end in ("", "-shm", "-wal", ".migrate")), 0o600)
    assert private == inaccessible == (0, "ok      database: sqlite, at the schema of this version")
    assert readable == (
        0,
        (
            f"warn    database: {data}/quayside.db can be read by others than its owner (mode 640 in a"
            " directory of mode 755); chmod 600 it."
        ),
    )


def test_doctor_warns_of_a_proxy_that_is_not_trusted(tmp_path: Path, call: Call) -> None:
    def proxies(**environ: str) -> tuple[int, str]:
        code, output, _ = call("doctor", **environ)
        (line,) = (line for line in output.splitlines() if "proxies: " in line)
        return code, line

    all_one = "limits, logs and sign-ins take all its clients for one address."
    with serving(tmp_path) as (client, _):
        client.get("/healthz", headers={"X-Forwarded-For": "198.51.100.7"})
        deadline = time.monotonic() + 10
        while (seen := proxies())[1].startswith("ok") and time.monotonic() < deadline:
            time.sleep(0.1)
        trusted = proxies(QUAYSIDE_TRUSTED_PROXIES="127.0.0.0/8")
        by_address = proxies(QUAYSIDE_PUBLIC_URL="https://registry.example")

    assert seen == (
        0,
        f"warn    proxies: 127.0.0.1 forwards requests of others, but is not in TRUSTED_PROXIES: {all_one}",
    )
    assert trusted == (0, "ok      proxies: none that is not in TRUSTED_PROXIES was seen of late")
    assert by_address == (
        0,
        (
            "warn    proxies: PUBLIC_URL is https://registry.example without a TLS_CERT, so that a proxy is"
            f" in front, but TRUSTED_PROXIES names none: {all_one}"
        ),
    )


def test_doctor_reports_a_database_that_does_not_answer(call: Call) -> None:
    environ = {
        "QUAYSIDE_DATABASE_URL": f"postgresql://quay:hunter2@127.0.0.1:{free_port()}/registry",
        "QUAYSIDE_SECRET_KEY": "k" * 32,
    }

    code, output, errors = call("doctor", **environ)

    assert code == 1
    (failed,) = [line for line in output.splitlines() if line.startswith("failed")]
    assert failed.startswith("failed  database: The database does not answer: ")
    assert "hunter2" not in output + errors

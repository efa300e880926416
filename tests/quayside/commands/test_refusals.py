"""What is wrong with what a registry needs, as one sentence: at the start, and in `doctor`."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from quayside.cli import main
from quayside.settings.settings import Settings
from resolvers.keys import own_key
from tests.certificates import make_certificate
from tests.factories import Factory
from tests.plugins import postgres
from tests.plugins.databases import TEST_DB
from tests.process import ROOT, environment, free_port, log_of, outcome, run, serving

KEY, OTHER_KEY = "k" * 32, "o" * 32
Findings = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def findings(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Findings:
    """Runs `doctor` in this process, with variables; result and finding by the name of the check."""

    def look(**environ: str) -> dict[str, tuple[str, str]]:
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        with monkeypatch.context() as patched:
            for name, value in environ.items():
                patched.setenv(name, value)
            main(["doctor"])
        rows = (line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
        return {head[8:]: (head[:8].strip(), finding) for head, finding in rows}

    return look


@pytest.fixture
def environ(settings_with_files: Settings, tmp_path: Path) -> dict[str, str]:
    """Variables of a registry with a database and blobs as files."""
    return {
        "QUAYSIDE_DATA_DIR": str(tmp_path),
        "QUAYSIDE_DATABASE_URL": settings_with_files.database_url,
        "QUAYSIDE_BLOB_URL": settings_with_files.blob_url,
        "QUAYSIDE_SECRET_KEY": KEY,
        "QUAYSIDE_PORT": str(free_port()),
    }


@pytest.fixture
async def filled(factory: Factory, settings_with_files: Settings) -> None:
    """An image, a robot, and a signing key, all encrypted with `KEY`."""
    await factory.user("ada")
    await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="latest")
    await factory.robot("ada+ci")
    await own_key.ensure(factory.context())


def lose_blobs(environ: dict[str, str]) -> None:
    root = Path(environ["QUAYSIDE_BLOB_URL"].removeprefix("file://"))
    root.rename(root.with_name("elsewhere"))


def sentence_of_key(what: str) -> str:
    return (
        f"The secret key is not the one with which this database was encrypted: {what} cannot be read. Bring "
        "back the old key, in secret.key of the data directory or in SECRET_KEY, where it may stand behind a"
        " new one."
    )


async def test_doctor_decrypts_and_looks_up(
    filled: None, environ: dict[str, str], findings: Findings
) -> None:
    found = await asyncio.to_thread(findings, **environ)

    assert found["stored secrets"] == ("ok", "2 decrypted")
    assert found["blobs"] == ("ok", "2 looked up")
    assert found["port"] == ("ok", f"127.0.0.1:{environ['QUAYSIDE_PORT']}, free")


async def test_another_key_is_noticed(filled: None, environ: dict[str, str], findings: Findings) -> None:
    other = environ | {"QUAYSIDE_SECRET_KEY": OTHER_KEY}

    sentence = sentence_of_key("the key that signs registry tokens, tokens of robots")
    assert (await asyncio.to_thread(findings, **other))["stored secrets"] == ("failed", sentence)
    for command in ("serve", "worker"):
        completed = await asyncio.to_thread(run, Path(environ["QUAYSIDE_DATA_DIR"]), command, **other)
        assert (completed.returncode, completed.stdout, completed.stderr.splitlines()[-1]) == (
            1,
            "",
            sentence,
        )

    both = environ | {"QUAYSIDE_SECRET_KEY": f"{OTHER_KEY},{KEY}"}
    assert (await asyncio.to_thread(findings, **both))["stored secrets"] == ("ok", "2 decrypted")


async def test_lost_blobs_are_noticed_and_the_server_starts(
    filled: None, environ: dict[str, str], findings: Findings, tmp_path: Path
) -> None:
    lose_blobs(environ)

    result, finding = (await asyncio.to_thread(findings, **environ))["blobs"]

    assert result == "failed"
    assert finding.startswith("The blob store lacks 2 of 2 blobs that were looked up, such as sha256:")
    assert finding.endswith("; bring its content back from a backup, or correct BLOB_URL.")
    with serving(tmp_path, "--no-jobs", environ=environ | {"QUAYSIDE_HOST": "127.0.0.1"}) as (client, _):
        assert client.get("/healthz").status_code == 200
    assert [line["message"] for line in log_of(tmp_path) if line["level"] == "ERROR"] == [finding]


def test_a_key_that_is_lost_is_noticed(tmp_path: Path, findings: Findings) -> None:
    findings()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "quayside.db").touch()

    result, finding = findings()["secret key"]

    assert (result, finding[:26]) == ("failed", "The secret key is missing:")
    assert outcome(run(tmp_path, "serve", "--port", str(free_port()))) == (2, "", f"{finding}\n")


def test_a_port_in_use_ends_the_start_before_anything_is_made(tmp_path: Path, findings: Findings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        completed = run(tmp_path, "serve", "--port", port)
        found = findings(QUAYSIDE_PORT=port)["port"]

    sentence = (
        f"The server cannot listen on 127.0.0.1:{port}: another program listens there; stop it, or choose "
        "another with --port."
    )
    assert outcome(completed) == (1, "", f"{sentence}\n")
    assert found == ("failed", sentence)
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_another_machine_is_refused(findings: Findings) -> None:
    assert findings(QUAYSIDE_HOST="192.0.2.1")["port"] == (
        "failed",
        "The server cannot listen on 192.0.2.1:8080: this machine does not have the address; correct HOST.",
    )


def test_a_server_on_all_addresses_says_what_clients_are_told(tmp_path: Path, findings: Findings) -> None:
    everywhere = {"QUAYSIDE_HOST": "0.0.0.0", "QUAYSIDE_PORT": str(free_port())}
    told = f"http://0.0.0.0:{everywhere['QUAYSIDE_PORT']}"

    unnamed = findings(**everywhere)["public address"]
    named = findings(**everywhere, QUAYSIDE_ALLOWED_HOSTS="registry.example")["public address"]

    assert unnamed == (
        "failed",
        f"Clients cannot reach {told}; set PUBLIC_URL to what they use, or ALLOWED_HOSTS to its names.",
    )
    assert named == ("ok", f"{told}, or as asked for registry.example")
    with serving(tmp_path, "--no-jobs", "--host", "0.0.0.0") as (client, _):
        told = f"http://0.0.0.0:{client.base_url.port}"
    (line,) = [line for line in log_of(tmp_path) if "clients are told" in str(line["message"])]
    assert (line["level"], line["public_url"]) == ("WARNING", told)
    assert line["message"] == (
        f"clients are told the address {told}, which is none that they can reach; set PUBLIC_URL to the one"
        " that they use, or ALLOWED_HOSTS to its names"
    )


@pytest.mark.parametrize("entry", [("-m", "quayside"), ("-c", "from quayside.cli import main")], ids=" ".join)
def test_an_older_python_gets_a_sentence(tmp_path: Path, entry: tuple[str, str]) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 10, 2, 'final', 0)\n")

    completed = subprocess.run(
        [sys.executable, *entry],
        env=environment() | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    version = sys.version.split()[0]
    sentence = f"quayside needs Python 3.11 or newer; {sys.executable} is {version}.\n"
    assert outcome(completed) == (1, "", sentence)


@pytest.fixture(scope="module")
def guarded_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A PostgreSQL that demands TLS and passwords: `host:port`, and the certificate that it shows."""
    programs = postgres.installed()
    if TEST_DB != "postgres" or programs is None:
        pytest.skip("a PostgreSQL of its own is started with TEST_DB=postgres")
    server = postgres.start(programs)
    try:
        certificate, key = make_certificate(server.directory / "data")
        key.chmod(0o600)
        if os.geteuid() == 0:
            for path in (certificate, key):
                os.chown(path, *[server.directory.stat().st_uid] * 2)
        asyncio.run(_guard(server))
        public = tmp_path_factory.mktemp("postgres") / "ca.pem"
        public.write_bytes(certificate.read_bytes())
        yield f"127.0.0.1:{server.port}", public
    finally:
        server.stop()


async def _guard(server: postgres.Server) -> None:
    connection = await asyncpg.connect(f"{server.address}postgres")
    for statement in (
        "CREATE ROLE registry LOGIN PASSWORD 'right'",
        "CREATE ROLE stranger LOGIN PASSWORD 'right'",
        "CREATE DATABASE registry OWNER registry",
        "ALTER SYSTEM SET ssl = on",
        "ALTER SYSTEM SET ssl_cert_file = 'cert.pem'",
        "ALTER SYSTEM SET ssl_key_file = 'key.pem'",
    ):
        await connection.execute(statement)
    (server.directory / "data" / "pg_hba.conf").write_text(
        "hostssl all registry 127.0.0.1/32 scram-sha-256\n"
        "hostssl all stranger 127.0.0.1/32 scram-sha-256\n"
        "host all quayside 127.0.0.1/32 trust\n"
    )
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


REFUSED = {
    "password": ("registry:wrong@{place}/registry", "{server} refuses the password of the role registry, "),
    "role": (
        "nobody:right@{place}/registry",
        "{server} does not let in the role nobody (no pg_hba.conf entry",
    ),
    "database": (
        "registry:right@{place}/other",
        "{server} has no database other; create it, or correct DATABASE_URL.",
    ),
    "certificate": (
        "registry:right@{place}/registry?sslmode=verify-full&sslrootcert={other}",
        "The certificate of {server} is not trusted (",
    ),
    "no certificate": (
        "registry:right@{place}/registry?sslmode=verify-full&sslrootcert=/no/such/file",
        "DATABASE_URL cannot be used: ",
    ),
    "rights": (
        "stranger:right@{place}/registry",
        "{server} does not allow the role stranger what it needs (permission denied for ",
    ),
}
"""Addresses that PostgreSQL refuses, and how the sentence begins that says why."""


@pytest.mark.parametrize(("url", "beginning"), REFUSED.values(), ids=REFUSED)
def test_what_postgresql_refuses_is_one_sentence(
    guarded_postgres: tuple[str, Path],
    tmp_path: Path,
    url: str,
    beginning: str,
    findings: Findings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, certificate = guarded_postgres
    other, _ = make_certificate(tmp_path)
    monkeypatch.setenv("QUAYSIDE_SECRET_KEY", KEY)
    good = f"postgresql://registry:right@{place}/registry?sslmode=verify-full&sslrootcert={certificate}"
    monkeypatch.setenv("QUAYSIDE_DATABASE_URL", good)
    assert main(["migrate"]) == 0
    assert findings(QUAYSIDE_DATABASE_URL=good)["database"][0] == "ok"
    bad = "postgresql://" + url.format(place=place, other=other)

    result, finding = findings(QUAYSIDE_DATABASE_URL=bad)["database"]
    monkeypatch.setenv("QUAYSIDE_DATABASE_URL", bad)
    code = main(["gc"])

    output, errors = capsys.readouterr()
    assert (result, code, output, errors) == ("failed", 1, "", f"{finding}\n")
    assert finding.startswith(beginning.format(server=f"PostgreSQL at {place}"))
    assert "right" not in finding.replace("rights", "")
    assert "wrong" not in finding

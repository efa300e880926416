"""docs/operate.md, block by block as printed: installed from a wheel, behind nginx, backed up, restored."""

import asyncio
import fcntl
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest
from websockets.sync.client import connect

from quayside.cli import main
from quayside.version import __version__
from storage.copies import copy_path
from tests.certificates import make_certificate
from tests.process import ROOT, START_TIMEOUT_S, free_port, wait_until_ready
from tests.quayside.registry import kit

PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
HOST = "registry.example.com"


def blocks(heading: str, language: str) -> list[str]:
    """The fenced blocks of a section, in a language."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@dataclass
class Machine:
    """A directory in place of the root of a machine, and ports of its own; all else is as on the page."""

    root: Path
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("8080", "8443", "443")}
    )

    def here(self, text: str) -> str:
        for path, directory in (
            ("/opt/quayside", "opt"),
            ("/etc/quayside", "etc"),
            ("/var/lib/quayside", "data"),
            ("/var/backups/quayside", "backup"),
        ):
            text = text.replace(path, str(self.root / directory))
        text = text.replace("pip install", "pip install --no-index --no-deps --disable-pip-version-check")
        return text.replace("python3 -m venv", f"{sys.executable} -m venv").replace(
            "8443", str(self.ports["8443"])
        )

    def shell(self, script: str) -> str:
        """Run a block; its output. Fails unless it succeeds."""
        completed = subprocess.run(
            ["sh", "-e", "-c", self.here(script)],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, f"{script}\n{completed.stdout}{completed.stderr}"
        return completed.stdout

    @property
    def environment(self) -> dict[str, str]:
        # No PYTHONPATH: what runs is what the wheel brought.
        return {"PATH": os.environ["PATH"], "QUAYSIDE_CONFIG": str(self.root / "etc" / "quayside.toml")}

    def configure(self) -> None:
        """Write the settings of the page, and listen on a port that is free."""
        self.shell(blocks("Install", "sh")[1])
        with (self.root / "etc" / "quayside.toml").open("a") as file:
            file.write(f"port = {self.ports['8080']}\n")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, shared_directory: Path) -> Machine:
    """A machine with the wheel of these sources, installed once for all workers, and configured."""
    installed = shared_directory / "opt"
    root = tmp_path_factory.mktemp("machine")
    with (shared_directory / "opt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists():
            install(Machine(shared_directory))
    (root / "opt").symlink_to(installed)
    for wheel in shared_directory.glob("quayside-*.whl"):
        shutil.copy(wheel, root)
    made = Machine(root)
    made.configure()
    made.shell(blocks("Install", "sh")[2])
    return made


def install(machine: Machine) -> None:
    """Build a wheel of these sources and install it as the page says."""
    wheel = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, "-w", machine.root, ROOT], check=True, capture_output=True)
    environment, rest = blocks("Install", "sh")[0].split("\n", 1)
    machine.shell(environment)
    # The libraries come from the environment of the tests, since no index is asked.
    (packages,) = (machine.root / "opt" / "lib").glob("python3*/site-packages")
    (packages / "libraries.pth").write_text(f"{Path(httpx.__file__).parents[1]}\n")
    assert machine.shell(rest).endswith(f"quayside {__version__} (schema {revision()})\n")


def revision() -> str:
    return max(path.stem for path in (ROOT / "storage" / "migrations").glob("0*.py"))


@pytest.fixture
def served(machine: Machine) -> Iterator[httpx.Client]:
    with serving(machine) as client:
        yield client


@contextmanager
def serving(machine: Machine) -> Iterator[httpx.Client]:
    """The server of the page, as its unit starts it."""
    machine.configure()
    (command,) = re.findall(r"^ExecStart=(.*)$", blocks("The service", "ini")[0], re.MULTILINE)
    with (machine.root / "log").open("w") as log:
        process = subprocess.Popen(machine.here(command).split(), env=machine.environment, stderr=log)
    with process, httpx.Client(base_url=f"http://127.0.0.1:{machine.ports['8080']}") as client:
        try:
            wait_until_ready(client, process, machine.root)
            yield client
        finally:
            client.close()
            process.terminate()


def test_the_wheel_serves_pages_documentation_and_what_is_watched(served: httpx.Client) -> None:
    page = served.get("/", headers={"Accept": "text/html"}).text
    assets = re.findall(r'href="(/graphql/assets/[^"]+)"', page)

    assert f"docker login {HOST}" in page
    assert [served.get(asset).status_code for asset in assets] == [200]
    assert served.get("/docs/operate.md").text == PAGE
    assert served.get("/graphql", headers={"Accept": "text/html"}).status_code == 200
    families = set(re.findall(r"^# TYPE (\w+)", served.get("/metrics").text, re.MULTILINE))
    named = set(re.findall(r"quayside_\w+", PAGE.split("\n## What to watch\n")[1]))
    assert named
    assert named <= families


def test_the_unit_is_valid(machine: Machine) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = machine.root / "quayside.service"
    unit.write_text(machine.here(blocks("The service", "ini")[0]))

    completed = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )

    assert (completed.returncode, [line for line in completed.stderr.splitlines() if unit.name in line]) == (
        0,
        [],
    )


@pytest.fixture
def nginx(machine: Machine) -> Iterator[ssl.SSLContext]:
    """nginx with the server of the page; the context that trusts its certificate."""
    certificate, _ = make_certificate(machine.root / "etc", HOST)
    server = machine.here(blocks("nginx in front", "nginx")[0])
    server = server.replace("listen 443", f"listen 127.0.0.1:{machine.ports['443']}")
    server = server.replace("127.0.0.1:8080", f"127.0.0.1:{machine.ports['8080']}")
    (machine.root / "server.conf").write_text(server)
    scratch = machine.root / "nginx"
    scratch.mkdir(exist_ok=True)
    paths = "\n".join(
        f"{name}_temp_path {scratch}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = machine.root / "nginx.conf"
    configuration.write_text(
        f"{'user root;' if os.geteuid() == 0 else ''}\ndaemon off;\npid {scratch}/pid;\n"
        f"error_log {scratch}/error;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}\ninclude {machine.root}/server.conf;\n}}\n"
    )
    command = ["nginx", "-p", scratch, "-e", scratch / "error", "-c", configuration]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command)
    context = ssl.create_default_context(cafile=certificate)
    with process:
        try:
            yield context
        finally:
            process.terminate()


@pytest.mark.needs("nginx")
def test_pushes_and_sockets_pass_nginx(machine: Machine, served: httpx.Client, nginx: ssl.SSLContext) -> None:
    port = machine.ports["443"]
    address = f"https://127.0.0.1:{port}"
    content = os.urandom(3 * 1024 * 1024)
    with httpx.Client(base_url=address, verify=nginx, headers={"Host": HOST}) as client:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                told = client.get("/").json()
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                break
        challenge = client.get("/v2/").headers["WWW-Authenticate"]
        pushed = push(machine, client, content)

    assert told["url"] == f"https://{HOST}"
    assert f'realm="https://{HOST}/v2/auth"' in challenge
    assert pushed == 201
    with connect(
        f"wss://127.0.0.1:{port}/graphql",
        ssl=nginx,
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
        proxy=None,
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv())["type"] == "connection_ack"


def test_tls_without_a_proxy(machine: Machine) -> None:
    make_certificate(machine.root / "etc", HOST)

    found = machine.shell(blocks("TLS without a proxy", "sh")[0])

    assert "ok      TLS: cert.pem and its key" in found
    assert f"ok      port: 0.0.0.0:{machine.ports['8443']}, free" in found


def push(machine: Machine, client: httpx.Client, content: bytes) -> int:
    """Push a blob as ada; the status."""
    password = (machine.root / "password.txt").read_text().strip()
    scope = {"scope": "repository:ada/app:pull,push"}
    token = client.get("/v2/auth", params=scope, auth=("ada", password)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    upload = client.post("/v2/ada/app/blobs/uploads/", headers=headers).headers["Location"]
    digest = {"digest": kit.digest_of(content)}
    return client.put(upload, params=digest, content=content, headers=headers).status_code


def test_a_backup_of_a_running_registry_is_restored(machine: Machine) -> None:
    with serving(machine) as client:
        assert push(machine, client, b"layer") == 201
        machine.shell(blocks("Backup", "sh")[0])
    machine.shell("/opt/quayside/bin/quayside admin disable-user ada")
    shutil.rmtree(machine.root / "data" / "blobs")

    found = machine.shell(blocks("Restore", "sh")[0])

    assert "failed" not in found
    assert re.search(r"^ok      blobs: [12] looked up$", found, re.MULTILINE)
    (ada,) = machine.shell("/opt/quayside/bin/quayside admin list-users --json").splitlines()
    assert json.loads(ada)["enabled"] is True


def test_an_upgrade_and_the_way_back(machine: Machine) -> None:
    machine.configure()

    install = machine.shell(blocks("Upgrade, and the way back", "sh")[0])

    assert f"Processing ./quayside-{__version__}-py3-none-any.whl" in install

    # The name in the way back is one that a copy has.
    (name,) = re.findall(
        r"cp (quayside\.db\.\S+) quayside\.db", blocks("Upgrade, and the way back", "console")[0]
    )
    made = copy_path(machine.root / "quayside.db", "0017_blob_state").name
    assert re.sub(r"\d{8}T\d{6}Z", "", name) == re.sub(r"\d{8}T\d{6}Z", "", made)


def test_a_lost_password_and_a_lost_key(machine: Machine) -> None:
    machine.configure()
    listed = machine.shell(blocks("A lost password, a stolen token", "sh")[0])
    assert listed.startswith("ada\temail=ada@example.com\tenabled=yes\t")
    assert len((machine.root / "password.txt").read_text().strip()) == 24

    (machine.root / "data" / "secret.key").unlink()
    machine.shell(blocks("A lost key", "sh")[0])

    assert "failed" not in machine.shell("/opt/quayside/bin/quayside doctor")


async def test_postgresql_step_by_step(
    postgres_address: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if postgres_address is None:
        pytest.skip("a PostgreSQL is started with TEST_DB=postgres")
    name = f"operate_{os.getpid()}"
    connection = await asyncpg.connect(f"{postgres_address}postgres")
    try:
        for statement in blocks("PostgreSQL", "sql")[0].replace("quayside", name).split(";"):
            if statement.strip():
                await connection.execute(statement)
        given = tomllib.loads(blocks("PostgreSQL", "toml")[0])
        place = postgres_address.rpartition("@")[2].rstrip("/")
        url = given["database_url"].replace("quayside", name).replace("127.0.0.1:5432", place)
        monkeypatch.setenv("QUAYSIDE_DATABASE_URL", url)
        monkeypatch.setenv("QUAYSIDE_SECRET_KEY", given["secret_key"])
        monkeypatch.setenv("QUAYSIDE_DATA_DIR", str(tmp_path))

        code = await asyncio.to_thread(main, ["migrate"])

        assert (code, capsys.readouterr().out.splitlines()[-1]) == (0, revision())
    finally:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'DROP ROLE IF EXISTS "{name}"')
        await connection.close()

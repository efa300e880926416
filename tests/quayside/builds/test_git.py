"""Git: repositories asked and fetched in the sandbox, by a real sshd, and what is refused on the way."""

import asyncio
import base64
import http.server
import os
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from quayside.builds.buildah import Buildah
from quayside.builds.executor import BuildOrder
from quayside.builds.git import program
from quayside.builds.git.clone import Cloned, clone
from quayside.builds.git.location import parse_location
from quayside.builds.git.program import GitProgram
from quayside.builds.git.proxy import Proxy
from resolvers.builds.builder import BuildFailed, BuildLimits
from resolvers.builds.git import GitCommit, GitFailed, GitRemote, make_key_pair
from resolvers.errors import Invalid
from resolvers.outbound.client import Outbound
from tests.certificates import make_certificate
from tests.git_server import AUTHOR, GitServer, git_serving

IDS = (1 << 30) + (4096 + os.getpid() % 4096) * 2 * 65_536
LIMITS = BuildLimits(timeout_s=60, memory_bytes=1 << 30, disk_bytes=1 << 30)
LOOPBACK = Outbound(["127.0.0.1"])
KEYS = make_key_pair("deploy key")
pytestmark = pytest.mark.needs("git", "sshd")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A server that lets the deploy key in, with a repository `app`."""
    with git_serving(tmp_path_factory.mktemp("git")) as found:
        found.allow(KEYS.public)
        found.make_repository("app", Dockerfile="FROM scratch\n")
        yield found


class Cloning:
    """Fetches commits into a directory."""

    def __init__(self, directory: Path) -> None:
        self.driver = Buildah(directory, ids=IDS)
        self.order = BuildOrder(directory / "build", directory / "layers", IDS, LIMITS)
        self.context = self.order.layout.parent / "context"
        self.lines = list[str]()

    async def tell(self, lines: Sequence[str]) -> None:
        self.lines += lines

    async def clone(self, commit: GitCommit) -> Cloned:
        await self.driver.prepare(self.order)
        return await clone(LOOPBACK, commit, self.order, self.tell)

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.context)): path.read_text()
            for path in self.context.rglob("*")
            if path.is_file()
        }


@pytest.fixture
async def cloning(tmp_path: Path) -> Cloning:
    return Cloning(tmp_path)


@pytest.mark.parametrize("user", [0, 1000], ids=["sandbox", "process"])
async def test_branches_and_tags_are_listed_with_their_commits(
    user: int, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = server.make_repository(f"listed-{user}")
    server.git(f"listed-{user}", "tag", "-a", "v1", "-m", "one")
    second = server.commit(f"listed-{user}")
    monkeypatch.setattr(program.os, "geteuid", lambda: user)

    found, reached = await GitProgram(tmp_path, LOOPBACK).references(
        GitRemote(server.url(f"listed-{user}"), KEYS.private)
    )

    assert found.default_branch == "main"
    assert found.commits == {"refs/heads/main": second, "refs/tags/v1": first}
    assert reached.known_hosts.startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")


async def test_a_commit_is_fetched_with_submodules_and_without_what_belongs_to_git(
    server: GitServer, cloning: Cloning
) -> None:
    deep = server.make_repository("deep", deep="3")
    part = server.make_repository("part", part="2")
    part = server.commit("part", modules={"below": ("../deep", deep)})
    server.commit("part", part="later")
    commit = server.make_repository("whole", Dockerfile="FROM scratch\n")
    commit = server.commit("whole", modules={"vendor": (server.url("part"), part)}, one="1")
    server.commit("whole", one="later")
    remote = GitRemote(server.url("whole"), KEYS.private)

    cloned = await cloning.clone(GitCommit(remote, commit))

    files = cloning.files()
    assert {name: text for name, text in files.items() if not name.endswith(".gitmodules")} == {
        "Dockerfile": "FROM scratch\n",
        "one": "1",
        "vendor/part": "2",
        "vendor/below/deep": "3",
    }
    assert cloned.commit == commit
    assert cloned.known_hosts.count("\n") == 1
    assert cloning.lines == []


@pytest.mark.parametrize("length", [7, 40])
async def test_a_commit_is_fetched_from_a_server_that_gives_tips_only(
    length: int, server: GitServer, cloning: Cloning
) -> None:
    pair = make_key_pair("old")
    server.allow(f'command="unset GIT_PROTOCOL; eval $SSH_ORIGINAL_COMMAND" {pair.public}')
    name = f"old-{length}"
    commit = server.make_repository(name, one="1")
    server.commit(name, one="2")
    # It is not a commit that a tag names by chance.
    server.git(name, "tag", commit[:7])

    cloned = await cloning.clone(
        GitCommit(GitRemote(server.url(name), pair.private), commit[:length], "refs/heads/main")
    )

    assert (cloned.commit, cloning.files()) == (commit, {"one": "1"})


LOOK = """
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ > {out} 2>/dev/null
grep -rlsF -f {text} {places} >> {out}
eval "$SSH_ORIGINAL_COMMAND"
"""
"""What the server does while it is asked by this machine: it looks for a text there."""


@pytest.mark.parametrize("user", [0, 1000], ids=["sandbox", "process"])
async def test_a_private_key_is_on_no_disk_and_no_command_line(
    user: int, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, out, text = make_key_pair("watched"), server.directory / "out", server.directory / "text"
    word = pair.private.splitlines()[2]
    text.write_text(word)
    places = f"{tmp_path} {tempfile.gettempdir()}/quayside-git-*"
    (server.directory / "look").write_text(LOOK.format(out=out, text=text, places=places))
    server.allow(f'command="sh {server.directory}/look" {pair.public}')
    monkeypatch.setattr(program.os, "geteuid", lambda: user)

    await GitProgram(tmp_path, LOOPBACK).references(GitRemote(server.url("app"), pair.private))

    seen = out.read_text(errors="replace")
    assert "ls-remote" in seen
    assert word not in seen
    assert "quayside-git-" not in seen.rsplit("\0", 1)[1]


async def test_a_host_whose_key_has_changed_is_refused(tmp_path: Path, cloning: Cloning) -> None:
    git = GitProgram(tmp_path, LOOPBACK)
    with git_serving(tmp_path / "server") as server:
        server.allow(KEYS.public)
        commit = server.make_repository("app")
        _, reached = await git.references(GitRemote(server.url("app"), KEYS.private))
    remote = GitRemote(server.url("app"), KEYS.private, reached.known_hosts)
    sentence = "The host key of 127.0.0.1 is not the one that was noted at first use"

    with git_serving(tmp_path / "server", port=server.port):
        with pytest.raises(GitFailed, match=sentence):
            await git.references(remote)
        with pytest.raises(BuildFailed, match=sentence):
            await cloning.clone(GitCommit(remote, commit))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"private_key": make_key_pair("other").private}, "127.0.0.1 refuses the key: "),
        ({"url": "none"}, "127.0.0.1 has no such repository, or the key may not read it."),
        ({"commit": "1" * 40}, "The repository has no such commit."),
    ],
    ids=["wrong key", "no repository", "no commit"],
)
async def test_a_failure_is_told_in_a_sentence(
    change: dict[str, str], sentence: str, server: GitServer, cloning: Cloning
) -> None:
    found = {"url": "app", "private_key": KEYS.private, "commit": "HEAD"} | change
    commit = server.git("app", "rev-parse", "HEAD") if found["commit"] == "HEAD" else found["commit"]
    remote = GitRemote(server.url(found["url"]), found["private_key"])

    with pytest.raises(BuildFailed, match=f"^The repository cannot be fetched: {sentence}"):
        await cloning.clone(GitCommit(remote, commit))
    assert KEYS.private.splitlines()[1] not in "\n".join(cloning.lines)


@pytest.mark.parametrize(
    ("url", "asked", "uri"),
    [
        ("https://example.com/a/b.git", "https://example.com/a/b.git", "git+https://example.com/a/b.git"),
        ("https://Bücher.example:8443/a", "https://xn--bcher-kva.example:8443/a", None),
        ("ssh://git@[2001:db8::1]:2222/~a/b", "ssh://git@[2001:db8::1]:2222/~a/b", None),
        ("ssh://git@example.com:22/a", "ssh://git@example.com:22/a", "git+ssh://example.com/a"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git", "git+ssh://example.com/a/b.git"),
    ],
)
def test_a_url_is_asked_by_the_name_that_was_judged(url: str, asked: str, uri: str | None) -> None:
    found = parse_location(url)

    assert found.url == asked
    assert uri is None or found.uri == uri


@pytest.mark.parametrize(
    "url",
    [
        "/srv/app",
        "file:///srv/app",
        "http://example.com/app.git",
        "git://example.com/app.git",
        "ext::sh -c true",
        "ext::sh",
        "https://user@example.com/app.git",
        "https://user:word@example.com/app.git",
        "ssh://git:word@example.com/app.git",
        "ssh://example.com/app.git",
        "ssh://git@-oProxyCommand=true/app.git",
        "-oProxyCommand=true@example.com:app.git",
        "git@example.com:-oProxyCommand=true",
        "git@$(true):app.git",
        "HTTPS://example.com/app.git",
        "https://example.com",
        "https://example.com/app.git?service=x",
        "https://example.com/app\n.git",
        "https://127.0.0.1/app.git",
        "https://[::1]/app.git",
        "ssh://git@169.254.169.254/app.git",
        "git@127.0.0.1:app.git",
    ],
)
async def test_a_url_that_may_not_be_asked_is_refused(url: str, tmp_path: Path) -> None:
    git = GitProgram(tmp_path, Outbound())

    with pytest.raises(Invalid):
        await git.check_url(url)
    with pytest.raises((Invalid, GitFailed), match=r"must|public internet"):
        await git.references(GitRemote(url, None))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://127.0.0.2/x", "The host 127.0.0.2 is not on the public internet."),
        ("https://127.0.0.1:5000/x", "127.0.0.1:5000 is not asked: repositories are at the ports "),
        ("file:///srv/x", "A submodule has an address that is not allowed"),
        ("http://127.0.0.1/x", "A submodule has an address that is not allowed"),
        ("ext::sh -c true", "A submodule has an address that is not allowed"),
    ],
)
async def test_a_submodule_that_is_where_it_may_not_be_is_refused(
    url: str, sentence: str, server: GitServer, cloning: Cloning
) -> None:
    server.git("app", "checkout", "-q", "-B", "elsewhere", "main")
    commit = server.commit("app", modules={"vendor": (url, "1" * 40)})

    with pytest.raises(BuildFailed, match=f"^The repository cannot be fetched: {sentence}"):
        await cloning.clone(GitCommit(GitRemote(server.url("app"), KEYS.private), commit))


async def test_submodules_of_submodules_come_to_an_end(
    server: GitServer, cloning: Cloning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quayside.builds.git.clone.MAXIMUM_DEPTH", 1)
    inner = server.make_repository("level-0")
    for number in range(1, 3):
        server.make_repository(f"level-{number}")
        inner = server.commit(f"level-{number}", modules={"below": (f"../level-{number - 1}", inner)})

    with pytest.raises(BuildFailed, match=r"git refuses: .*deeper into submodules of submodules$"):
        await cloning.clone(GitCommit(GitRemote(server.url("level-2"), KEYS.private), inner))


class Web(http.server.BaseHTTPRequestHandler):
    """Serves the repositories of a directory as git does by the web, except some that it leads elsewhere."""

    root: ClassVar[Path]
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", self.path.replace("moved", "app"))
            answer = b""
        elif self.path.startswith("/closed"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            answer = b""
        else:
            path, _, query = self.path.partition("?")
            given = {
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
            }
            ran = subprocess.run(
                ["git", "http-backend"], input=body, env=AUTHOR | given, capture_output=True, check=True
            )
            head, _, answer = ran.stdout.partition(b"\r\n\r\n")
            self.send_response(200)
            for line in head.decode().splitlines():
                self.send_header(*line.split(": ", 1))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


async def test_by_https_a_repository_is_reached_without_an_account_and_no_redirect_is_followed(
    server: GitServer, cloning: Cloning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Web, "root", server.directory, raising=False)
    certificate, key = make_certificate(tmp_path)
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    web.socket = tls.wrap_socket(web.socket, server_side=True)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    git, url = GitProgram(tmp_path, LOOPBACK), f"https://127.0.0.1:{web.server_address[1]}"
    commit = server.git("app", "rev-parse", "main")

    async def failure(name: str) -> str:
        with pytest.raises(GitFailed) as caught:
            await git.references(GitRemote(f"{url}/{name}", None))
        return caught.value.message

    try:
        assert await failure("app/.git") == "127.0.0.1 has no certificate that this server trusts."
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        cloned = await cloning.clone(GitCommit(GitRemote(f"{url}/app/.git", None), commit))
        assert await failure("moved/.git") == (
            "127.0.0.1 leads to another address; the repository must be given as that."
        )
        assert (await failure("closed/.git")).startswith("127.0.0.1 asks for an account: ")
    finally:
        web.shutdown()
        web.server_close()
    assert (cloned.commit, cloned.known_hosts) == (commit, "")
    assert cloned.uri == f"git+{url}/app/.git"
    assert cloning.files() == {"Dockerfile": "FROM scratch\n"}
    assert [path for path in Web.asked if not path.startswith("/app/.git/git-upload-pack")] == [
        f"/{name}/.git/info/refs?service=git-upload-pack" for name in ("app", "moved", "closed")
    ]


async def test_a_silent_server_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "ASK_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(GitFailed, match=r"^127.0.0.1 has not answered within 1 seconds.$"):
            await GitProgram(tmp_path, LOOPBACK).references(
                GitRemote(f"ssh://git@127.0.0.1:{port}/app", KEYS.private)
            )


async def test_the_way_out_serves_its_run_alone_and_bounds_what_comes(server: GitServer) -> None:
    location = parse_location(server.url("app"))
    proxy = Proxy(LOOPBACK, location, most_bytes=10)
    known = base64.b64encode(f"git:{proxy.token}".encode()).decode()

    async def asked(target: str, credentials: str) -> tuple[str, bytes]:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(
            f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {credentials}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        rest = await reader.read()
        writer.close()
        return head.decode().split()[1], rest

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with proxy.listening(listener):
            here = f"127.0.0.1:{server.port}"
            assert await asked(here, "x") == ("407", b"")
            assert await asked("127.0.0.2:22", known) == ("403", b"")
            assert await asked("127.0.0.1:25", known) == ("403", b"")
            # The greeting of sshd is longer.
            assert await asked(here, known) == ("200", b"")
    assert proxy.refusal == "The repository sends more than 10 bytes."

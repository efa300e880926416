"""A server of git repositories: Debian's sshd at a port of loopback, with a host key of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resolvers.builds.git import make_key_pair
from tests.process import free_port
from tests.waiting import wait_for

AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "file:https:ssh",
    "PATH": os.environ["PATH"],
}


class GitServer:
    """Repositories below a directory. Whoever has a private key of `allow` reads and writes all of them."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port

    def url(self, name: str) -> str:
        """The URL of a repository by ssh."""
        return f"ssh://root@127.0.0.1:{self.port}{self.directory / name}"

    def allow(self, public_key: str) -> None:
        """Let a key in."""
        with (self.directory / "authorized_keys").open("a") as file:
            file.write(public_key + "\n")

    def make_repository(self, name: str, **files: str) -> str:
        """A repository with one commit on `main`; the commit."""
        subprocess.run(
            ["git", "init", "-q", "--template=", "-b", "main", str(self.directory / name)],
            env=AUTHOR,
            check=True,
        )
        return self.commit(name, **files)

    def commit(self, name: str, *, modules: dict[str, tuple[str, str]] | None = None, **files: str) -> str:
        """Commit files, and submodules by their paths with URL and commit; the new commit."""
        tree = self.directory / name
        for path, text in files.items():
            (tree / path).write_text(text)
        if modules:
            (tree / ".gitmodules").write_text(
                "".join(
                    f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n'
                    for path, (url, _) in modules.items()
                )
            )
        self.git(name, "add", "--all")
        for path, (_, commit) in (modules or {}).items():
            self.git(name, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        self.git(name, "commit", "-q", "--allow-empty", "-m", "change")
        return self.git(name, "rev-parse", "HEAD")

    def git(self, name: str, *arguments: str) -> str:
        """Run git in a repository; what it prints."""
        command = ["git", "-C", str(self.directory / name), *arguments]
        return subprocess.run(command, env=AUTHOR, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def git_serving(directory: Path, *, port: int = 0) -> Iterator[GitServer]:
    """A server while the block runs. At the `port` of an earlier one it is that with another key."""
    directory.mkdir(exist_ok=True)
    port = port or free_port()
    # It starts itself again, for which it must know its whole path.
    program = shutil.which("sshd")
    assert program
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    key, configuration = directory / "host_key", directory / "sshd_config"
    key.unlink(missing_ok=True)
    key.touch(mode=0o600)
    key.write_text(make_key_pair("host").private)
    (directory / "authorized_keys").touch()
    configuration.write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {key}\nAuthorizedKeysFile {directory}/authorized_keys\n"
        "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nPidFile none\n"
        "KbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\n"
    )
    written = directory / "sshd.log"
    with written.open("w") as log:
        process = subprocess.Popen(
            [program, "-D", "-e", "-f", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        wait_for(written.read_text, lambda text: f"Server listening on 127.0.0.1 port {port}." in text)
        yield GitServer(directory, port)
    finally:
        process.terminate()
        process.wait()

"""How git and ssh are locked in: the whole of their configuration, in variables and in files of our own.

The system's and the user's configuration do not count, and a repository cannot say anything: git runs no
hook, filter, helper or program that one names, follows no redirect, and knows two protocols.

Sources: git-config(1), git(1) "Environment variables", ssh_config(5).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from quayside.builds.git.proxy import USER
from resolvers.builds.git import GitRemote
from resolvers.outbound.tls import authorities

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STALL_S: Final = 60
"""A transfer by https ends when nothing has come for so long."""

_CONFIGURATION: Final = (
    ("advice.detachedHead", "false"),
    ("core.autocrlf", "false"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.symlinks", "true"),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", str(STALL_S)),
    ("http.proxyAuthMethod", "basic"),
    ("http.sslVerify", "true"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    ("protocol.https.allow", "always"),
    ("protocol.ssh.allow", "always"),
    ("protocol.version", "2"),
    ("submodule.recurse", "false"),
)

_SSH: Final = """\
Host *
    BatchMode yes
    CheckHostIP no
    ClearAllForwardings yes
    ConnectTimeout 20
    ForwardAgent no
    GlobalKnownHostsFile /dev/null
    HashKnownHosts no
    IdentitiesOnly yes
    IdentityAgent none
    IdentityFile {key}
    LogLevel ERROR
    PermitLocalCommand no
    PreferredAuthentications publickey
    ProxyCommand bash {directory}/connect %h %p
    ServerAliveInterval 15
    StrictHostKeyChecking accept-new
    UpdateHostKeys no
    UserKnownHostsFile {directory}/known_hosts
    VerifyHostKeyDNS no
"""
"""A host that is not known is noted, one whose key has changed is refused."""

_CONNECT: Final = """\
# With this signal ssh tells that it has ended; what is to be done then is done at the end of the input.
trap '' HUP
exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1
printf 'CONNECT %s:%s HTTP/1.1\\r\\nProxy-Authorization: Basic %s\\r\\n\\r\\n' \\
    "$1" "$2" "$(printf '%s' "$QUAYSIDE_PROXY" | base64 -w 0)" >&3
read -r _ status _ <&3
[ "$status" = 200 ] || exit 1
while read -r line <&3 && [ "$line" != $'\\r' ]; do :; done
cat <&3 &
cat >&3
kill $! 2>/dev/null
"""
"""What ssh runs instead of connecting: `bash connect HOST PORT`."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One run of git: where its own files are, and the port and token of its proxy.

    `key` is the path of the private key; its content is in `files` unless it is kept elsewhere.
    """

    directory: str
    port: int
    token: str
    key: str = "none"

    def environment(self) -> dict[str, str]:
        """The variables, which are all that git and ssh get."""
        configuration = (
            *_CONFIGURATION,
            ("http.proxy", f"http://{USER}:{self.token}@127.0.0.1:{self.port}"),
            ("http.sslCAInfo", f"{self.directory}/authorities"),
        )
        variables = {
            "GIT_ALLOW_PROTOCOL": "https:ssh",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CEILING_DIRECTORIES": self.directory,
            "GIT_CONFIG_COUNT": str(len(configuration)),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_SSH_COMMAND": f"ssh -F {self.directory}/ssh_config",
            "GIT_SSH_VARIANT": "ssh",
            "GIT_TERMINAL_PROMPT": "0",
            "HOME": self.directory,
            "LC_ALL": "C",
            "PATH": PATH,
            "QUAYSIDE_PROXY": f"{USER}:{self.token}",
        }
        for number, (name, value) in enumerate(configuration):
            variables[f"GIT_CONFIG_KEY_{number}"] = name
            variables[f"GIT_CONFIG_VALUE_{number}"] = value
        return variables

    def files(self, remote: GitRemote) -> Mapping[str, str]:
        """The files by their names, without the private key."""
        return {
            "authorities": authorities(),
            "connect": _CONNECT.format(port=self.port),
            "known_hosts": remote.known_hosts,
            "ssh_config": _SSH.format(directory=self.directory, key=self.key),
        }

"""The sockets that `serve` listens on, bound before anything is made or migrated."""

import errno
import socket
from typing import Any

from quayside.commands import CommandError
from quayside.settings.settings import Settings

REASONS = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another with --port",
    errno.EACCES: "this user may not listen on that port; choose another with --port",
    errno.EADDRNOTAVAIL: "this machine does not have the address; correct HOST",
}


def address(settings: Settings) -> str:
    """The address to listen on, as a text."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def bind(settings: Settings) -> list[socket.socket]:
    """Bind HOST and PORT; several sockets if the host has several addresses. Raises `CommandError`."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, where in dict.fromkeys(found):
            sockets.append(_bound(family, where))
    except OSError as error:
        for made in sockets:
            made.close()
        reason = REASONS.get(error.errno or 0, error.strerror or str(error))
        raise CommandError(f"The server cannot listen on {address(settings)}: {reason}.") from error
    return sockets


def _bound(family: int, where: tuple[Any, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(where)
        made.set_inheritable(True)
    except OSError:
        made.close()
        raise
    return made

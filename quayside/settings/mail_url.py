"""The setting MAIL_URL: the mail server, and how to connect to it."""

import urllib.parse
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class StartTls(StrEnum):
    """Whether a plain connection is upgraded with STARTTLS."""

    REQUIRED = "required"
    OFFERED = "offered"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server. `is_tls` means TLS from the first byte; `start_tls` is then unused.

    `sender` is the From address; None for one at the registry's own host.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str | None = None
    is_tls: bool = False
    start_tls: StartTls = StartTls.OFFERED

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL of this server, with its password."""
        login = ""
        if self.username is not None:
            login = f"{urllib.parse.quote(self.username, safe='')}:"
            login += f"{urllib.parse.quote(self.password or '', safe='')}@"
        options = {"from": self.sender, "starttls": None if self.is_tls else self.start_tls.value}
        query = urllib.parse.urlencode({name: value for name, value in options.items() if value}, safe="@")
        return f"smtp{'s' if self.is_tls else ''}://{login}{self.address}{'?' if query else ''}{query}"


DEFAULT_PORTS: Final = {"smtp": 587, "smtps": 465}
OPTIONS: Final = frozenset({"from", "starttls"})
FORM: Final = (
    "smtp://host or smtps://host, with user:password@ before and a port after the host, and then ?from= an"
    " address and starttls= required, offered or never, if needed"
)


def parse(text: str) -> MailServer:
    """The server of a URL. Raises `ValueError` with what the URL must be.

    A password is sent only over TLS, except with `starttls=never`.
    """
    if text != "".join(text.split()):
        raise ValueError(FORM)
    parts = urllib.parse.urlsplit(text)
    options = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    well_formed = (
        parts.scheme in DEFAULT_PORTS
        and parts.hostname
        and parts.path in {"", "/"}
        and not parts.fragment
        and options.keys() <= OPTIONS
        and bool(parts.username) == bool(parts.password)
        and _is_address(options.get("from"))
        and options.get("starttls", StartTls.OFFERED) in set(StartTls)
        and not (parts.scheme == "smtps" and "starttls" in options)
    )
    if not well_formed or not parts.hostname:
        raise ValueError(FORM)
    default = StartTls.REQUIRED if parts.password else StartTls.OFFERED
    return MailServer(
        host=parts.hostname,
        port=_port(parts) or DEFAULT_PORTS[parts.scheme],
        username=urllib.parse.unquote(parts.username) if parts.username else None,
        password=urllib.parse.unquote(parts.password) if parts.password else None,
        sender=options.get("from"),
        is_tls=parts.scheme == "smtps",
        start_tls=StartTls(options.get("starttls", default)),
    )


def _port(parts: urllib.parse.SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise ValueError(FORM) from error


def _is_address(text: str | None) -> bool:
    """Whether the sender is a valid address, or None."""
    if text is None:
        return True
    local, _, domain = text.rpartition("@")
    return bool(local and domain) and text.isascii() and text.isprintable() and not set(text) & set(' <>,;"')

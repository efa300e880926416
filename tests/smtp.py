"""An SMTP server process with TLS and passwords, which stores the mails that it receives.

with smtp_server(directory) as server:
    ... f"smtp://127.0.0.1:{server.port}"
    server.received()
"""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from tests.process import ROOT, environment

USER, PASSWORD = "quayside", "pass word"
REFUSED = "nobody@example.com"
"""An address that the server rejects."""


@dataclass(frozen=True)
class SmtpServer:
    """A running server: its port, and the file with the mails."""

    port: int
    mails: Path

    def received(self) -> list[dict[str, Any]]:
        """The mails so far: `sender`, `recipients`, `is_encrypted`, `user`, `text`."""
        return [json.loads(line) for line in self.mails.read_text().splitlines()]

    def messages(self) -> list[EmailMessage]:
        """The mails as messages."""
        return [message_from_string(entry["text"], policy=default) for entry in self.received()]


@contextmanager
def smtp_server(
    directory: Path,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    is_tls: bool = False,
    with_password: bool = False,
) -> Iterator[SmtpServer]:
    """A server on a free port. With a certificate it offers STARTTLS, or speaks TLS from the start."""
    mails = directory / "mails"
    mails.touch()
    options = json.dumps(
        {
            "mails": str(mails),
            "certificate": str(certificate) if certificate else None,
            "key": str(key) if key else None,
            "is_tls": is_tls,
            "with_password": with_password,
        }
    )
    with subprocess.Popen(
        [sys.executable, "-m", "tests.smtp", options],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield SmtpServer(int(process.stdout.readline()), mails)
        finally:
            process.terminate()
            process.wait(timeout=60)


async def _serve(
    mails: Path, certificate: str | None, key: str | None, is_tls: bool, with_password: bool
) -> None:
    from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

    class Keeper:
        """Stores mails, but rejects one recipient and defers another."""

        async def handle_RCPT(  # noqa: N802 - The library looks for this name.
            self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
        ) -> str:
            if address == REFUSED:
                return "550 no such user here"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope
        ) -> str:
            assert isinstance(envelope.content, bytes)
            entry = {
                "sender": envelope.mail_from,
                "recipients": envelope.rcpt_tos,
                "is_encrypted": session.ssl is not None,
                "user": session.auth_data,
                "text": envelope.content.decode(),
            }
            with mails.open("a") as file:
                file.write(json.dumps(entry) + "\n")
            return "250 OK"

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=right, handled=False, auth_data=data.login.decode())

    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)

    def protocol() -> SMTP:
        return SMTP(
            Keeper(),
            hostname="mail.test",
            tls_context=None if is_tls else tls,
            authenticator=authenticate if with_password else None,
            auth_required=with_password,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=tls if is_tls else None
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    asyncio.run(_serve(Path(given.pop("mails")), **given))

"""Hands mail to the mail server of the settings."""

import ipaddress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from urllib.parse import urlsplit

import aiosmtplib

from quayside.settings.mail_url import MailServer, StartTls
from quayside.settings.settings import Settings
from resolvers.mail import MailRecord, MailRefused, MailUndelivered

TIMEOUT_S = 30.0
"""For each step of the conversation with the server."""

_START_TLS = {StartTls.REQUIRED: True, StartTls.OFFERED: None, StartTls.NEVER: False}


@dataclass(frozen=True, slots=True)
class Mailer:
    """One mail server, and the address that mail comes from."""

    server: MailServer
    sender: str

    @classmethod
    def of(cls, settings: Settings) -> "Mailer | None":
        """The mailer of these settings; None if no mail is sent."""
        if settings.mail_url is None or "MAILING" not in settings.features:
            return None
        return cls(settings.mail_url, settings.mail_url.sender or _default_sender(settings.public_url))

    async def hand_over(self, mail: MailRecord) -> None:
        """Give one mail to the server.

        Raises `MailRefused` if the server will never take it, `MailUndelivered` if it may take it later.
        """
        try:
            async with self._client() as client:
                await client.send_message(
                    self._message(mail), sender=self.sender, recipients=[mail.recipient]
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            (refused, *_) = error.recipients
            raise _judged(refused) from error
        except aiosmtplib.SMTPDataError as error:
            raise _judged(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            # Anything else is between us and the server: a wrong password, a server that is down.
            raise MailUndelivered(_words(error)) from error

    async def check(self) -> None:
        """Connect and sign in, without sending anything. Raises `MailUndelivered`."""
        try:
            async with self._client() as client:
                await client.noop()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailUndelivered(_words(error)) from error

    def _client(self) -> aiosmtplib.SMTP:
        server = self.server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.is_tls,
            start_tls=None if server.is_tls else _START_TLS[server.start_tls],
            timeout=TIMEOUT_S,
        )

    def _message(self, mail: MailRecord) -> EmailMessage:
        message = EmailMessage(policy=SMTP_POLICY)
        message["From"] = self.sender
        message["To"] = mail.recipient
        message["Subject"] = mail.subject
        message["Date"] = formatdate(mail.created_at_ms / 1000)
        # The same at each attempt, so that a mail which arrives twice can be known as one.
        message["Message-ID"] = f"<mail-{mail.id}-{mail.created_at_ms}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        # Seven bits, which every server on the way takes.
        message.set_content(mail.body or "", cte="quoted-printable")
        return message


def _default_sender(public_url: str) -> str:
    host = urlsplit(public_url).hostname or "localhost"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"quayside@{host}"
    return "quayside@localhost"


def _judged(error: aiosmtplib.SMTPResponseException) -> MailUndelivered:
    return MailRefused(_words(error)) if 500 <= error.code < 600 else MailUndelivered(_words(error))


def _words(error: Exception) -> str:
    code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    return f"{code}{getattr(error, 'message', None) or error or type(error).__name__}"[:500]

"""`quayside mail list`: the outbox, for operators whose mail server is not set or refuses mail."""

import argparse
import asyncio

from rich.console import Console
from rich.table import Table

from quayside.commands import settings_of, terminal
from quayside.commands.database import open_context
from quayside.settings.settings import Settings
from resolvers import mail
from resolvers.mail import MailRecord
from resolvers.pages import Page

BATCH = 500


def run(arguments: argparse.Namespace) -> int:
    """Print the mails, newest first, each as a block of headers and its text."""
    asyncio.run(_list(settings_of(arguments), include_sent=arguments.all))
    return 0


async def _list(settings: Settings, *, include_sent: bool) -> None:
    console = terminal.console()
    async with open_context(settings):
        page: Page | None = Page(BATCH)
        while page is not None:
            found = await mail.outbox(page, maximum=BATCH, is_sent=None if include_sent else False)
            for record in found.items:
                if console is None:
                    print(_block(record))
                else:
                    _show(console, record)
            page = Page(BATCH, found.cursors[-1]) if found.has_next else None


def _headers(record: MailRecord) -> dict[str, str]:
    return {
        "Mail": str(record.id),
        "Written": terminal.moment(record.created_at_ms),
        "To": record.recipient,
        "Subject": record.subject,
        "Sent": terminal.moment(record.sent_at_ms) if record.sent_at_ms else "not yet",
        **({"Error": record.error} if record.error else {}),
    }


def _block(record: MailRecord) -> str:
    lines = [
        *(f"{name}: {value}" for name, value in _headers(record).items()),
        *(["", record.body.rstrip()] if record.body else []),
    ]
    return "\n".join(lines) + "\n"


def _show(console: Console, record: MailRecord) -> None:
    headers = Table.grid(padding=(0, 2))
    for name, value in _headers(record).items():
        headers.add_row(terminal.text(name, "bold"), terminal.text(value, "red" if name == "Error" else ""))
    console.rule(style="dim")
    console.print(headers)
    if record.body:
        console.print()
        # The terminal wraps long lines, so that an address or a code stays whole when it is copied.
        console.print(terminal.text(record.body.rstrip()), soft_wrap=True)

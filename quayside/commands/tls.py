"""Checks the TLS certificate before anything is made."""

from quayside.commands import CommandError
from quayside.configuration import checks
from quayside.settings.settings import Settings


def check_tls(settings: Settings) -> None:
    """Raise `CommandError` unless certificate and key are readable and match."""
    try:
        checks.require_tls(settings)
    except checks.Failed as error:
        raise CommandError(str(error)) from error

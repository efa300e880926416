"""Checks the TLS certificate."""

import ssl

from quayside.commands import CommandError
from quayside.settings.settings import Settings


def check_tls(settings: Settings) -> None:
    """Raise `CommandError` unless certificate and key are readable and match."""
    if settings.tls_cert is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            settings.tls_cert, settings.tls_key
        )
    except (ssl.SSLError, OSError) as error:
        raise CommandError(f"TLS_CERT and TLS_KEY must hold a certificate and its key: {error}.") from error

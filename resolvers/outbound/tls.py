"""How the certificates of other servers are verified."""

import os
import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx

from resolvers.errors import Invalid


@dataclass(frozen=True, slots=True)
class Tls:
    """What one use demands of certificates.

    `extra_cas` are certificates in PEM, of authorities that are trusted beside those of the machine. Without
    `verify` any certificate will do, so that whoever sits in between can read and answer for the server.
    """

    verify: bool = True
    extra_cas: str = ""


VERIFIED = Tls()


def context_of(tls: Tls) -> ssl.SSLContext:
    """The context for connections. Raises `Invalid` if the extra authorities are no certificates."""
    if not tls.verify:
        return httpx.create_ssl_context(verify=False)
    context = httpx.create_ssl_context()
    if tls.extra_cas.strip():
        try:
            context.load_verify_locations(cadata=tls.extra_cas)
        except (ssl.SSLError, TypeError, ValueError) as error:
            raise Invalid(
                "extra_cas: must be certificates in PEM, each from BEGIN CERTIFICATE to END CERTIFICATE.",
                field="extra_cas",
            ) from error
    return context


def authorities() -> str:
    """The certificates that `VERIFIED` trusts, in PEM, for programs beside this one."""
    file, directory = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if not file and not directory:
        return _usual_authorities()
    files = [Path(file)] if file else sorted(Path(directory or "").iterdir())
    return "\n".join(each.read_text(errors="replace") for each in files if each.is_file())


@cache
def _usual_authorities() -> str:
    found = context_of(VERIFIED).get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(each) for each in found)

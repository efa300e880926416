"""How a mirror reaches its source, as it is shown and as it is set."""

from typing import Any

import strawberry

from resolvers.mirrors.connection import Proxy
from schema.inputs import changes

_HTTP = "The proxy for addresses that begin with `http:`, such as `http://proxy.example:3128`."
_HTTPS = "The proxy for addresses that begin with `https:`."
_NONE = "Hosts, domains and networks that are asked without a proxy, separated by commas."
_TLS = "Whether TLS is demanded, and certificates are verified; `true` if not given."
_UNSIGNED = "Whether images without a signature are welcome. It is kept for clients, and has no effect."
_CAS = (
    "Certificates in PEM, of authorities that are trusted beside those of the machine; at most 64 KiB. Null"
    " or an empty text for none."
)


@strawberry.type(description="By which proxies other registries are asked.")
class MirrorProxy:
    record: strawberry.Private[Proxy]

    @strawberry.field(description=_HTTP)
    def http_proxy(self) -> str | None:
        return self.record.http_proxy

    @strawberry.field(description=_HTTPS)
    def https_proxy(self) -> str | None:
        return self.record.https_proxy

    @strawberry.field(description=_NONE)
    def no_proxy(self) -> str | None:
        return self.record.no_proxy


@strawberry.input(description="By which proxies another registry is asked; null for none.")
class MirrorProxyInput:
    http_proxy: strawberry.Maybe[str | None] = strawberry.field(description=_HTTP)
    https_proxy: strawberry.Maybe[str | None] = strawberry.field(description=_HTTPS)
    no_proxy: strawberry.Maybe[str | None] = strawberry.field(description=_NONE)


@strawberry.input(description="How another registry is reached; what is absent stays as it is.")
class MirrorConnectionInput:
    verify_tls: strawberry.Maybe[bool] = strawberry.field(description=_TLS)
    unsigned_images: strawberry.Maybe[bool] = strawberry.field(description=_UNSIGNED)
    extra_cas: strawberry.Maybe[str | None] = strawberry.field(description=_CAS)
    proxy: strawberry.Maybe[MirrorProxyInput] = strawberry.field(description="By which proxies.")


TLS_TEXT, UNSIGNED_TEXT, CAS_TEXT = _TLS, _UNSIGNED, _CAS
_NAMES = {"verify_tls": "verifies_tls", "unsigned_images": "accepts_unsigned"}


def connection_changes(value: MirrorConnectionInput) -> dict[str, Any]:
    """The fields of an input by the names that resolvers have for them."""
    found = changes(value)
    proxy = found.pop("proxy", None)
    named = {_NAMES.get(name, name): item for name, item in found.items()}
    if "extra_cas" in named and not (named["extra_cas"] or "").strip():
        named["extra_cas"] = None
    return named | (changes(proxy) if proxy is not None else {})

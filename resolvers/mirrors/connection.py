"""How a mirror reaches its source: as whom, by which proxy, and whether certificates are verified."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from resolvers.errors import Conflict, Invalid
from resolvers.outbound.client import Outbound
from resolvers.outbound.proxies import Proxies, parse_proxies
from resolvers.outbound.tls import Tls, context_of
from resolvers.upstreams.authorization import Credentials
from resolvers.upstreams.limits import RegistryLimits
from resolvers.upstreams.location import Location
from resolvers.upstreams.registry import Registry, open_registry
from storage.secrets import Secrets, SecretUnreadable
from storage.statements import Row

UNREADABLE: Final = "(invalid. please re-enter)"
"""What is shown of a secret that was written with a key that is gone; clients know the text."""
TEXT_LENGTH: Final = 4_096
EXTRA_CAS_LENGTH: Final = 65_536
COLUMNS: Final = (
    "username_encrypted",
    "password_encrypted",
    "proxy_encrypted",
    "verifies_tls",
    "accepts_unsigned",
    "extra_cas",
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Addresses of proxies, and the hosts that are reached without, separated by commas."""

    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: str | None = None


NO_PROXY: Final = Proxy()
PROXY: Final = ("http_proxy", "https_proxy", "no_proxy")
_COLUMN_OF: Final = {
    "username": "username_encrypted",
    "password": "password_encrypted",
    **dict.fromkeys(PROXY, "proxy_encrypted"),
}
"""In which column a setting is, unless in one of its own name."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How a source is reached. `accepts_unsigned` is kept for clients, and has no effect.

    `extra_cas` are certificates in PEM, of authorities that are trusted beside those of the machine.
    """

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    proxy: Proxy = NO_PROXY
    verifies_tls: bool = True
    accepts_unsigned: bool = False
    extra_cas: str | None = None
    unreadable: frozenset[str] = frozenset()
    """The settings that could not be decrypted."""

    def changed(self, changes: Mapping[str, Any]) -> "Connection":
        """The same with other values of some fields, those of the proxy by their own names.

        What cannot be read stays so until it is given again; the addresses of proxies are one secret.
        """
        proxy = {name: changes[name] for name in PROXY if name in changes}
        own = {name: value for name, value in changes.items() if name not in proxy}
        given = frozenset(own) | (frozenset(PROXY) if proxy else frozenset())
        return replace(self, proxy=replace(self.proxy, **proxy), unreadable=self.unreadable - given, **own)

    def require_readable(self) -> None:
        """Raise `Conflict` where something of it could not be decrypted: nobody is asked without it."""
        if self.unreadable:
            raise Conflict(
                "The credentials of the mirror cannot be read with the secret keys; enter them again.",
                field="repository",
            )

    def as_settings(self) -> dict[str, Any]:
        """The values by which `changed` would make it. Those that cannot be read are equal to no others."""
        return self._settings() | dict.fromkeys(self.unreadable, UNREADABLE)

    def _settings(self) -> dict[str, Any]:
        return {
            "username": self.username,
            "password": self.password,
            "verifies_tls": self.verifies_tls,
            "accepts_unsigned": self.accepts_unsigned,
            "extra_cas": self.extra_cas,
            "http_proxy": self.proxy.http_proxy,
            "https_proxy": self.proxy.https_proxy,
            "no_proxy": self.proxy.no_proxy,
        }

    def columns(self, secrets: Secrets, names: Collection[str] | None = None) -> dict[str, Any]:
        """The values of its columns; of those alone that hold some settings, if such are named.

        What did not change is never written: it may be a secret that only another key can read.
        """
        proxy = [self.proxy.http_proxy, self.proxy.https_proxy, self.proxy.no_proxy]
        values = {
            "username_encrypted": _encrypted(secrets, self.username),
            "password_encrypted": _encrypted(secrets, self.password),
            "proxy_encrypted": _encrypted(secrets, orjson.dumps(proxy).decode() if any(proxy) else None),
            "verifies_tls": self.verifies_tls,
            "accepts_unsigned": self.accepts_unsigned,
            "extra_cas": self.extra_cas,
        }
        wanted = values if names is None else {_COLUMN_OF.get(name, name) for name in names}
        return {name: value for name, value in values.items() if name in wanted}


def connection_of(row: Row, secrets: Secrets) -> Connection:
    """The connection of a row with `COLUMNS`."""
    values, unreadable = {}, set[str]()
    for name in ("username", "password", "proxy"):
        text = row[f"{name}_encrypted"]
        try:
            values[name] = None if text is None else secrets.decrypt(text)
        except SecretUnreadable:
            values[name] = None
            unreadable |= set(PROXY) if name == "proxy" else {name}
    username = values["username"]
    if username is None and row["username_encrypted"] is not None:
        username = UNREADABLE
    return Connection(
        username=username,
        password=values["password"],
        proxy=Proxy(*orjson.loads(values["proxy"])) if values["proxy"] else NO_PROXY,
        verifies_tls=bool(row["verifies_tls"]),
        accepts_unsigned=bool(row["accepts_unsigned"]),
        extra_cas=row["extra_cas"],
        unreadable=frozenset(unreadable),
    )


def proxies_of(proxy: Proxy) -> Proxies:
    """The proxies by which a source is asked. Raises `Invalid` for what is no address of one."""
    try:
        return parse_proxies(proxy.http_proxy, proxy.https_proxy, proxy.no_proxy)
    except Invalid as error:
        raise Invalid(error.message, field="connection") from error


@asynccontextmanager
async def registry_of(
    outbound: Outbound, location: Location, connection: Connection, *, limits: RegistryLimits
) -> AsyncIterator[Registry]:
    """The registry of a location, asked as a connection says; closed at the end.

    Raises `Conflict` where what a connection says cannot be read.
    """
    connection.require_readable()
    credentials = None
    if connection.username is not None:
        credentials = Credentials(connection.username, connection.password or "")
    async with open_registry(
        outbound,
        location,
        credentials=credentials,
        tls=Tls(verify=connection.verifies_tls, extra_cas=connection.extra_cas or ""),
        proxy=proxies_of(connection.proxy),
        limits=limits,
    ) as registry:
        yield registry


def check_texts(values: Mapping[str, Any]) -> None:
    """Refuse texts of a connection that are too long, or cannot be sent. Raises `Invalid`."""
    if values.get("username") == UNREADABLE:
        raise Invalid(
            "username: could not be read, and is to be entered again, as the password is.", field="username"
        )
    check_extra_cas(values.get("extra_cas"))
    for name, value in values.items():
        if not isinstance(value, str) or name == "extra_cas":
            continue
        if len(value) > TEXT_LENGTH or not value.isprintable():
            where = name if name in ("username", "password") else "connection"
            raise Invalid(
                f"{name}: must have at most {TEXT_LENGTH} characters, all of them printable.", field=where
            )


def check_extra_cas(text: str | None) -> None:
    """Refuse what are no certificates, also while none are verified. Raises `Invalid`.

    A private key beside them would be stored and shown as it is.
    """
    if text is None:
        return
    if len(text) > EXTRA_CAS_LENGTH:
        raise Invalid(f"extra_cas: must have at most {EXTRA_CAS_LENGTH} characters.", field="connection")
    if "PRIVATE KEY" in text:
        raise Invalid("extra_cas: must be certificates alone, without a private key.", field="connection")
    try:
        context_of(Tls(extra_cas=text))
    except Invalid as error:
        raise Invalid(error.message, field="connection") from error


def _encrypted(secrets: Secrets, text: str | None) -> str | None:
    return None if text is None else secrets.encrypt(text)

"""Settings: read and validated once at start, from flags, environment and a TOML file.

The first of these that has a setting wins:

    a flag of the command line      --port 8080
    an environment variable         QUAYSIDE_PORT=8080        QUAYSIDE_FEATURE_AUTO_PRUNE=false
    the file QUAYSIDE_CONFIG names  port = 8080               [features]  auto_prune = false
    the default                     SETTINGS, FEATURES

An empty value counts as unset. All errors are reported together, a sentence for each setting.
"""

import difflib
import tomllib
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final, Literal

from quayside.settings import parsers
from quayside.settings.features import FEATURES
from quayside.settings.mail_url import MailServer
from quayside.settings.table import SETTINGS, Secrecy, Setting
from resolvers.configuration import SettingSource

PREFIX: Final = "QUAYSIDE_"
FEATURE_PREFIX: Final = "FEATURE_"
NON_SETTING_VARIABLES: Final = frozenset({"QUAYSIDE_CONFIG", "QUAYSIDE_FAULT"})
"""Variables that are not settings: the path of the TOML file, and the fault point of a test."""


class SettingsError(Exception):
    """Settings are invalid. `problems` has one sentence for each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process: a field for each of `SETTINGS`, in lower case, and the features.

    `blob_url` is `file:///absolute/path`, `memory:` or `s3://bucket/…`, `database_url` is
    `sqlite:///absolute/path` (percent encoded) or `postgresql://…`. The first of `secret_key` encrypts, all
    decrypt; it is empty until `quayside.settings.secret_key.ensure` fills it.
    `public_url` has no final slash.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    blob_url: str = field(repr=False)
    blob_redirects: bool
    disk_reserve: int
    uploads_per_account: int
    upload_bytes_per_account: int
    host: str
    port: int
    tls_cert: Path | None
    tls_key: Path | None
    public_url: str
    allowed_hosts: frozenset[str]
    secret_key: tuple[str, ...] = field(repr=False)
    rest_status_codes: Literal["documented", "observed"]
    superusers: frozenset[str]
    global_readonly_super_users: frozenset[str]
    ssrf_allowed_hosts: frozenset[str]
    webhook_hostname_blacklist: frozenset[str]
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    connections_per_address: int
    cors_origins: tuple[str, ...]
    mail_url: MailServer | None
    sign_ups_per_address: int
    mails_per_recipient: int
    mails_per_account: int
    log_retention: timedelta
    time_machine_default: timedelta
    proxy_cache_check: timedelta
    build_network: Literal["none", "host"]
    build_unsafe_root: bool
    build_registry_url: str | None
    build_timeout: timedelta
    build_memory: int
    build_disk: int
    builds_queued: int
    scan_layer_size: int
    default_system_reject_quota_bytes: int
    subscriptions: int
    subscriptions_per_account: int
    subscriptions_per_address: int
    subscriptions_anonymous: int
    features: frozenset[str]
    sources: Mapping[str, SettingSource] = field(default_factory=dict, repr=False, compare=False)
    """Where each setting and feature was found that is not by default what it is."""

    @property
    def reaches_clients(self) -> bool:
        """Whether PUBLIC_URL is an address; a server that listens on all has none unless it is set."""
        return urllib.parse.urlsplit(self.public_url).hostname not in {"0.0.0.0", "::"}  # noqa: S104 - Compared.

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is the embedded one."""
        return self.database_url.startswith("sqlite:")

    @property
    def blob_directory(self) -> Path | None:
        """The directory of the blobs, if they are on a disk."""
        if not self.blob_url.startswith("file:"):
            return None
        return Path(urllib.parse.unquote(urllib.parse.urlsplit(self.blob_url).path))


_OPTIONAL: Final = frozenset({"TLS_CERT", "TLS_KEY", "MAIL_URL", "BUILD_REGISTRY_URL"})
_SETTINGS: Final = {row.name: row for row in SETTINGS}
_FEATURES: Final = {row.name: row for row in FEATURES}
_VARIABLES: Final = tuple(PREFIX + name for name in _SETTINGS) + tuple(
    PREFIX + FEATURE_PREFIX + name for name in _FEATURES
)


@dataclass(frozen=True, slots=True)
class _SettingText:
    """The text of a setting, and where it was found: `place` ends the sentence of a problem."""

    text: str
    source: SettingSource
    place: str


def load_settings(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Settings:
    """The settings of this process. `flags` maps names of settings (`PORT`) to texts of the command line.

    Reads the TOML file. Raises `SettingsError` with a sentence for each unknown or invalid setting.
    """
    problems: list[str] = []
    given: dict[str, _SettingText] = {}
    for source in (_from_file(environ, problems), _from_environment(environ, problems), _from_flags(flags)):
        given.update(source)
    values: dict[str, Any] = {}
    for row in SETTINGS:
        default = row.default.format_map(_derived(values)) if "{" in row.default else row.default
        values[row.name] = _parse(row, given.get(row.name), default, problems)
    features = frozenset(
        name for name, row in _FEATURES.items() if _parse_feature(name, row.default, given, problems)
    )
    _check_together(given, values, problems)
    if problems:
        raise SettingsError(*problems)
    return Settings(
        **{name.lower(): value for name, value in values.items()},
        features=features,
        sources={name: found.source for name, found in given.items()},
    )


def _parse(row: Setting, given: _SettingText | None, default: str, problems: list[str]) -> Any:
    text = given.text if given else default
    if not text and row.name in _OPTIONAL:
        return None
    try:
        return row.parse(text)
    except ValueError as error:
        if given is None:
            # A default is invalid only if it contains another invalid setting, which is already reported.
            return None
        value = "" if row.secrecy is not Secrecy.OPEN else f", not {given.text!r}"
        problems.append(f"{row.name} must be {error}{value} ({given.place}).")
        return None


def _parse_feature(name: str, default: bool, given: Mapping[str, _SettingText], problems: list[str]) -> bool:
    value = given.get(FEATURE_PREFIX + name)
    if value is None:
        return default
    try:
        return parsers.boolean(value.text)
    except ValueError as error:
        problems.append(f"{FEATURE_PREFIX}{name} must be {error}, not {value.text!r} ({value.place}).")
        return default


def _derived(values: Mapping[str, Any]) -> dict[str, str]:
    """The placeholders of defaults, from settings earlier in the table."""
    host = str(values["HOST"]) if "HOST" in values else ""
    bracketed = f"[{host}]" if ":" in host else host
    scheme = "https" if values.get("TLS_CERT") else "http"
    return {
        "data_dir": urllib.parse.quote(str(values["DATA_DIR"])),
        "origin": f"{scheme}://{bracketed}:{values.get('PORT')}",
    }


def _check_together(
    given: Mapping[str, _SettingText], values: Mapping[str, Any], problems: list[str]
) -> None:
    if ("TLS_CERT" in given) != ("TLS_KEY" in given):
        problems.append("TLS_CERT and TLS_KEY must be set together.")
    database_url = values["DATABASE_URL"]
    if database_url and not database_url.startswith("sqlite:") and values["SECRET_KEY"] == ():
        problems.append(
            "SECRET_KEY must be set when DATABASE_URL is a PostgreSQL database, since all processes that use "
            "it need the same key."
        )


def _from_flags(flags: Mapping[str, str | None]) -> dict[str, _SettingText]:
    unknown = flags.keys() - _SETTINGS.keys()
    if unknown:
        raise KeyError(f"no such settings: {sorted(unknown)}")
    return {
        name: _SettingText(text, SettingSource.FLAG, "on the command line")
        for name, text in flags.items()
        if text
    }


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, _SettingText]:
    given = {}
    for variable, text in environ.items():
        if (
            not variable.startswith(PREFIX)
            or variable in NON_SETTING_VARIABLES
            or _is_injected(variable, text)
        ):
            continue
        if variable in _VARIABLES:
            if text.strip():
                given[variable.removeprefix(PREFIX)] = _SettingText(
                    text, SettingSource.VARIABLE, f"in the variable {variable}"
                )
        else:
            nearest = _nearest(variable, _VARIABLES)
            problems.append(f"The variable {variable} is not a setting; the nearest is {nearest}.")
    return given


def _is_injected(variable: str, text: str) -> bool:
    """Whether Kubernetes made this variable for a service named quayside; QUAYSIDE_PORT may be one."""
    return variable.endswith("_SERVICE_HOST") or "_SERVICE_PORT" in variable or text.startswith("tcp://")


def _from_file(environ: Mapping[str, str], problems: list[str]) -> dict[str, _SettingText]:
    name = environ.get("QUAYSIDE_CONFIG")
    if not name:
        return {}
    try:
        document = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"QUAYSIDE_CONFIG must name a TOML file, but {name} cannot be read: {error}."
        ) from error
    given = {}
    for key, value in _file_entries(document):
        names = {_file_key(known): known for known in (v.removeprefix(PREFIX) for v in _VARIABLES)}
        if key not in names:
            nearest = _nearest(key, tuple(names))
            problems.append(f"The key {key} in {name} is not a setting; the nearest is {nearest}.")
            continue
        try:
            text = _file_text(value)
        except ValueError as error:
            problems.append(f"{names[key]} must be {error} (in {name}).")
            continue
        if text.strip():
            given[names[key]] = _SettingText(text, SettingSource.FILE, f"in {name}")
    return given


def _file_key(name: str) -> str:
    if name.startswith(FEATURE_PREFIX):
        return "features." + name.removeprefix(FEATURE_PREFIX).lower()
    return name.lower()


def _file_entries(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", inner_value) for inner, inner_value in value.items())
        else:
            yield key, value


def _file_text(value: Any) -> str:
    """A TOML value as the text of an environment variable, for the same parser."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case list() if all(isinstance(item, str) and "," not in item for item in value):
            return ",".join(value)
        case _:
            raise ValueError("text, a whole number, true, false, or a list of texts without commas")


def _nearest(name: str, known: tuple[str, ...]) -> str:
    return difflib.get_close_matches(name, known, n=1, cutoff=0)[0]

"""The table of settings: how each is read, what it is if nobody sets it, and what it does."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from quayside.settings import mail_url, parsers


class Secrecy(Enum):
    """What of a setting is never shown: nothing, passwords and unknown options of its URL, or all of it."""

    OPEN = "open"
    URL = "url"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `default` is a text as an operator writes it, and may contain `{data_dir}` and `{origin}`.

    `parse` raises `ValueError` with a text that continues "must be …".
    """

    name: str
    parse: Callable[[str], Any]
    default: str
    sentence: str
    secrecy: Secrecy = Secrecy.OPEN


SETTINGS: Final = (
    Setting(
        "DATA_DIR", parsers.path, "./data", "The directory that holds everything the registry stores itself."
    ),
    Setting(
        "DATABASE_URL",
        parsers.database_url,
        "sqlite://{data_dir}/quayside.db",
        "The database: `sqlite:///absolute/path` or `postgresql://user:password@host/name`.",
        secrecy=Secrecy.URL,
    ),
    Setting(
        "BLOB_URL",
        parsers.blob_url,
        "file://{data_dir}/blobs",
        "Where the content of images is kept: `file:///absolute/path`, [a bucket](storage.md)"
        " `s3://bucket/prefix?endpoint=https://host&region=name`, or `memory:` to forget it at the end.",
        secrecy=Secrecy.URL,
    ),
    Setting(
        "BLOB_REDIRECTS",
        parsers.boolean,
        "false",
        "Whether pulls are sent to the bucket of `BLOB_URL` for the bytes of blobs, by addresses that hold"
        " for 20 minutes. Clients must reach its endpoint.",
    ),
    Setting(
        "DISK_RESERVE",
        parsers.size,
        "256MiB",
        "How much uploads leave free on the disk of a `file:` blob store and of SQLite, so that reading and"
        " deleting always work; such as `512MiB` or `2GiB`, `0` for nothing.",
    ),
    Setting(
        "UPLOADS_PER_ACCOUNT",
        parsers.whole(0, 1_000_000),
        "500",
        "The most uploads that one account may have begun and not ended; `0` for no bound.",
    ),
    Setting(
        "UPLOAD_BYTES_PER_ACCOUNT",
        parsers.size,
        "100GiB",
        "How much one account may have in uploads that have not ended; `0` for no bound.",
    ),
    Setting("HOST", parsers.host, "127.0.0.1", "The address to listen on; `0.0.0.0` for all."),
    Setting("PORT", parsers.port, "8080", "The TCP port to listen on."),
    Setting(
        "TLS_CERT", parsers.file, "", "A PEM file with the certificate chain for HTTPS; needs `TLS_KEY`."
    ),
    Setting("TLS_KEY", parsers.file, "", "A PEM file with the private key of `TLS_CERT`."),
    Setting(
        "PUBLIC_URL",
        parsers.origin,
        "{origin}",
        "The address by which clients reach the registry; links, token realms and image names start with it.",
    ),
    Setting(
        "ALLOWED_HOSTS",
        parsers.client_hosts,
        "",
        "Further names by which clients reach the registry, with or without a port, separated by commas. Who "
        "comes by one of them, or by that of `PUBLIC_URL` at another port, is told the name it came by.",
    ),
    Setting(
        "SECRET_KEY",
        parsers.secret_keys,
        "",
        "Keys of at least 32 characters for stored credentials, separated by commas: the first encrypts, all "
        "decrypt. With SQLite one is made at the first start, in `secret.key` of the data directory.",
        secrecy=Secrecy.WHOLE,
    ),
    Setting(
        "REST_STATUS_CODES",
        parsers.one_of("documented", "observed"),
        "documented",
        "Which success codes `/api/v1` answers where the API's reference and its usual server differ.",
    ),
    Setting(
        "SUPERUSERS",
        parsers.names,
        "",
        "Names of users who are superusers, separated by commas, beside those made so in the database. "
        "A stranger cannot take a name that stands here.",
    ),
    Setting(
        "GLOBAL_READONLY_SUPER_USERS",
        parsers.names,
        "",
        "Names of users who see all that superusers see, and change nothing, separated by commas. Who is in "
        "both lists is among these alone. A stranger cannot take a name that stands here.",
    ),
    Setting(
        "SSRF_ALLOWED_HOSTS",
        parsers.hosts,
        "",
        "Private hosts and networks at which webhooks, mirrors and issuers may be, separated by commas. A "
        "host named here need not be known yet when its address is saved.",
    ),
    Setting(
        "WEBHOOK_HOSTNAME_BLACKLIST",
        parsers.host_names,
        "",
        "Hosts to which notifications are not sent, separated by commas, also where they are public or named "
        "in `SSRF_ALLOWED_HOSTS`.",
    ),
    Setting(
        "TRUSTED_PROXIES",
        parsers.networks,
        "",
        "Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, separated by commas.",
    ),
    Setting(
        "CONNECTIONS_PER_ADDRESS",
        parsers.whole(0, 1_000_000),
        "1000",
        "The most connections of one client address to one process, `0` for no bound; an IPv6 network of 64"
        " bits is one address. Proxies in `TRUSTED_PROXIES` have no bound.",
    ),
    Setting(
        "CORS_ORIGINS",
        parsers.origins,
        "",
        "Origins of pages whose scripts may call the API, separated by commas; `*` for all, without cookies.",
    ),
    Setting(
        "MAIL_URL",
        mail_url.parse,
        "",
        "The mail server: `smtp://user:password@host:587?from=me@example.com`; `smtps://` for TLS at once.",
        secrecy=Secrecy.URL,
    ),
    Setting(
        "SIGN_UPS_PER_ADDRESS",
        parsers.whole(0, 1_000_000),
        "20",
        "The most accounts that can be made within an hour from one client address, `0` for no bound.",
    ),
    Setting(
        "MAILS_PER_RECIPIENT",
        parsers.whole(0, 1_000_000),
        "20",
        "The most mails within a day that users can have sent to one address (invitations, confirmations, "
        "exports), `0` for no bound.",
    ),
    Setting(
        "MAILS_PER_ACCOUNT",
        parsers.whole(0, 1_000_000),
        "200",
        "The most mails within a day that one account, or one client address without an account, can have "
        "sent, `0` for no bound.",
    ),
    Setting(
        "LOG_RETENTION",
        parsers.duration,
        "1y",
        "How long audit log entries and events are kept; `0` keeps them for ever.",
    ),
    Setting(
        "TIME_MACHINE_DEFAULT",
        parsers.duration,
        "2w",
        "How long deleted tags stay restorable in a namespace that does not say.",
    ),
    Setting(
        "PROXY_CACHE_CHECK",
        parsers.duration,
        "60s",
        "How long a tag of a [pull-through cache](cache.md) is served after its upstream was asked for it,"
        " before that is asked again; `0` to ask at each pull.",
    ),
    Setting(
        "BUILD_NETWORK",
        parsers.one_of("none", "host"),
        "none",
        "What `RUN` of a Dockerfile reaches: `none` for nothing, `host` for whatever this machine reaches,"
        " its own services included.",
    ),
    Setting(
        "BUILD_UNSAFE_ROOT",
        parsers.boolean,
        "false",
        "Whether builds may run as root of the machine where it has no user namespaces; see"
        " [builds](builds.md#without-user-namespaces) first.",
    ),
    Setting(
        "BUILD_REGISTRY_URL",
        parsers.origin,
        "",
        "Where builds reach this registry, to fetch base images and to push; PUBLIC_URL if not set.",
    ),
    Setting("BUILD_TIMEOUT", parsers.duration, "2h", "How long a build may take, such as `90m` or `2h`."),
    Setting("BUILD_MEMORY", parsers.size, "2GiB", "How much memory a build may use."),
    Setting(
        "BUILD_DISK",
        parsers.size,
        "20GiB",
        "How much disk a build may use, with the layers that earlier ones of the repository have left.",
    ),
    Setting(
        "BUILDS_QUEUED",
        parsers.whole(0, 1_000_000),
        "100",
        "The most builds that may wait in one namespace; `0` for no bound.",
    ),
    Setting(
        "SCAN_LAYER_SIZE",
        parsers.size,
        "16GiB",
        "How large a layer may be, as it was pushed, to be read for what is in it.",
    ),
    Setting(
        "DEFAULT_SYSTEM_REJECT_QUOTA_BYTES",
        parsers.size,
        "0",
        "How many bytes a namespace without a quota of its own may store, such as `500GiB`; `0` for no"
        " bound.",
    ),
    Setting(
        "SUBSCRIPTIONS",
        parsers.whole(1, 10_000),
        "1000",
        "The most GraphQL subscriptions that a process serves at a time; it has as many WebSockets.",
    ),
    Setting(
        "SUBSCRIPTIONS_PER_ACCOUNT",
        parsers.whole(1, 10_000),
        "100",
        "How many of them one account can have.",
    ),
    Setting(
        "SUBSCRIPTIONS_PER_ADDRESS",
        parsers.whole(1, 10_000),
        "250",
        "How many of them one client address can have, or the /64 of one with IPv6. All clients of a proxy"
        " that `TRUSTED_PROXIES` does not name have its address.",
    ),
    Setting(
        "SUBSCRIPTIONS_ANONYMOUS",
        parsers.whole(0, 10_000),
        "100",
        "How many of them clients that are not signed in can have together; one address at most a quarter.",
    ),
)

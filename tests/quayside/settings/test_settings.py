from dataclasses import fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from quayside.settings import mail_url
from quayside.settings.features import FEATURES
from quayside.settings.mail_url import MailServer, StartTls
from quayside.settings.settings import PREFIX, Settings, SettingsError, load_settings
from quayside.settings.table import SETTINGS
from resolvers import byte_size

KEY = "k" * 32
SIZE = (
    "a whole number of bytes below 2^63, or one with a unit, such as 512MiB (KiB, MiB, GiB … are powers of"
    " 1024; KB, MB, GB or K, M, G … powers of 1000)"
)


def problems_of(flags: dict[str, str | None], environ: dict[str, str]) -> tuple[str, ...]:
    """The problems of these settings."""
    with pytest.raises(SettingsError) as caught:
        load_settings(flags, environ)
    return caught.value.problems


def test_settings_have_a_field_for_each_row_and_the_features() -> None:
    assert [field.name for field in fields(Settings)] == [
        *(row.name.lower() for row in SETTINGS),
        *("features", "sources"),
    ]


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load_settings({}, {})

    assert settings == Settings(
        data_dir=tmp_path / "data",
        database_url=f"sqlite://{tmp_path}/data/quayside.db",
        blob_url=f"file://{tmp_path}/data/blobs",
        blob_redirects=False,
        disk_reserve=256 * 1024**2,
        uploads_per_account=500,
        upload_bytes_per_account=100 * 1024**3,
        host="127.0.0.1",
        port=8080,
        tls_cert=None,
        tls_key=None,
        public_url="http://127.0.0.1:8080",
        secret_key=(),
        rest_status_codes="documented",
        superusers=frozenset(),
        global_readonly_super_users=frozenset(),
        allowed_hosts=frozenset(),
        ssrf_allowed_hosts=frozenset(),
        webhook_hostname_blacklist=frozenset(),
        trusted_proxies=(),
        connections_per_address=1000,
        cors_origins=(),
        mail_url=None,
        sign_ups_per_address=20,
        mails_per_recipient=20,
        mails_per_account=200,
        log_retention=timedelta(days=365),
        time_machine_default=timedelta(weeks=2),
        proxy_cache_check=timedelta(seconds=60),
        build_network="none",
        build_unsafe_root=False,
        build_registry_url=None,
        build_timeout=timedelta(hours=2),
        build_memory=2 * 1024**3,
        build_disk=20 * 1024**3,
        scan_layer_size=16 * 1024**3,
        builds_queued=100,
        default_system_reject_quota_bytes=0,
        subscriptions=1000,
        subscriptions_per_account=100,
        subscriptions_per_address=250,
        subscriptions_anonymous=100,
        features=frozenset(row.name for row in FEATURES if row.default),
    )
    assert list(tmp_path.iterdir()) == []


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "quayside.toml"
    file.write_text(
        'port = 1\nhost = "file"\nlog_retention = "1d"\nsuperusers = ["ada", "grace"]\n'
        "[features]\nbilling = true\n"
    )
    environ = {"QUAYSIDE_CONFIG": str(file), "QUAYSIDE_PORT": "2", "QUAYSIDE_HOST": "environment"}

    settings = load_settings({"PORT": "3", "HOST": None}, environ)

    assert (settings.port, settings.host) == (3, "environment")
    assert (settings.log_retention, settings.time_machine_default) == (timedelta(days=1), timedelta(weeks=2))
    assert settings.superusers == {"ada", "grace"}
    assert "BILLING" in settings.features


def test_every_setting_is_taken_from_the_environment(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.touch()
    key.touch()

    settings = load_settings(
        {},
        {
            "QUAYSIDE_DATA_DIR": "/var/lib/quayside",
            "QUAYSIDE_DATABASE_URL": "postgresql://quay:side@db/registry",
            "QUAYSIDE_BLOB_URL": "memory:",
            "QUAYSIDE_BLOB_REDIRECTS": "true",
            "QUAYSIDE_DISK_RESERVE": "2Ti",
            "QUAYSIDE_UPLOADS_PER_ACCOUNT": "0",
            "QUAYSIDE_UPLOAD_BYTES_PER_ACCOUNT": "1000",
            "QUAYSIDE_HOST": "::1",
            "QUAYSIDE_PORT": "443",
            "QUAYSIDE_TLS_CERT": str(certificate),
            "QUAYSIDE_TLS_KEY": str(key),
            "QUAYSIDE_SECRET_KEY": f"{KEY}, {'o' * 32}",
            "QUAYSIDE_REST_STATUS_CODES": "observed",
            "QUAYSIDE_SUPERUSERS": "Ada, GRACE",
            "QUAYSIDE_GLOBAL_READONLY_SUPER_USERS": "Grace, hedy",
            "QUAYSIDE_ALLOWED_HOSTS": "registry.local",
            "QUAYSIDE_SSRF_ALLOWED_HOSTS": "hooks.internal, 10.1.0.0/16",
            "QUAYSIDE_WEBHOOK_HOSTNAME_BLACKLIST": "Hooks.example, 10.1.0.1",
            "QUAYSIDE_TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8",
            "QUAYSIDE_CONNECTIONS_PER_ADDRESS": "0",
            "QUAYSIDE_SIGN_UPS_PER_ADDRESS": "5",
            "QUAYSIDE_MAILS_PER_RECIPIENT": "6",
            "QUAYSIDE_MAILS_PER_ACCOUNT": "0",
            "QUAYSIDE_CORS_ORIGINS": "https://a.example, https://b.example:8443/",
            "QUAYSIDE_MAIL_URL": "smtps://user:password@mail.example:465?from=me@example.com",
            "QUAYSIDE_LOG_RETENTION": "0",
            "QUAYSIDE_TIME_MACHINE_DEFAULT": "36h",
            "QUAYSIDE_PROXY_CACHE_CHECK": "5m",
            "QUAYSIDE_BUILD_NETWORK": "host",
            "QUAYSIDE_BUILD_REGISTRY_URL": "http://10.0.0.1:8080/",
            "QUAYSIDE_BUILD_UNSAFE_ROOT": "true",
            "QUAYSIDE_BUILD_TIMEOUT": "90m",
            "QUAYSIDE_BUILD_MEMORY": "1GiB",
            "QUAYSIDE_BUILD_DISK": "5G",
            "QUAYSIDE_SCAN_LAYER_SIZE": "2GiB",
            "QUAYSIDE_BUILDS_QUEUED": "0",
            "QUAYSIDE_DEFAULT_SYSTEM_REJECT_QUOTA_BYTES": "500G",
            "QUAYSIDE_SUBSCRIPTIONS": "10000",
            "QUAYSIDE_SUBSCRIPTIONS_PER_ACCOUNT": "1",
            "QUAYSIDE_SUBSCRIPTIONS_PER_ADDRESS": "2",
            "QUAYSIDE_SUBSCRIPTIONS_ANONYMOUS": "0",
            "QUAYSIDE_FEATURE_BILLING": "TRUE",
            "QUAYSIDE_FEATURE_MAILING": "false",
        },
    )

    assert settings == Settings(
        data_dir=Path("/var/lib/quayside"),
        database_url="postgresql://quay:side@db/registry",
        blob_url="memory:",
        blob_redirects=True,
        disk_reserve=2 * 1024**4,
        uploads_per_account=0,
        upload_bytes_per_account=1000,
        host="::1",
        port=443,
        tls_cert=certificate,
        tls_key=key,
        public_url="https://[::1]:443",
        secret_key=(KEY, "o" * 32),
        rest_status_codes="observed",
        superusers=frozenset({"ada", "grace"}),
        global_readonly_super_users=frozenset({"grace", "hedy"}),
        allowed_hosts=frozenset({"registry.local"}),
        ssrf_allowed_hosts=frozenset({"hooks.internal", "10.1.0.0/16"}),
        webhook_hostname_blacklist=frozenset({"hooks.example", "10.1.0.1"}),
        trusted_proxies=(IPv4Network("10.0.0.0/8"), IPv6Network("fd00::/8")),
        connections_per_address=0,
        cors_origins=("https://a.example", "https://b.example:8443"),
        mail_url=MailServer(
            host="mail.example",
            port=465,
            username="user",
            password="password",
            sender="me@example.com",
            is_tls=True,
            start_tls=StartTls.REQUIRED,
        ),
        sign_ups_per_address=5,
        mails_per_recipient=6,
        mails_per_account=0,
        log_retention=timedelta(),
        proxy_cache_check=timedelta(minutes=5),
        build_network="host",
        build_unsafe_root=True,
        build_registry_url="http://10.0.0.1:8080",
        build_timeout=timedelta(minutes=90),
        build_memory=1024**3,
        build_disk=5 * 1000**3,
        scan_layer_size=2 * 1024**3,
        builds_queued=0,
        time_machine_default=timedelta(hours=36),
        default_system_reject_quota_bytes=500 * 1000**3,
        subscriptions=10_000,
        subscriptions_per_account=1,
        subscriptions_per_address=2,
        subscriptions_anonymous=0,
        features=frozenset(row.name for row in FEATURES if row.default) - {"MAILING"} | {"BILLING"},
    )


def test_a_data_directory_with_blanks_is_encoded_in_urls() -> None:
    settings = load_settings({"DATA_DIR": "/srv/my data"}, {})

    assert settings.database_url == "sqlite:///srv/my%20data/quayside.db"
    assert settings.blob_url == "file:///srv/my%20data/blobs"


def test_an_empty_value_counts_as_none() -> None:
    assert load_settings({"PORT": ""}, {"QUAYSIDE_PORT": " ", "QUAYSIDE_MAIL_URL": ""}).port == 8080


@pytest.mark.parametrize("text", ["7", "512M", "512MB", "512Mi", "512 MiB", "3TB", "8388607T"])
def test_sizes_are_what_they_are_in_quotas(text: str) -> None:
    settings = load_settings({}, {"QUAYSIDE_DISK_RESERVE": text})
    assert settings.disk_reserve == byte_size.parse(text)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("PORT", "65536", "a whole number from 1 to 65535"),
        ("DISK_RESERVE", "2 gb", SIZE),
        ("DISK_RESERVE", "1.5G", SIZE),
        (
            "UPLOAD_BYTES_PER_ACCOUNT",
            "M",
            SIZE,
        ),
        ("UPLOADS_PER_ACCOUNT", "none", "a whole number from 0 to 1000000"),
        ("CONNECTIONS_PER_ADDRESS", "-1", "a whole number from 0 to 1000000"),
        ("SIGN_UPS_PER_ADDRESS", "-1", "a whole number from 0 to 1000000"),
        ("MAILS_PER_RECIPIENT", "few", "a whole number from 0 to 1000000"),
        ("MAILS_PER_ACCOUNT", "1.5", "a whole number from 0 to 1000000"),
        ("CONNECTIONS_PER_ADDRESS", "1000001", "a whole number from 0 to 1000000"),
        ("CONNECTIONS_PER_ADDRESS", "9" * 5000, "a whole number from 0 to 1000000"),
        ("CONNECTIONS_PER_ADDRESS", "many", "a whole number from 0 to 1000000"),
        ("PORT", "eighty", "a whole number from 1 to 65535"),
        ("HOST", "a b", "a host name or an IP address"),
        ("PUBLIC_URL", "registry.example.com", "http:// or https:// followed by a host and perhaps a port"),
        (
            "PUBLIC_URL",
            "https://registry.example.com/quay",
            "http:// or https:// followed by a host and perhaps a port, without a path",
        ),
        ("PUBLIC_URL", "https://host:99999", "http:// or https:// followed by a host and perhaps a port"),
        ("REST_STATUS_CODES", "both", "documented or observed"),
        ("SUPERUSERS", "Ada Lovelace", "a list of user names, separated by commas"),
        ("GLOBAL_READONLY_SUPER_USERS", "a b", "a list of user names, separated by commas"),
        (
            "SSRF_ALLOWED_HOSTS",
            "http://a",
            "a list of host names, addresses and networks such as 10.0.0.0/8, separated by commas",
        ),
        (
            "WEBHOOK_HOSTNAME_BLACKLIST",
            "10.0.0.0/8",
            "a list of host names and addresses, separated by commas",
        ),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "a list of networks such as 10.0.0.0/8, separated by commas"),
        (
            "CORS_ORIGINS",
            "*,https://a.example",
            "* or a list of origins such as https://console.example.com, separated by commas",
        ),
        (
            "LOG_RETENTION",
            "30",
            "a whole number with one of the units s, m, h, d, w, y, such as 30d",
        ),
        ("DEFAULT_SYSTEM_REJECT_QUOTA_BYTES", "-1", SIZE),
        ("DEFAULT_SYSTEM_REJECT_QUOTA_BYTES", "8EiB", SIZE),
        ("SUBSCRIPTIONS", "0", "a whole number from 1 to 10000"),
        ("SUBSCRIPTIONS_PER_ACCOUNT", "many", "a whole number from 1 to 10000"),
        ("SUBSCRIPTIONS_PER_ADDRESS", "10001", "a whole number from 1 to 10000"),
        ("SUBSCRIPTIONS_ANONYMOUS", "-1", "a whole number from 0 to 10000"),
        ("FEATURE_BILLING", "yes", "true or false"),
    ],
)
def test_an_invalid_value_is_reported_with_its_setting(name: str, text: str, expected: str) -> None:
    problem = f"{name} must be {expected}, not {text!r} (in the variable QUAYSIDE_{name})."

    assert problems_of({}, {PREFIX + name: text}) == (problem,)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "DATABASE_URL",
            "mysql://u:hunter2@h/d",
            "sqlite:///absolute/path or postgresql://user:password@host/name",
        ),
        (
            "DATABASE_URL",
            "sqlite://hunter2",
            "sqlite:///absolute/path or postgresql://user:password@host/name",
        ),
        ("BLOB_URL", "file://hunter2/blobs", "file:///absolute/path, s3://bucket/prefix or memory:"),
        ("BLOB_URL", "file:///blobs?hunter2", "file:///absolute/path, s3://bucket/prefix or memory:"),
        ("SECRET_KEY", "hunter2", "a list of keys of at least 32 characters each, separated by commas"),
        (
            "MAIL_URL",
            "hunter2",
            mail_url.FORM,
        ),
    ],
)
def test_a_secret_value_is_not_quoted(name: str, text: str, expected: str) -> None:
    assert problems_of({}, {PREFIX + name: text}) == (
        f"{name} must be {expected} (in the variable QUAYSIDE_{name}).",
    )


def test_all_problems_are_reported_at_once() -> None:
    assert problems_of({"PORT": "x"}, {"QUAYSIDE_MAILING": "x", "QUAYSIDE_HOST": "a b"}) == (
        "The variable QUAYSIDE_MAILING is not a setting; the nearest is QUAYSIDE_FEATURE_MAILING.",
        "HOST must be a host name or an IP address, not 'a b' (in the variable QUAYSIDE_HOST).",
        "PORT must be a whole number from 1 to 65535, not 'x' (on the command line).",
    )


def test_an_unknown_feature_is_an_error_that_names_the_nearest() -> None:
    assert problems_of({}, {"QUAYSIDE_FEATURE_BILING": "true"}) == (
        "The variable QUAYSIDE_FEATURE_BILING is not a setting; the nearest is QUAYSIDE_FEATURE_BILLING.",
    )


def test_variables_of_orchestrators_and_tests_are_passed_over() -> None:
    environ = {
        "QUAYSIDE_SERVICE_HOST": "10.0.0.1",
        "QUAYSIDE_SERVICE_PORT_HTTP": "8080",
        "QUAYSIDE_PORT": "tcp://10.0.0.1:8080",
        "QUAYSIDE_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "QUAYSIDE_FAULT": "blob.commit",
        "PORT": "x",
    }

    assert load_settings({}, environ) == load_settings({}, {})


def test_keys_of_the_file_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "quayside.toml"
    file.write_text(
        'prot = 1\nsuperusers = ["a,b"]\nhost = 1.5\nport = "x"\n[features]\nbiling = true\nmailing = 1\n'
    )

    kinds = "text, a whole number, true, false, or a list of texts without commas"
    assert problems_of({}, {"QUAYSIDE_CONFIG": str(file)}) == (
        f"The key prot in {file} is not a setting; the nearest is port.",
        f"SUPERUSERS must be {kinds} (in {file}).",
        f"HOST must be {kinds} (in {file}).",
        f"The key features.biling in {file} is not a setting; the nearest is features.billing.",
        f"PORT must be a whole number from 1 to 65535, not 'x' (in {file}).",
        f"FEATURE_MAILING must be true or false, not '1' (in {file}).",
    )


@pytest.mark.parametrize("content", [None, b"port =", b"\xff"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "quayside.toml"
    if content is not None:
        file.write_bytes(content)

    (problem,) = problems_of({}, {"QUAYSIDE_CONFIG": str(file)})

    assert problem.startswith(f"QUAYSIDE_CONFIG must name a TOML file, but {file} cannot be read: ")


def test_postgresql_needs_a_secret_key() -> None:
    (problem,) = problems_of({}, {"QUAYSIDE_DATABASE_URL": "postgresql://h/d"})

    assert problem == (
        "SECRET_KEY must be set when DATABASE_URL is a PostgreSQL database, "
        "since all processes that use it need the same key."
    )


def test_certificate_and_key_come_together(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.touch()

    assert problems_of({}, {"QUAYSIDE_TLS_CERT": str(certificate)}) == (
        "TLS_CERT and TLS_KEY must be set together.",
    )


def test_secrets_are_not_shown() -> None:
    settings = load_settings(
        {},
        {
            "QUAYSIDE_DATABASE_URL": "postgresql://u:hunter2@h/d",
            "QUAYSIDE_SECRET_KEY": "hunter2" * 5,
            "QUAYSIDE_MAIL_URL": "smtp://u:hunter2@h",
        },
    )

    assert "hunter2" not in repr(settings)

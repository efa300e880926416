"""Settings as they are shown: their values and sources, and nothing that is secret in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quayside.configuration import ServerConfiguration
from quayside.configuration.shown import MASK, duration, json_schema, masked_url, records
from quayside.settings import parsers
from quayside.settings.features import FEATURES
from quayside.settings.settings import load_settings
from quayside.settings.table import SETTINGS, Secrecy
from tests.factories import Factory
from tests.schema.client import endpoint

PLANT = "hunter2hunter2hunter2hunter2hunter2"
PLANTED = {
    "DATABASE_URL": f"postgresql://quay:{PLANT}@db.example/quay?sslmode=require&password={PLANT}&a={PLANT}",
    "MAIL_URL": f"smtps://quay:{PLANT}@mail.example?from=quay@example.com",
    "BLOB_URL": "s3://bucket/prefix?endpoint=https://s3.example:9000&region=eu-1",
    "SECRET_KEY": f"{PLANT},{PLANT}{PLANT}",
}
SHOWN = {
    "DATABASE_URL": f"postgresql://quay:{MASK}@db.example/quay?sslmode=require&password={MASK}&a={MASK}",
    "MAIL_URL": f"smtps://quay:{MASK}@mail.example:465?from=quay@example.com",
    "BLOB_URL": "s3://bucket/prefix?endpoint=https://s3.example:9000&region=eu-1",
    "SECRET_KEY": MASK,
}
OPEN = [row for row in SETTINGS if row.secrecy is Secrecy.OPEN]
ASK = """{ site { settingsSchema settings { name value source isSecret description reasons }
  findings { check reason settings } } }"""


async def test_no_planted_secret_is_in_the_answer(factory: Factory, tmp_path: Path) -> None:
    # Given a secret in each setting that can have one
    assert PLANTED.keys() == {row.name for row in SETTINGS if row.secrecy is not Secrecy.OPEN}
    settings = load_settings(
        {"DATA_DIR": str(tmp_path)}, {f"QUAYSIDE_{name}": text for name, text in PLANTED.items()}
    )
    site = replace(factory.site, configuration=ServerConfiguration(settings))
    await factory.user("root", is_superuser=True)

    # When everything is asked
    async with endpoint(replace(factory, site=site)) as client:
        found = (await client.with_token(await factory.token("root")).data(ASK))["site"]

    # Then it is nowhere, and masks stand in its place
    assert "hunter2" not in str(found)
    by_name = {one["name"]: one for one in found["settings"]}
    assert {name: by_name[name]["value"] for name in SHOWN} == SHOWN
    assert {name for name, one in by_name.items() if one["isSecret"]} == PLANTED.keys()


@pytest.mark.parametrize(
    "row", [row for row in SETTINGS if row.secrecy is Secrecy.OPEN], ids=lambda row: row.name
)
def test_other_settings_take_no_address_with_a_password(row: Any) -> None:
    if row.parse is parsers.path:
        pytest.skip("a directory may have any name")
    with pytest.raises(ValueError, match=r"."):
        row.parse(f"https://quay:{PLANT}@host.example/")


def test_values_and_sources(tmp_path: Path) -> None:
    file = tmp_path / "quayside.toml"
    file.write_text('superusers = ["zoe", "ada"]\nport = 81\n[features]\nbilling = true\n', encoding="utf-8")
    settings = load_settings(
        {"PORT": "82"},
        {
            "QUAYSIDE_CONFIG": str(file),
            "QUAYSIDE_LOG_RETENTION": "36h",
            "QUAYSIDE_TRUSTED_PROXIES": "10.0.0.0/8",
            "QUAYSIDE_FEATURE_SIGNING": "false",
        },
    )

    found = {one.name: (one.value, one.source.name) for one in records(settings)}

    assert list(found) == sorted(found)
    assert len(found) == len(SETTINGS) + len(FEATURES)
    for name, expected in {
        "PORT": (82, "FLAG"),
        "SUPERUSERS": (["ada", "zoe"], "FILE"),
        "FEATURE_BILLING": (True, "FILE"),
        "FEATURE_SIGNING": (False, "VARIABLE"),
        "LOG_RETENTION": ("36h", "VARIABLE"),
        "TRUSTED_PROXIES": (["10.0.0.0/8"], "VARIABLE"),
        "TIME_MACHINE_DEFAULT": ("2w", "DEFAULT"),
        "DISK_RESERVE": (256 << 20, "DEFAULT"),
        "BLOB_REDIRECTS": (False, "DEFAULT"),
        "REST_STATUS_CODES": ("documented", "DEFAULT"),
        "MAIL_URL": (None, "DEFAULT"),
        "SECRET_KEY": (None, "DEFAULT"),
        "TLS_CERT": (None, "DEFAULT"),
    }.items():
        assert found[name] == expected, name


JSON_TYPES = {
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "array",
    type(None): "null",
}


def test_the_schema_has_the_type_of_each_value(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": str(tmp_path)}, {"QUAYSIDE_SECRET_KEY": PLANT})
    schema = json_schema()["properties"]

    assert list(schema) == [one.name for one in records(settings)]
    for one in records(settings):
        kind = schema[one.name]
        assert kind["description"] == one.description
        if "enum" in kind:
            assert one.value in kind["enum"]
        else:
            kinds = kind["type"] if isinstance(kind["type"], list) else [kind["type"]]
            assert JSON_TYPES[type(one.value)] in kinds, one.name
    assert schema["MAIL_URL"]["type"] == ["string", "null"]
    assert schema["REST_STATUS_CODES"]["enum"] == ["documented", "observed"]
    assert schema["SUPERUSERS"] == {**schema["SUPERUSERS"], "type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("memory:", "memory:"),
        ("sqlite:///data/quay%20side.db", "sqlite:///data/quay%20side.db"),
        ("file:///data/blobs", "file:///data/blobs"),
        ("postgresql://quay@db.example/quay", "postgresql://quay@db.example/quay"),
        ("postgresql://quay:a%40b@db.example:5433/q", f"postgresql://quay:{MASK}@db.example:5433/q"),
        ("postgresql://q:a@b@[::1]/q", f"postgresql://q:{MASK}@[::1]/q"),
        ("postgresql:///q?host=/run/pg&passfile=x", f"postgresql:///q?host=/run/pg&passfile={MASK}"),
        ("smtp://q:a@m:25?starttls=required&x=a", f"smtp://q:{MASK}@m:25?starttls=required&x={MASK}"),
        ("s3://b?endpoint=https://a:b@c", f"s3://b?endpoint=https://a:{MASK}@c"),
    ],
)
def test_masked_urls(url: str, masked: str) -> None:
    assert masked_url(url) == masked


@pytest.mark.parametrize("text", ["0", "1s", "90s", "36h", "10d", "2w", "1y", "53w"])
def test_durations_read_as_they_are_shown(text: str) -> None:
    assert duration(parsers.duration(text)) == text
    assert parsers.duration(duration(parsers.duration(text))) == parsers.duration(text)


async def test_who_may_not_see_settings_sees_nothing(factory: Factory) -> None:
    await factory.user("ada")
    async with endpoint(factory) as client:
        ada = client.with_token(await factory.token("ada"))
        for field in ("settings { name }", "findings { reason }", "settingsSchema"):
            assert await ada.refusal(f"{{ site {{ {field} }} }}") == "FORBIDDEN"
            assert await client.refusal(f"{{ site {{ {field} }} }}") == "UNAUTHENTICATED"

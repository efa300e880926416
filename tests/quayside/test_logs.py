import json
import logging
from typing import Any

import pytest

from quayside.logs import JSONFormatter, redact, request_id


def line_of(message: str, *arguments: object, **extra: Any) -> dict[str, Any]:
    """What a record is written as, read back."""
    record = logging.makeLogRecord(
        {"name": "quayside.test", "levelname": "WARNING", "msg": message, "args": arguments, **extra}
    )
    record.created = 1767323045.678
    line: dict[str, Any] = json.loads(JSONFormatter().format(record))
    return line


def test_a_record_is_one_line_of_json() -> None:
    assert line_of("moved %s\nto %s", "a", "b", tag="latest", bytes=3) == {
        "time": "2026-01-02T03:04:05.678000Z",
        "level": "WARNING",
        "logger": "quayside.test",
        "message": "moved a\nto b",
        "tag": "latest",
        "bytes": 3,
    }
    assert "\n" not in JSONFormatter().format(logging.makeLogRecord({"msg": "a\nb"}))


def test_a_record_made_in_a_request_carries_its_id() -> None:
    token = request_id.set("r1")
    try:
        assert line_of("hello")["request_id"] == "r1"
    finally:
        request_id.reset(token)


def test_an_exception_stands_in_the_line() -> None:
    with pytest.raises(ValueError, match="hunter2") as caught:
        raise ValueError("token=hunter2 is wrong")

    line = line_of("failed", exc_info=(caught.type, caught.value, caught.tb))

    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("\nValueError: token=[redacted] is wrong")


@pytest.mark.parametrize("value", [{"nested": object}, 2**70, "\udcff", b"bytes"])
def test_a_value_of_any_type_can_be_logged(value: object) -> None:
    assert "value" in line_of("odd", value=value)


@pytest.mark.parametrize("name", ["authorization", "Set_Cookie", "password", "access_token", "client_secret"])
def test_a_field_that_is_named_like_a_secret_is_blotted_out(name: str) -> None:
    assert line_of("hello", **{name: "hunter2"})[name] == "[redacted]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer eyJhbGciOi.J9-x_", "Authorization: Bearer [redacted]"),
        ("authorization: basic aHVudGVyMg==", "authorization: basic [redacted]"),
        ("postgresql://quay:hunter2@db/registry", "postgresql://quay:[redacted]@db/registry"),
        ("/oauth?access_token=hunter2&state=1", "/oauth?access_token=[redacted]&state=1"),
        ("{'password': 'hunter2', 'name': 'ada'}", "{'password': '[redacted]', 'name': 'ada'}"),
        ("set-cookie: hunter2; Path=/", "set-cookie: [redacted]; Path=/"),
        ("the basic rules of tokens and passwords", "the basic rules of tokens and passwords"),
        ("http://127.0.0.1:8080/v2/", "http://127.0.0.1:8080/v2/"),
        ("pulled acme/app@sha256:0123", "pulled acme/app@sha256:0123"),
    ],
)
def test_texts_lose_their_secrets_and_nothing_else(text: str, expected: str) -> None:
    assert redact(text) == expected

"""Forms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_compat.forms import READ_FORMS, WRITE_FORMS

MOMENT = "2024-11-05T01:02:03.999Z"


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("RFC2822", MOMENT, "Tue, 05 Nov 2024 01:02:03 -0000"),
        ("RFC2822", "2024-11-05T03:02:03+02:00", "Tue, 05 Nov 2024 01:02:03 -0000"),
        ("HTTP_DATE", MOMENT, "Tue, 05 Nov 2024 01:02:03 GMT"),
        ("ISO_SECONDS", MOMENT, "2024-11-05T01:02:03Z"),
        ("DAY", MOMENT, "2024-11-05"),
        ("EPOCH", MOMENT, 1730768523),
        ("EPOCH_MS", MOMENT, 1730768523999),
        ("LOWER", "READ_ONLY", "read_only"),
        ("KEBAB", "BUILD_SCHEDULED", "build-scheduled"),
        ("TITLE", "REJECT", "Reject"),
        ("UPPER", "NORMAL", "NORMAL"),
        ("IEC_BYTES", 0, "0.0 Byte"),
        ("IEC_BYTES", 500, "500.0 Byte"),
        ("IEC_BYTES", 3000, "2.9 KiB"),
        ("IEC_BYTES", 10 * 2**30, "10.0 GiB"),
        ("IEC_BYTES", 2**90, "1024.0 YiB"),
    ],
)
def test_written(form: str, value: Any, text: Any) -> None:
    assert WRITE_FORMS[form].render(value) == text


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("US_DAY", "11/05/2024", "2024-11-05T00:00:00Z"),
        ("US_DAY_AFTER", "12/31/2024", "2025-01-01T00:00:00Z"),
        ("EPOCH", 1730768523, "2024-11-05T01:02:03Z"),
        ("ISO_SECONDS", "2024-11-05T01:02:03Z", "2024-11-05T01:02:03Z"),
        ("NAME_FILTER", "like:a:b", {"contains": "a:b"}),
        ("NAME_FILTER", "eq:a", {"equals": "a"}),
        ("NAME_FILTER", "gt:a", {}),
        ("PAGE", "3", 3),
        ("PAGE", "-3", 1),
    ],
)
def test_read(form: str, text: Any, value: Any) -> None:
    assert READ_FORMS[form].read(text) == value


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("US_DAY", "2024-11-05"),
        ("US_DAY", "13/01/2024"),
        ("US_DAY_AFTER", "12/31/9999"),
        ("EPOCH", 1e18),
        ("ISO_SECONDS", "2024-11-05"),
        ("ISO_SECONDS", "2024-13-05T01:02:03Z"),
        ("NAME_FILTER", "plain"),
        ("PAGE", "٣"),
        ("PAGE", "1_0"),
    ],
)
def test_unreadable(form: str, text: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own parsers word most of them.
        READ_FORMS[form].read(text)


@given(st.text())
def test_no_text_breaks_a_reader(text: str) -> None:
    for form in ("US_DAY", "US_DAY_AFTER", "ISO_SECONDS", "NAME_FILTER", "PAGE"):
        try:
            READ_FORMS[form].read(text)
        except ValueError:
            continue

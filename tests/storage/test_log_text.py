"""Metadata of logs: each value at a bounded length."""

import orjson

from storage import log_text


def test_what_fits_stays_as_it_is() -> None:
    metadata = {"text": "é" * 1024, "number": 2**53, "none": None, "list": ["a", {"b": [True]}]}

    assert orjson.loads(log_text.encode(metadata)) == metadata


def test_texts_are_cut_wherever_they_stand() -> None:
    long = "a" * 1025
    cut = "a" * 1023 + "…"

    found = orjson.loads(log_text.encode({"text": long, "deep": {"list": [long, (long,)], long: 1}}))

    assert found == {"text": cut, "deep": {"list": [cut, [cut]], cut: 1}}


def test_lists_and_objects_are_cut() -> None:
    found = orjson.loads(
        log_text.encode({"list": list(range(101)), "object": {str(n): n for n in range(101)}})
    )

    assert (found["list"], len(found["object"])) == (list(range(100)), 100)

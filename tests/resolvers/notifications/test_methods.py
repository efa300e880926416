"""Templates, signatures and sentences of notifications."""

from typing import Any

import orjson
import pytest

from resolvers.notifications.kinds import EVENTS, NotificationEvent, days_of
from resolvers.notifications.methods import Outgoing
from resolvers.notifications.signature import signature
from resolvers.notifications.template import TooLong, fill, parse

PAYLOAD = {
    "name": "app",
    "tags": ["a", "b"],
    "vulnerability": {"id": "CVE-1", "has_fix": True},
    "digest": None,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{}", {}),
        ('"${name}"', "app"),
        ('["${tags}", "${tags.1}", "${tags[0]}", "${ name }"]', [["a", "b"], "b", "a", "app"]),
        ('{"${name}": "${vulnerability.has_fix}"}', {"${name}": True}),
        ('"${tags[7]} ${digest}${nothing}${name.x}|"', " |"),
        ('"${name}: ${vulnerability}"', 'app: {"id":"CVE-1","has_fix":true}'),
        ('["$name", "$", "${digest}", 1, null, "{}"]', ["$name", "$", None, 1, None, "{}"]),
        ({"text": "${name}"}, {"text": "app"}),
    ],
)
def test_a_template_is_filled(template: Any, expected: Any) -> None:
    assert orjson.loads(fill(parse(template), PAYLOAD)) == expected


def test_a_value_of_the_payload_is_no_template() -> None:
    assert fill(parse('"${name}"'), {"name": "${secret}", "secret": "x"}) == b'"${secret}"'


@pytest.mark.parametrize("form", ["${tags}", "a ${tags}"])
def test_a_template_takes_no_more_than_fits(form: str) -> None:
    large = {"tags": ["v" * 100] * 1000}

    assert len(fill([form] * 8, large)) > 800_000
    with pytest.raises(TooLong):
        fill([form] * 5000, large)
    # Texts within texts grow once more.
    with pytest.raises(TooLong):
        fill(["a ${text}"], {"text": '"' * 600_000})


def test_days_are_judged_by_their_length_first() -> None:
    assert [days_of({"days": days}) for days in ("7", "007", 7, "0", "", "1" * 5000, "0" * 5000)] == [
        *(7, 7, 7),
        *(None, None, None, None),
    ]


def test_the_signature_covers_the_time_and_the_body() -> None:
    # By `printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac key`.
    mac = "80f7b75f8618b9b24d72673996a625f1a43f7387a26b6739d667431724fe4d23"

    assert signature("key", b'{"a":1}', now_s=1_767_225_600) == f"t=1767225600,v1={mac}"


def test_a_sentence_is_there_even_if_the_payload_lacks_something() -> None:
    def summary(event: NotificationEvent, **payload: Any) -> str:
        home = {"repository": "acme/app", "homepage": "https://registry.test/repository/acme/app"}
        return Outgoing(EVENTS[event], "id", home | payload, {}, None, 1, 1).summary

    event = NotificationEvent.VULNERABILITY_FOUND
    found = {"id": "CVE-1", "priority": "High"}
    assert (
        summary(event, vulnerability=found, tags=["a", "b"]) == "High vulnerability CVE-1 in acme/app: a, b"
    )
    assert summary(event) == (
        "A new advisory tells of a vulnerability in an image. (https://registry.test/repository/acme/app)"
    )

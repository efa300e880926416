"""Signatures: only who knows the secret of a trigger can have sent a webhook, as each service proves it."""

import base64
from collections.abc import Mapping

import pytest

from resolvers.builds.triggers.services import TriggerService, delivery_of, is_signed
from resolvers.builds.triggers.signatures import SIGNED_FOR_S, new_secret
from storage.clock import now_ms
from tests.resolvers.builds.triggers.samples import gitlab_signature, hub_signature

SECRET = new_secret()
BODY = '{"ferry": "blåbär"}'.encode()

HUB = [(TriggerService.GITHUB, "x-hub-signature-256"), (TriggerService.BITBUCKET, "x-hub-signature")]


@pytest.mark.parametrize(("service", "header"), HUB)
def test_github_and_bitbucket_sign_the_body(service: TriggerService, header: str) -> None:
    # The example in GitHub's documentation.
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    right = hub_signature(SECRET, BODY)
    assert is_signed(service, "It's a Secret to Everybody", {header: known}, b"Hello, World!")

    assert is_signed(service, SECRET, {header: right}, BODY)
    for wrong in ("", known, right[7:], right.upper(), right + "é", hub_signature("other", BODY)):
        assert not is_signed(service, SECRET, {header: wrong}, BODY), wrong
    assert not is_signed(service, SECRET, {header: right}, BODY + b" ")
    assert not is_signed(service, SECRET, {}, BODY)
    assert not is_signed(service, "", {header: hub_signature("", BODY)}, BODY)


def test_gitlab_sends_the_secret_or_signs_with_it() -> None:
    now_s = now_ms() // 1000

    def signed(headers: Mapping[str, str], body: bytes = BODY) -> bool:
        return is_signed(TriggerService.GITLAB, SECRET, headers, body)

    assert signed({"x-gitlab-token": SECRET})
    assert not signed({"x-gitlab-token": SECRET[:-1]})
    assert not signed({})
    right = gitlab_signature(SECRET, BODY, now_s=now_s)
    assert signed(right)
    assert not signed(right, BODY + b" ")
    assert not signed(right | {"webhook-id": "two"})
    assert not signed(right | {"webhook-timestamp": str(now_s - 1)})
    assert not signed(right | {"webhook-timestamp": "²"})
    assert not signed(gitlab_signature(new_secret(), BODY, now_s=now_s))
    old = gitlab_signature(SECRET, BODY, now_s=now_s - SIGNED_FOR_S - 5)
    assert not signed(old)


def test_a_secret_is_one_that_gitlab_takes_as_a_signing_token() -> None:
    assert len(base64.b64decode(SECRET.removeprefix("whsec_"), validate=True)) == 32
    assert new_secret() != SECRET


def test_a_service_without_signatures_is_never_signed() -> None:
    headers = {"x-hub-signature-256": hub_signature(SECRET, BODY), "x-gitlab-token": SECRET}

    assert not is_signed(TriggerService.CUSTOM_GIT, SECRET, headers, BODY)


def test_deliveries_have_the_name_that_stays_when_they_are_sent_again() -> None:
    again = {"idempotency-key": "k", "x-gitlab-event-uuid": "u", "x-github-delivery": "g"}

    assert delivery_of(TriggerService.GITLAB, again) == "k"
    assert delivery_of(TriggerService.GITLAB, {"x-gitlab-event-uuid": "u"}) == "u"
    assert delivery_of(TriggerService.GITHUB, again) == "g"
    assert delivery_of(TriggerService.BITBUCKET, again) is None
    assert delivery_of(TriggerService.CUSTOM_GIT, again) is None

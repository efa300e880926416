"""Services: where source code is, and who tells when it changes.

service      event              delivery               signed by
GitHub       X-GitHub-Event     X-GitHub-Delivery      X-Hub-Signature-256
GitLab       X-Gitlab-Event     Idempotency-Key        X-Gitlab-Token, or webhook-signature
Bitbucket    X-Event-Key        X-Request-UUID         X-Hub-Signature
custom git                                             nothing: the token in the address
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import orjson

from resolvers.builds.triggers import payloads
from resolvers.builds.triggers.payloads import Parser
from resolvers.builds.triggers.push import Push
from resolvers.builds.triggers.signatures import is_gitlab_signed, is_hub_signed
from resolvers.errors import Invalid
from storage.clock import now_ms

_LONGEST_DELIVERY: Final = 256


class TriggerService(StrEnum):
    """The service of a trigger. The names are those of the REST API. Each has a row in `SERVICES`."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    CUSTOM_GIT = "custom-git"


Verify: TypeAlias = Callable[[str, Mapping[str, str], bytes], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """How the webhooks of a service are read. Header fields are in small letters.

    `verify` says whether a secret signed a request, by `signature_headers`; None where the service has none.
    """

    service: TriggerService
    parse: Parser
    event_header: str | None = None
    delivery_headers: tuple[str, ...] = ()
    signature_headers: tuple[str, ...] = ()
    verify: Verify | None = None


_ROWS: Final = (
    ServiceRow(
        service=TriggerService.GITHUB,
        parse=payloads.github,
        event_header="x-github-event",
        delivery_headers=("x-github-delivery",),
        signature_headers=("x-hub-signature-256",),
        verify=partial(is_hub_signed, "x-hub-signature-256"),
    ),
    ServiceRow(
        service=TriggerService.GITLAB,
        parse=payloads.gitlab,
        event_header="x-gitlab-event",
        delivery_headers=("idempotency-key", "x-gitlab-event-uuid"),
        signature_headers=("x-gitlab-token", "webhook-signature"),
        verify=lambda secret, headers, body: is_gitlab_signed(secret, headers, body, now_s=now_ms() // 1000),
    ),
    ServiceRow(
        service=TriggerService.BITBUCKET,
        parse=payloads.bitbucket,
        event_header="x-event-key",
        delivery_headers=("x-request-uuid",),
        signature_headers=("x-hub-signature",),
        verify=partial(is_hub_signed, "x-hub-signature"),
    ),
    ServiceRow(service=TriggerService.CUSTOM_GIT, parse=payloads.custom_git),
)

SERVICES: Final = MappingProxyType({row.service: row for row in _ROWS})


def parse_push(service: TriggerService, headers: Mapping[str, str], body: bytes) -> tuple[Push, ...]:
    """The pushes of a webhook, one for each reference, at least one.

    Raises `Ignored` for what is no push of a commit, and `Invalid`, which names the field of the payload.
    """
    row = SERVICES[service]
    event = headers.get(row.event_header) if row.event_header else None
    return row.parse(event, _payload(headers.get("content-type", ""), body))


def is_signed(service: TriggerService, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether whoever knows the secret of a trigger has sent a webhook."""
    verify = SERVICES[service].verify
    return verify is not None and bool(secret) and verify(secret, headers, body)


def is_signable(headers: Mapping[str, str]) -> bool:
    """Whether a request has a header field in which some service signs."""
    return any(header in headers for row in SERVICES.values() for header in row.signature_headers)


def delivery_of(service: TriggerService, headers: Mapping[str, str]) -> str | None:
    """What a service calls this webhook, the same whenever it is sent again; None if it has no name."""
    named = (headers.get(header, "") for header in SERVICES[service].delivery_headers)
    return next((name[:_LONGEST_DELIVERY] for name in named if name), None)


def _payload(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        # GitHub sends forms unless it is told otherwise.
        try:
            fields = dict(parse_qsl(body.decode(), max_num_fields=10))
        except ValueError as error:
            raise Invalid("The body must be a form with the field payload.", field="body") from error
        body = fields.get("payload", "").encode()
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid("The body must be JSON.", field="body") from error
    if not isinstance(payload, dict):
        raise Invalid("The body must be a JSON object.", field="body")
    return payload

"""Methods that send an HTTP request: each makes one of an event, and one function sends it.

A receiver has taken an event if it answers 2xx in ten seconds. Redirects are not followed: the event goes
to the address that an administrator chose.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import orjson

from resolvers.context import Context
from resolvers.errors import Invalid, QuaysideError, Upstream
from resolvers.notifications.kinds import Facts, Tone
from resolvers.notifications.methods import FIELD, MethodRow, NotificationMethod, Outgoing, Sent, Unsent
from resolvers.notifications.signature import HEADER, signature
from resolvers.notifications.template import MAXIMUM_FILLED, TooLong, fill, parse
from resolvers.outbound.client import Client, Stream
from resolvers.outbound.transport import Limits
from resolvers.outbound.urls import ascii_host, server_of, split_url
from resolvers.repositories.policies import Place
from storage.clock import now_ms

TIMEOUT_S: Final = 10.0
RESPONSE_BYTES: Final = 4096
"""How much of an answer is kept."""
LIMITS: Final = Limits(time_s=TIMEOUT_S, response_bytes=1 << 30, redirects=0, connections=1)
URL_LENGTH: Final = 2048
VALUE_LENGTH: Final = 256
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Post:
    """A request to send."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": _JSON})


async def _send(
    make: Callable[[Context, Outgoing], Post], context: Context, client: Client, outgoing: Outgoing
) -> Sent:
    """Send the request of a method. Raises `Unsent`."""
    post = make(context, outgoing)
    headers = post.headers | {
        "User-Agent": "quayside-notification",
        "X-Quayside-Event": outgoing.event.event.value,
        "X-Quayside-Event-Id": outgoing.event_id,
    }
    if outgoing.secret is not None:
        headers[HEADER] = signature(outgoing.secret, post.body, now_s=now_ms() // 1000)
    try:
        _check_host(context, post.url)
        async with client.stream("POST", post.url, headers=headers, content=post.body) as answer:
            status, response = answer.status, await _beginning(answer)
    except QuaysideError as error:
        raise Unsent(error.message) from error
    if 200 <= status < 300:
        return Sent(status, response)
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    raise Unsent(f"{server_of(post.url)} answered {status}{hint}.", http_status=status, response=response)


async def _beginning(answer: Stream) -> str:
    """The first bytes of an answer as text that both databases hold."""
    found = b""
    try:
        async for piece in answer.pieces:
            found += piece
            if len(found) >= RESPONSE_BYTES:
                break
    except Upstream:
        # The status was received, and it is what counts.
        pass
    return found[:RESPONSE_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _posting(make: Callable[[Context, Outgoing], Post]) -> Any:
    return partial(_send, make)


# What is asked of configurations


def text_of(config: Facts, key: str, missing: str, *, length: int = VALUE_LENGTH) -> str:
    """A text of a configuration. Raises `Invalid` with the text `missing` if there is none."""
    value = config.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "":
        raise Invalid(missing, field=FIELD)
    if not isinstance(value, str) or len(value) > length:
        raise Invalid(f"{FIELD}: {key} must be a text of at most {length} characters.", field=FIELD)
    return value


def _check_host(context: Context, url: str) -> None:
    """Raise `Invalid` for a host to which the operator lets nothing be sent."""
    host = ascii_host(split_url(url)).rstrip(".")
    if host in context.site.webhook_hostname_blacklist:
        raise Invalid(f"The operator of the registry lets no notifications be sent to {host}.")


async def _check_url(context: Context, config: Facts, missing: str, invalid: str) -> None:
    """Judge the `url` of a configuration.

    A host that is unknown today may be known tomorrow; where it leads is judged again for each connection.
    """
    url = text_of(config, "url", missing, length=URL_LENGTH)
    try:
        _check_host(context, url)
        await context.site.outbound.check(url)
    except Upstream:
        return
    except Invalid as error:
        raise Invalid(invalid, field=FIELD) from error


async def _check_webhook(context: Context, _: Place, config: Facts) -> None:
    await _check_url(context, config, "Missing webhook URL", "Invalid webhook URL")
    if config.get("template"):
        parse(config["template"])


async def _check_slack(context: Context, _: Place, config: Facts) -> None:
    await _check_url(context, config, "Missing Slack Callback URL", "Invalid Slack Callback URL")


async def _check_flowdock(_: Context, __: Place, config: Facts) -> None:
    text_of(config, "flow_api_token", "Missing Flowdock API Token")


async def _check_hipchat(_: Context, __: Place, config: Facts) -> None:
    text_of(config, "notification_token", "Missing Hipchat Room Notification Token")
    text_of(config, "room_id", "Missing Hipchat Room ID")


class _Mode:
    STRUCTURED: Final = "structured"
    BINARY: Final = "binary"


async def _check_cloudevents(context: Context, _: Place, config: Facts) -> None:
    await _check_url(
        context,
        config,
        f"{FIELD}: url must be given, the address that receives the events.",
        f"{FIELD}: url must be an http or https address on the public internet.",
    )
    if config.get("mode", _Mode.STRUCTURED) not in (_Mode.STRUCTURED, _Mode.BINARY):
        raise Invalid(f"{FIELD}: mode must be {_Mode.STRUCTURED} or {_Mode.BINARY}.", field=FIELD)


# What is sent


def _webhook(_: Context, outgoing: Outgoing) -> Post:
    template = outgoing.config.get("template")
    if not template:
        return Post(outgoing.config["url"], orjson.dumps(outgoing.payload))
    try:
        return Post(outgoing.config["url"], fill(parse(template), outgoing.payload))
    except TooLong as error:
        raise Unsent(
            f"The template makes more than {MAXIMUM_FILLED} bytes of the event.", is_final=True
        ) from error


def _escaped(text: str) -> str:
    """A text within the markup of Slack, or of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_SLACK_COLOURS: Final = {
    Tone.INFO: "#ffffff",
    Tone.SUCCESS: "good",
    Tone.WARNING: "warning",
    Tone.ERROR: "danger",
}
_HIPCHAT_COLOURS: Final = {
    Tone.INFO: "gray",
    Tone.SUCCESS: "green",
    Tone.WARNING: "yellow",
    Tone.ERROR: "red",
}


def _slack(_: Context, outgoing: Outgoing) -> Post:
    text = f"{_escaped(outgoing.summary)} (<{outgoing.payload['homepage']}|open>)"
    attachment = {
        "fallback": outgoing.summary,
        "text": text,
        "color": _SLACK_COLOURS[outgoing.event.tone],
        "mrkdwn_in": ["text"],
    }
    body = {"text": "", "username": "quayiobot", "attachments": [attachment]}
    return Post(outgoing.config["url"], orjson.dumps(body))


def _html(outgoing: Outgoing) -> str:
    return f'{_escaped(outgoing.summary)} (<a href="{outgoing.payload["homepage"]}">open</a>)'


def _flowdock(context: Context, outgoing: Outgoing) -> Post:
    token = quote(str(outgoing.config["flow_api_token"]), safe="")
    body = {
        "source": "quayside",
        "from_address": f"quayside@{context.site.registry_host.partition(':')[0]}",
        "from_name": "quayside",
        "subject": outgoing.summary,
        "content": _html(outgoing),
        "project": outgoing.payload["namespace"],
        "tags": ["#" + outgoing.event.event.value],
        "link": outgoing.payload["homepage"],
    }
    return Post(f"https://api.flowdock.com/v1/messages/team_inbox/{token}", orjson.dumps(body))


def _hipchat(_: Context, outgoing: Outgoing) -> Post:
    room, token = (quote(str(outgoing.config[key]), safe="") for key in ("room_id", "notification_token"))
    body = {
        "color": _HIPCHAT_COLOURS[outgoing.event.tone],
        "message": _html(outgoing),
        "notify": outgoing.event.tone is Tone.ERROR,
        "message_format": "html",
    }
    url = f"https://api.hipchat.com/v2/room/{room}/notification?auth_token={token}"
    return Post(url, orjson.dumps(body))


_PRINTABLE: Final = "!#$&'()*+,/:;<=>?@[\\]^`{|}"
CLOUDEVENTS_TYPE: Final = "io.quayside."


def _cloudevents(context: Context, outgoing: Outgoing) -> Post:
    """An event by the HTTP binding of CloudEvents 1.0, in the mode that was chosen."""
    place = outgoing.payload.get("repository") or outgoing.payload["namespace"]
    attributes = {
        "specversion": "1.0",
        "id": outgoing.event_id,
        "source": context.site.public_url,
        "type": CLOUDEVENTS_TYPE + outgoing.event.event.value,
        "subject": place,
        "time": outgoing.payload["occurred_at"],
    }
    url = outgoing.config["url"]
    if outgoing.config.get("mode") == _Mode.BINARY:
        # Header fields of CloudEvents are percent-encoded where they are not printable ASCII.
        headers = {f"ce-{name}": quote(text, safe=_PRINTABLE) for name, text in attributes.items()}
        return Post(url, orjson.dumps(outgoing.payload), headers | {"Content-Type": _JSON})
    body = attributes | {"datacontenttype": _JSON, "data": outgoing.payload}
    return Post(url, orjson.dumps(body), {"Content-Type": "application/cloudevents+json; charset=utf-8"})


ROWS: Final = (
    MethodRow(
        method=NotificationMethod.WEBHOOK,
        sentence="A POST of the payload as JSON.",
        config="`url`; `template`, JSON that is sent instead of the payload",
        check=_check_webhook,
        send=_posting(_webhook),
        is_signed=True,
    ),
    MethodRow(
        method=NotificationMethod.SLACK,
        sentence="A message in a channel of Slack, or of a service that understands its webhooks.",
        config="`url`",
        check=_check_slack,
        send=_posting(_slack),
    ),
    MethodRow(
        method=NotificationMethod.FLOWDOCK,
        sentence="A message to a flow of Flowdock.",
        config="`flow_api_token`",
        check=_check_flowdock,
        send=_posting(_flowdock),
    ),
    MethodRow(
        method=NotificationMethod.HIPCHAT,
        sentence="A message in a room of HipChat.",
        config="`room_id`, `notification_token`",
        check=_check_hipchat,
        send=_posting(_hipchat),
    ),
    MethodRow(
        method=NotificationMethod.CLOUDEVENTS,
        sentence="An event by CloudEvents 1.0 over HTTP.",
        config="`url`; `mode`, `structured` (the default) or `binary`",
        check=_check_cloudevents,
        send=_posting(_cloudevents),
        is_signed=True,
    ),
)

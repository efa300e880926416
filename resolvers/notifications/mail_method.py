"""The method `email`: a mail to an address that has agreed to it, by the outbox.

An address that is no longer authorized gets nothing, whatever notifications name it.
"""

from typing import Any, Final

from resolvers import mail
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.notifications.kinds import Facts
from resolvers.notifications.methods import FIELD, MethodRow, NotificationMethod, Outgoing, Unsent
from resolvers.repositories.authorized_email import agreed, path_of, stop_link
from resolvers.repositories.policies import Place

VALUE_LENGTH: Final = 500
_HIDDEN: Final = frozenset({"event_id", "homepage", "docker_url", "name", "namespace"})
"""Keys of payloads that a mail does not list: what they say stands elsewhere in it."""


async def _check(context: Context, place: Place, config: Facts) -> None:
    email = config.get("email")
    if not email or not isinstance(email, str):
        raise Invalid("Missing e-mail address", field=FIELD)
    if await agreed(place, email) is None:
        what = "repository" if place.repository else "namespace"
        raise Invalid(
            f"The specified e-mail address is not authorized to receive notifications for this {what}",
            field=FIELD,
        )


async def _write(context: Context, outgoing: Outgoing) -> None:
    """Put the mail into the outbox, in the open transaction. Raises `Unsent`."""
    if not context.site.has("MAILING"):
        raise Unsent("No mail is sent, since the feature MAILING is off.", is_final=True)
    email, payload = outgoing.config["email"], outgoing.payload
    path = payload.get("repository")
    namespace, _, name = path.partition("/") if path else (payload["namespace"], "", None)
    place = Place(outgoing.namespace_id, outgoing.repository_id, namespace, name)
    record = await agreed(place, email)
    if record is None:
        raise Unsent(f"{email} is no longer authorized to get notifications from here.", is_final=True)
    facts = "\n".join(_lines(payload))
    titled = f" “{outgoing.title}”" if outgoing.title else ""
    await mail.send(
        record.email,
        outgoing.summary,
        f"{outgoing.summary}.\n\n{facts}\n\n{payload['homepage']}\n\n"
        f"This address agreed to notifications{titled} of {path_of(place)}\n"
        f"on {context.site.registry_host}. To get no more of them, open this page:\n\n"
        f"{stop_link(context, record)}\n",
    )


def _lines(payload: Facts) -> list[str]:
    """The particulars of an event, one to a line, by name."""
    return [
        f"  {key.replace('_', ' ')}: {_text(value)}"
        for key, value in sorted(payload.items())
        if key not in _HIDDEN and value not in (None, [], {})
    ]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{key} {_text(one)}" for key, one in value.items()]
    if isinstance(value, list):
        value = ", ".join(_text(one) for one in value)
    text = " ".join(str(value).split())
    return text if len(text) <= VALUE_LENGTH else text[: VALUE_LENGTH - 1] + "…"


ROWS: Final = (
    MethodRow(
        method=NotificationMethod.EMAIL,
        sentence="A mail to an address that has agreed to it.",
        config="`email`",
        check=_check,
        write=_write,
        feature="MAILING",
    ),
)

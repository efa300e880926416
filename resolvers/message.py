"""Global messages: announcements of the operators to all users."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from resolvers.columns import Columns
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.pages import Page, Query, Slice, Term, paginate
from storage.clock import now_ms
from storage.models.message import GlobalMessage
from storage.statements import execute
from storage.transactions import transaction

CONTENT_LENGTH = 10_000


class Severity(StrEnum):
    """The severity of a message."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class MessageFormat(StrEnum):
    """The media type of a message's content."""

    PLAIN = "text/plain"
    MARKDOWN = "text/markdown"


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A global message."""

    id: int
    uuid: str
    content: str
    media_type: MessageFormat
    severity: Severity
    created_at_ms: int


_COLUMNS = Columns(MessageRecord, "m")


async def messages(context: Context, page: Page) -> Slice[MessageRecord]:
    """All messages, oldest first. Anybody may read them."""
    query = Query(_COLUMNS.sql, "global_message m", (Term("m.id", "id"),))
    return (await paginate(query, page, maximum=context.max_first)).of(_COLUMNS.record)


def _require_superuser(context: Context) -> None:
    context.viewer.require_superuser()
    context.viewer.require_fresh()


def check_content(content: str) -> None:
    """Raise `Invalid` unless the content has 1 to 10,000 characters, not only white space."""
    if not content.strip():
        raise Invalid("content: must not be empty.", field="content")
    if len(content) > CONTENT_LENGTH:
        raise Invalid(f"content: must have at most {CONTENT_LENGTH} characters.", field="content")


def check_media_type(media_type: str) -> MessageFormat:
    """The format with this media type. Raises `Invalid` for any other."""
    try:
        return MessageFormat(media_type)
    except ValueError as error:
        offered = " or ".join(f"'{known.value}'" for known in MessageFormat)
        raise Invalid(f"media_type: must be {offered}.", field="media_type") from error


async def create(context: Context, *, content: str, media_type: str, severity: Severity) -> MessageRecord:
    """Create a global message. For superusers with a fresh login. Raises `Invalid`."""
    _require_superuser(context)
    check_content(content)
    kind = check_media_type(media_type)
    async with transaction("message.create"):
        row = await GlobalMessage.create(
            uuid=str(uuid.uuid4()),
            content=content,
            media_type=kind.value,
            severity=severity.value,
            created_at_ms=now_ms(),
        )
    return MessageRecord(row.id, row.uuid, content, kind, severity, row.created_at_ms)


async def delete(context: Context, uuid: str) -> bool:
    """Delete a global message; returns whether it existed. For superusers with a fresh login."""
    _require_superuser(context)
    async with transaction("message.delete"):
        return await execute("DELETE FROM global_message WHERE uuid = ?", uuid) > 0

"""Exports of audit logs: a job writes a file, then calls back a URL or sends a mail with its address.

The file is stored as a blob. Its address contains a token, encrypted with the site's secret key, which holds
the digest and the expiration. A job removes the file when the token expires.
"""

import logging
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import orjson

from resolvers import events, mail
from resolvers.access import limits
from resolvers.access.roles import RepositoryRole
from resolvers.accounts import account
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import BadRequest, Invalid, NotFound, QuaysideError
from resolvers.job_kinds import Lane, Run, job, progress
from resolvers.names import check_email
from resolvers.outbound.client import Outbound
from resolvers.pages import Page
from resolvers.record import audit
from resolvers.record.audit import AuditFilter, AuditLog
from resolvers.repositories.repository import repository
from storage import blob_rows
from storage.blobs import BlobError
from storage.clock import now_ms
from storage.conditions import exists
from storage.jobs import enqueue
from storage.secrets import Secrets, SecretUnreadable
from storage.statements import fetch_one
from storage.transactions import transaction

logger = logging.getLogger("quayside.pages.exports")

JOB = "audit.export"
REMOVAL_JOB = "audit.export_removal"
LIFETIME_S = 24 * 3600
PAGE = 500
TRIES = 3


@dataclass(frozen=True, slots=True)
class Callback:
    """Where the result is sent: a URL, an e-mail address, both or neither."""

    url: str | None = None
    email: str | None = None


async def export(
    context: Context, chosen: AuditFilter, callback: Callback, owner: Owner | None = None
) -> str:
    """Enqueue an export of a log. Returns its id. Requires the same as reading the log.

    Read-only superusers export the logs of namespaces, in which those of repositories are. Raises `Invalid`
    for an interval that ends before it starts or a forbidden callback URL, `NotFound`, and `TooMany` mails.
    """
    if owner is not None and owner.repository is not None:
        await repository(context, owner.repository, RepositoryRole.ADMIN)
    try:
        log = await audit.audit_log(context, chosen, owner)
    except BadRequest as error:
        raise Invalid("Invalid time span selected", field="endsAt") from error
    if log is None or log.place is None:
        raise NotFound(field="repository")
    if callback.url is not None:
        try:
            await context.site.outbound.check(callback.url)
        except QuaysideError as error:
            raise Invalid(error.message, field="callbackUrl") from error
    if callback.email is not None:
        try:
            check_email(callback.email)
        except Invalid as error:
            raise Invalid("Invalid callback e-mail", field="callbackEmail") from error
        await limits.count_mail(context, callback.email, field="callbackEmail")
    export_id = str(uuid.uuid4())
    names = await _names(*log.place)
    async with transaction("audit.export"):
        await enqueue(
            JOB,
            {
                "export_id": export_id,
                "place": list(log.place),
                "since_ms": log.since_ms,
                "until_ms": log.until_ms,
                "performer_id": log.performer_id,
                "kinds": None if log.kinds is None else list(log.kinds),
                "callback_url": callback.url,
                "callback_email": callback.email,
            },
            namespace_id=names["namespace_id"] if names else None,
        )
    return export_id


@job(
    JOB,
    "Writes the file of an export of an audit log, and tells of it.",
    lane=Lane.HEAVY,
    per_namespace=1,
    goes_on_when_read_only=False,
)
async def write_export(run: Run) -> str | None:
    """Write the file, send the result and record an event. Its progress counts entries."""
    payload, context = run.payload, run.tools.context
    export_id = payload["export_id"]
    names = await _names(*payload["place"])
    if names is None:
        return "The namespace or repository was deleted meanwhile."
    log = audit.log_of(
        tuple(payload["place"]),
        payload["since_ms"],
        payload["until_ms"],
        # A job that was ordered before an upgrade has neither.
        payload.get("performer_id"),
        payload.get("kinds"),
    )
    digest = address = None
    try:
        digest, _ = await blob_rows.write(context.blobs, _pieces(export_id, log, names, context))
        address = f"{context.site.public_url}/exportedlogs/{export_token(context.secrets, digest)}"
    except (BlobError, OSError):
        logger.exception("an export could not be written", extra={"export": export_id})
    error = await _tell(payload, names, address, context.site.outbound)
    if address is None:
        error = "the file could not be written"
    told = {"url": _without_query(payload["callback_url"]), "email": payload["callback_email"]}
    repository = {"repo": names["repository"]} if names["repository"] else {}
    async with transaction("audit.export_done"):
        if digest is not None:
            await enqueue(REMOVAL_JOB, {"digest": digest}, delay_ms=LIFETIME_S * 1000)
        if payload["callback_email"]:
            await mail.send(payload["callback_email"], *_letter(export_id, names["namespace"], address))
        kind, particulars = (
            ("export_logs_success", {"export_id": export_id, "message": "The file is ready."})
            if error is None
            else ("export_logs_failure", {"error": error})
        )
        await events.record(
            context,
            kind,
            {"date/time": datetime.now(UTC).isoformat(timespec="seconds")} | particulars | told | repository,
            namespace_id=names["namespace_id"],
            repository_id=names["repository_id"],
        )
    return f"The export failed: {error}." if error else "The file is ready."


def _without_query(url: str | None) -> str | None:
    """A callback URL for the audit log, without its query, which may hold a secret."""
    return url if url is None else urlsplit(url)._replace(query="", fragment="").geturl()


def _letter(export_id: str, namespace: str, address: str | None) -> tuple[str, str]:
    """Subject and text of the mail about an export; `address` is None if it failed."""
    what = f"The export {export_id} of the audit log that you asked for"
    if address is None:
        return (
            f"The audit log of {namespace} could not be exported",
            f"{what} has failed. Try again.\n",
        )
    text = f"{what} is ready.\n\n{address}\n\nIt can be fetched for a day.\n"
    return f"The audit log of {namespace} is ready", text


async def _names(column: str, owner_id: int) -> dict[str, Any] | None:
    if column == "namespace_id":
        found = (await account.by_ids([owner_id])).get(owner_id)
        if found is None:
            return None
        return {
            "namespace": found.name,
            "namespace_id": found.id,
            "repository": None,
            "repository_id": None,
        }
    return await fetch_one(
        "SELECT n.name AS namespace, n.id AS namespace_id, r.name AS repository, r.id AS repository_id"
        " FROM repository r JOIN account n ON n.id = r.namespace_id"
        f" WHERE r.id = ? AND {exists('r')}",
        owner_id,
    )


async def _pieces(
    export_id: str, log: AuditLog, names: dict[str, Any], context: Context
) -> AsyncIterator[bytes]:
    head = {
        "export_id": export_id,
        "start_time": _date(log.since_ms),
        "end_time": _date(log.until_ms),
        "namespace": names["namespace"],
        "repository": names["repository"],
    }
    yield orjson.dumps(head)[:-1] + b',"logs":['
    after, separator, number = None, b"", 0
    while True:
        await progress(number)
        page = await audit.entries(context, log, Page(PAGE, after))
        performers = await account.by_ids(
            sorted({record.performer_id for record in page.items if record.performer_id})
        )
        for record in page.items:
            performer = performers.get(record.performer_id or 0)
            entry: dict[str, Any] = {
                "kind": record.kind,
                "metadata": record.metadata,
                "ip": record.ip,
                "datetime": _date(record.created_at_ms),
            }
            if performer is not None:
                entry["performer"] = {"kind": "user", "name": performer.name}
            yield separator + orjson.dumps(entry)
            separator = b","
        number += len(page.items)
        if not page.has_next:
            break
        after = page.cursors[-1]
    yield b"]}\n"


def _date(milliseconds: int) -> str:
    return formatdate(milliseconds / 1000)


async def _tell(
    payload: dict[str, Any], names: dict[str, Any], address: str | None, outbound: Outbound
) -> str | None:
    """Post the result to the callback URL, at most `TRIES` times. Returns the error, None for success."""
    if payload["callback_url"] is None:
        return None
    body = {
        "export_id": payload["export_id"],
        "start_time": _date(payload["since_ms"]),
        "end_time": _date(payload["until_ms"]),
        "namespace": names["namespace"],
        "repository": names["repository"],
        "exported_data_url": address,
        "status": "failure" if address is None else "success",
    }
    error = ""
    async with outbound.client() as client:
        for _ in range(TRIES):
            try:
                answer = await client.request(
                    "POST",
                    payload["callback_url"],
                    headers={"Content-Type": "application/json"},
                    content=orjson.dumps(body),
                )
            except QuaysideError as failure:
                error = failure.message
                continue
            if 200 <= answer.status < 300:
                return None
            error = f"the callback answered {answer.status}"
    return error


def export_token(secrets: Secrets, digest: str) -> str:
    """A token that grants access to a file for a day."""
    return secrets.encrypt(f"export:{int(time.time()) + LIFETIME_S}:{digest}")


def exported_digest(secrets: Secrets, token: str) -> str | None:
    """The digest of the file of a token; None for an invalid or expired token."""
    try:
        purpose, expires, digest = secrets.decrypt(token).split(":", 2)
    except (SecretUnreadable, ValueError):
        return None
    return digest if purpose == "export" and int(expires) > time.time() else None


@job(
    REMOVAL_JOB,
    "Removes the file of an export a day after it was written.",
    goes_on_when_read_only=False,
)
async def remove_export(run: Run) -> None:
    """Remove an expired file, unless the same bytes were pushed as a blob."""
    await blob_rows.remove_unused(
        run.tools.context.blobs,
        run.payload["digest"],
        committed_before_ms=now_ms() - LIFETIME_S * 1000 // 2,
    )

"""What each kind of job does: a table from kind to handler. A handler may be run again at any point."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from quayside.workers.mailer import Mailer
from resolvers import mail
from resolvers.access import attempts
from resolvers.accounts import email_code, session
from resolvers.content import garbage_collection, upload
from resolvers.context import ANONYMOUS, Context
from resolvers.record import audit
from resolvers.record import export as audit_export
from resolvers.repositories import activity, popularity, purge
from resolvers.tags import immutability
from storage.blobs import BlobStore
from storage.clock import now_ms
from storage.jobs import forget_done
from storage.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Tools:
    """What handlers work with beside the database, which is current."""

    settings: Settings
    blobs: BlobStore

    def context(self) -> Context:
        """The context of what the registry does by itself, in nobody's name."""
        return Context(
            viewer=ANONYMOUS,
            site=site_of(self.settings),
            blobs=self.blobs,
            secrets=Secrets(self.settings.secret_key),
            max_first=MAX_FIRST,
        )


Handler = Callable[[dict[str, Any], Tools], Awaitable[None]]

MAX_FIRST = 1000

KEEP_DONE_JOBS_MS = 7 * 86_400_000
KEEP_MAIL_MS = 30 * 86_400_000


async def _purge_repository(payload: dict[str, Any], tools: Tools) -> None:
    await purge.purge_repository(payload["repository_id"])


async def _purge_namespace(payload: dict[str, Any], tools: Tools) -> None:
    await purge.purge_namespace(payload["namespace_id"])


async def _apply_immutability(payload: dict[str, Any], tools: Tools) -> None:
    await immutability.apply(tools.context(), payload["policy_id"], may_expire=payload["may_expire"])


async def _collect_content(payload: dict[str, Any], tools: Tools) -> None:
    await garbage_collection.run(tools.blobs)


async def _expire_uploads(payload: dict[str, Any], tools: Tools) -> None:
    await upload.expire(tools.blobs)


async def _forget_jobs(payload: dict[str, Any], tools: Tools) -> None:
    while await forget_done(now_ms() - KEEP_DONE_JOBS_MS):
        pass


async def _export_audit(payload: dict[str, Any], tools: Tools) -> None:
    await audit_export.run(payload, tools.context())


async def _remove_export(payload: dict[str, Any], tools: Tools) -> None:
    await audit_export.remove(payload, tools.blobs)


async def _roll_up_audit(payload: dict[str, Any], tools: Tools) -> None:
    await audit.roll_up()


async def _prune_audit(payload: dict[str, Any], tools: Tools) -> None:
    retention = tools.settings.log_retention
    if retention:
        await audit.prune(now_ms() - round(retention.total_seconds() * 1000))


async def _forget_sign_ins(payload: dict[str, Any], tools: Tools) -> None:
    for forget in (session.forget_expired, email_code.forget_expired, attempts.forget):
        while await forget():
            pass


async def _send_mail(payload: dict[str, Any], tools: Tools) -> None:
    mailer = Mailer.of(tools.settings)
    if mailer is not None:
        await mail.deliver(payload["mail_id"], payload["attempt"], mailer.hand_over)


async def _forget_mail(payload: dict[str, Any], tools: Tools) -> None:
    while await mail.forget(now_ms() - KEEP_MAIL_MS):
        pass


async def _prune_activity(payload: dict[str, Any], tools: Tools) -> None:
    await activity.prune()


async def _update_popularity(payload: dict[str, Any], tools: Tools) -> None:
    await popularity.update_levels()


HANDLERS: Mapping[str, Handler] = {
    audit_export.JOB: _export_audit,
    audit_export.REMOVAL_JOB: _remove_export,
    "activity.prune": _prune_activity,
    "audit.prune": _prune_audit,
    "audit.roll_up": _roll_up_audit,
    "content.collect": _collect_content,
    "immutability.apply": _apply_immutability,
    "job.forget": _forget_jobs,
    "mail.forget": _forget_mail,
    mail.JOB: _send_mail,
    "namespace.purge": _purge_namespace,
    "popularity.update": _update_popularity,
    "repository.purge": _purge_repository,
    "sign_in.forget": _forget_sign_ins,
    "upload.expire": _expire_uploads,
}


def handlers_of(settings: Settings) -> Mapping[str, Handler]:
    """The handlers that have what they need: mail waits until there is a server to take it."""
    if Mailer.of(settings) is None:
        return {kind: handler for kind, handler in HANDLERS.items() if kind != mail.JOB}
    return HANDLERS

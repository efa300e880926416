"""Authorized e-mail addresses: those that agreed to take notifications of a repository or a namespace.

Otherwise a registry would mail to whomever its users name. A code goes to the address, and whoever reads it
there agrees. It is random, stored as a hash, valid once, for three days; wrong ones count like wrong
passwords. Each notification has a link by which whoever reads it there takes the agreement back.
"""

from dataclasses import dataclass
from typing import Any

from resolvers import mail
from resolvers.access import limits
from resolvers.access.attempts import refuse_code
from resolvers.access.credentials import email_key, hash_secret, random_text
from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE
from resolvers.accounts import email_code
from resolvers.accounts.account import AccountRecord
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import Invalid, TooMany
from resolvers.job_kinds import HOUR, Run, job
from resolvers.names import check_email
from resolvers.repositories.policies import Place, Policies
from resolvers.repositories.repository import RepositoryRecord
from storage.clock import HOUR_MS, is_recent, now_ms
from storage.conditions import exists
from storage.models.authorized_email import AuthorizedEmail
from storage.secrets import SecretUnreadable
from storage.statements import execute, fetch_one
from storage.transactions import transaction

CODE_LIFETIME_MS = 72 * HOUR_MS
RESEND_AFTER_MS = 60_000
"""Rate limit: an address that is asked again sooner than this gets no other mail."""
MAXIMUM_ADDRESSES = 100
"""Of one owner."""
PAGE, STOP_PAGE = "authrepoemail", "stopmail"
"""The paths of the pages on which an address agrees, and takes it back."""
_STOP = "stop mail to "


@dataclass(frozen=True, slots=True)
class AuthorizedEmailRecord:
    """An address; without a repository it is for what the namespace as a whole tells."""

    id: int
    namespace_id: int
    repository_id: int | None
    email: str
    asked_at_ms: int
    confirmed_at_ms: int | None


ADDRESSES = Policies(
    AuthorizedEmailRecord,
    "authorized_email",
    name="address",
    need=ADMINISTER_OWN_NAMESPACE,
    key="email_key",
    field="email",
)


def path_of(place: Place) -> str:
    """The name of a place in mails and on pages."""
    if place.repository is None:
        return f"the namespace {place.namespace}"
    return f"the repository {place.namespace}/{place.repository}"


async def request(context: Context, owner: Owner, email: str) -> AuthorizedEmailRecord:
    """Ask an address whether it takes notifications, by mail; one that has agreed is not asked again.

    Requires `repo:admin` or `org:admin`; `user:admin` in the viewer's own namespace. Raises `Invalid`,
    `NotFound`, `TooMany`.
    """
    place = await ADDRESSES.place(context, owner)
    if not context.site.has("MAILING"):
        raise Invalid("email: no mail is sent here, since the feature MAILING is off.", field="email")
    # Small letters may be more than the capital ones were.
    key = check_email(email_key(check_email(email)))
    async with transaction("authorized_email.request"):
        await place.lock()
        record = await ADDRESSES.find(place, key)
        now = now_ms()
        if record is None:
            if await ADDRESSES.count(place) >= MAXIMUM_ADDRESSES:
                raise TooMany(
                    f"There are {MAXIMUM_ADDRESSES} addresses for notifications here, the most there can be;"
                    " remove one.",
                    field="owner",
                )
            await AuthorizedEmail.create(
                namespace_id=place.namespace_id,
                repository_id=place.repository_id,
                email=email,
                email_key=key,
                asked_at_ms=now,
            )
            record = await ADDRESSES.require(place, key)
        elif record.confirmed_at_ms is not None or is_recent(record.asked_at_ms, now, RESEND_AFTER_MS):
            return record
        await _ask(context, place, record)
        return await ADDRESSES.require(place, key)


async def _ask(context: Context, place: Place, record: AuthorizedEmailRecord) -> None:
    """Send a new code to an address; an earlier one is no longer valid."""
    await limits.count_mail(context, record.email)
    code = random_text(email_code.CODE_LENGTH, mixed_case=True)
    await ADDRESSES.change(record, {"code_hash": hash_secret(code), "asked_at_ms": now_ms()})
    who = context.viewer.require_account().name
    host, what = context.site.registry_host, path_of(place)
    await mail.send(
        record.email,
        f"Notifications of {what}",
        f"{who} asks whether this address may get notifications of {what}\non {host}.\n\n"
        "To agree, open this page within three days:\n\n"
        f"{context.site.public_url}/{PAGE}?code={code}\n\n"
        "If you do nothing, no notifications are sent.\n",
    )


@dataclass(frozen=True, slots=True)
class Agreed:
    """An address that agrees or no longer does, and what to get notifications of, for people."""

    record: AuthorizedEmailRecord
    place: str


async def confirm(context: Context, code: str) -> Agreed:
    """Agree by the code of a mail, which is used up. For whoever has the code.

    Raises `Invalid`, or `TooMany` after several wrong codes.
    """
    async with transaction("authorized_email.confirm"):
        oldest = now_ms() - CODE_LIFETIME_MS
        found = await _place_of("p.code_hash = ? AND p.asked_at_ms > ?", hash_secret(code), oldest)
        # Of two uses at once, one finds the code.
        if found is not None and await execute(
            "UPDATE authorized_email SET confirmed_at_ms = ?, code_hash = NULL"
            " WHERE id = ? AND code_hash = ?",
            now_ms(),
            found.record.id,
            hash_secret(code),
        ):
            return found
    await refuse_code(code, ip=context.ip, secrets=context.secrets)
    raise email_code.not_valid()


def stop_link(context: Context, record: AuthorizedEmailRecord) -> str:
    """The address of the page on which an address takes its agreement back, for mails to it."""
    code = context.secrets.encrypt(f"{_STOP}{record.id}")
    return f"{context.site.public_url}/{STOP_PAGE}?code={code}"


async def stop(context: Context, code: str) -> Agreed:
    """Take an agreement back by the code of a notification. For whoever has the code.

    Raises `Invalid`, or `TooMany` after several wrong codes.
    """
    try:
        text = context.secrets.decrypt(code)
    except (SecretUnreadable, ValueError):
        text = ""
    if not text.startswith(_STOP):
        await refuse_code(code, ip=context.ip, secrets=context.secrets)
        raise email_code.not_valid()
    async with transaction("authorized_email.stop"):
        found = await _place_of("p.id = ?", int(text.removeprefix(_STOP)))
        if found is None:
            raise Invalid("code: the address gets no notifications by it any more.", field="code")
        await ADDRESSES.remove(found.record)
    return found


async def _place_of(condition: str, *values: Any) -> Agreed | None:
    """The address that fulfils an SQL condition on `p`, unless what it is of was deleted."""
    row = await fetch_one(
        "SELECT p.id, n.name AS namespace, r.name AS repository FROM authorized_email p"
        " JOIN account n ON n.id = p.namespace_id LEFT JOIN repository r ON r.id = p.repository_id"
        f" WHERE {condition} AND {exists('n')} AND {exists('r')}",
        *values,
    )
    record = await ADDRESSES.stored(row["id"]) if row else None
    if row is None or record is None:
        return None
    place = Place(record.namespace_id, record.repository_id, row["namespace"], row["repository"])
    return Agreed(record, path_of(place))


async def delete(context: Context, owner: Owner, email: str) -> AuthorizedEmailRecord:
    """Remove an address: it gets no more notifications from here. Requires as `request`.

    Raises `NotFound`.
    """
    place = await ADDRESSES.place(context, owner)
    async with transaction("authorized_email.delete"):
        await place.lock()
        record = await ADDRESSES.require(place, email_key(email))
        await ADDRESSES.remove(record)
    return record


async def one(
    context: Context, owner: AccountRecord | RepositoryRecord, email: str
) -> AuthorizedEmailRecord | None:
    """An address of a namespace or of a repository; None if it was not asked. Requires as `request`."""
    return await ADDRESSES.one(context, owner, email_key(email))


async def agreed(place: Place, email: str) -> AuthorizedEmailRecord | None:
    """The address that gets notifications of a place if this one is named; None if it has not agreed.

    What is named may only resemble what agreed.
    """
    record = await ADDRESSES.find(place, email_key(email))
    return record if record is not None and record.confirmed_at_ms is not None else None


@job(
    "authorized_email.forget",
    "Removes addresses that were asked to take notifications and did not answer in time.",
    every_s=HOUR,
    goes_on_when_read_only=False,
)
async def forget_unanswered(run: Run) -> None:
    """Forget in batches."""
    while await execute(
        "DELETE FROM authorized_email WHERE id IN (SELECT id FROM authorized_email"
        " WHERE asked_at_ms < ? AND confirmed_at_ms IS NULL LIMIT 500)",
        now_ms() - CODE_LIFETIME_MS,
    ):
        run.check()

"""Webhooks: what a service sends when somebody pushes, from the credentials to the builds that it orders.

A service proves itself by the signature that the secret of the trigger makes; any other sender by the token
of the address. Whoever has neither does not learn which triggers there are.

A webhook may come twice, since services send it again when an answer was lost, and people when they are
curious. One of a name that was noted within a day orders nothing. Nor does a commit that a reference led to
already when it was last pushed, unless its build failed or is long ago.
"""

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from resolvers.access.limits import count_webhook, note_delivery
from resolvers.builds.build import BuildRecord
from resolvers.builds.phases import Phase
from resolvers.builds.triggers import remote, trigger
from resolvers.builds.triggers.fire import fire
from resolvers.builds.triggers.push import HEADS, Ignored, Push
from resolvers.builds.triggers.services import SERVICES, delivery_of, is_signed, parse_push
from resolvers.builds.triggers.trigger import TriggerRecord
from resolvers.context import Context
from resolvers.errors import Conflict, Forbidden, QuaysideError
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import require_writable
from storage.clock import HOUR_MS, now_ms
from storage.secrets import SecretUnreadable
from storage.statements import fetch_one
from storage.transactions import transaction

LOGIN: Final = "$token"
"""The user name that goes with the token of a trigger."""

UNKNOWN: Final = "No trigger has this address and these credentials."
TOLD_ALREADY: Final = "This webhook came before, so nothing is built."
SAME_WITHIN_MS: Final = HOUR_MS
"""How long the same commit of a reference is not built again."""

_ASK_FOR_S: Final = 5.0
"""How long a repository may take to tell its default branch; services wait some 10 s for an answer."""

_FAILED: Final = frozenset({Phase.ERROR, Phase.INTERNALERROR, Phase.CANCELLED})


@dataclass(frozen=True, slots=True)
class Webhook:
    """What was sent. `login` is the user name and the password, `headers` have names in small letters."""

    headers: Mapping[str, str]
    body: bytes
    login: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a webhook: the builds it ordered, and sentences about what is not built."""

    builds: tuple[BuildRecord, ...] = ()
    notes: tuple[str, ...] = ()


async def receive(context: Context, identity: str, sent: Webhook) -> Received:
    """Order the builds of what was pushed.

    Raises `Forbidden` unless a trigger has that uuid and these credentials, `Invalid` for a payload that
    cannot be read, `Conflict` if the trigger is disabled, `NotWritable`, and `TooMany`.
    """
    found = await trigger.find(identity)
    place = (await repository.by_ids([found.repository_id])).get(found.repository_id) if found else None
    if found is None or place is None or not _is_authentic(context, found, sent):
        raise Forbidden(UNKNOWN)
    await count_webhook(context, found.id)
    try:
        pushes = parse_push(found.service, sent.headers, sent.body)
    except Ignored as error:
        return Received(notes=(str(error),))
    if found.is_disabled:
        raise Conflict("Build trigger is disabled.", field="trigger")
    require_writable(context, place)
    pushes, notes = await _with_default_branch(context, found, pushes)
    delivery = delivery_of(found.service, sent.headers)
    async with transaction("build_trigger.receive"):
        await repository.lock(place)
        if delivery is not None and not await note_delivery(found.id, delivery):
            return Received(notes=(TOLD_ALREADY,))
        return await _order(context, place, found, pushes, notes)


async def _order(
    context: Context,
    place: RepositoryRecord,
    found: TriggerRecord,
    pushes: tuple[Push, ...],
    notes: tuple[str, ...],
) -> Received:
    """Order the builds in the open transaction, all of them or none, once the repository is locked."""
    builds, told = [], [*notes]
    for push in pushes:
        if same := await _same(found, push):
            told.append(f"Build {same} is of the same commit of {push.ref_name}, so nothing is built.")
            continue
        try:
            builds.append(await fire(context, place, found, push))
        except Ignored as error:
            told.append(str(error))
    return Received(tuple(builds), tuple(told))


def _is_authentic(context: Context, found: TriggerRecord, sent: Webhook) -> bool:
    """Whether the sender signed with the secret of a trigger; where a service cannot sign, has its token."""
    try:
        if SERVICES[found.service].verify is not None:
            secret = _decrypted(context, found.webhook_secret_encrypted)
            return is_signed(found.service, secret, sent.headers, sent.body)
        token = _decrypted(context, found.write_token_encrypted)
    except SecretUnreadable:
        return False
    name, password = sent.login or ("", "")
    is_same = hmac.compare_digest(password.encode(), token.encode())
    return bool(token) and is_same and name == LOGIN


def _decrypted(context: Context, text: str | None) -> str:
    return context.secrets.decrypt(text) if text else ""


async def _same(found: TriggerRecord, push: Push) -> str | None:
    """The build of the last push of a reference, if that was the same commit and did not fail.

    A commit that a reference comes back to is built again, so that its tags are.
    """
    last = await fetch_one(
        "SELECT uuid, git_commit, phase FROM build WHERE trigger_id = ? AND created_at_ms >= ?"
        " AND git_ref = ? ORDER BY created_at_ms DESC, id DESC LIMIT 1",
        *(found.id, now_ms() - SAME_WITHIN_MS, push.ref),
    )
    if last is None or last["git_commit"] != push.commit or Phase(last["phase"]) in _FAILED:
        return None
    return str(last["uuid"])


async def _with_default_branch(
    context: Context, found: TriggerRecord, pushes: tuple[Push, ...]
) -> tuple[tuple[Push, ...], tuple[str, ...]]:
    """The pushes with the default branch, which Bitbucket does not tell, and a note if nobody does.

    The repository is asked only if a tag depends on it.
    """
    is_needed = found.config.get("latest_for_default_branch", True) and any(
        not push.default_branch and push.ref and push.ref.startswith(HEADS) for push in pushes
    )
    if not is_needed:
        return pushes, ()
    try:
        async with asyncio.timeout(_ASK_FOR_S):
            branch = (await remote.references_of(context, found)).default_branch
    except (QuaysideError, SecretUnreadable, TimeoutError):
        branch = None
    if branch is None:
        return pushes, ("The default branch is unknown, so there is no tag latest.",)
    return tuple(
        replace(push, default_branch=branch, metadata={**push.metadata, "default_branch": branch})
        for push in pushes
    ), ()

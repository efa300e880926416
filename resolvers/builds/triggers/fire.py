"""Firing: a trigger has a build ordered, since somebody pushed or since an administrator wants one."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from resolvers.access.roles import RepositoryRole
from resolvers.builds import build
from resolvers.builds.build import BuildRecord, Order
from resolvers.builds.git import References
from resolvers.builds.triggers import remote, settings, trigger
from resolvers.builds.triggers.push import HEADS, TAGS, Ignored, Push, check_commit
from resolvers.builds.triggers.services import TriggerService
from resolvers.builds.triggers.templates import SHORT_SHA, is_wanted, tags_of
from resolvers.builds.triggers.trigger import TriggerRecord
from resolvers.context import Context
from resolvers.errors import Conflict, Invalid, NotFound
from resolvers.repositories import repository
from resolvers.repositories.repository import RepositoryRecord
from resolvers.repositories.writing import require_no_cache, require_writable
from storage.conditions import exists
from storage.statements import fetch_one
from storage.transactions import transaction


class RefKind(StrEnum):
    """What a reference of a Git repository is."""

    BRANCH = "branch"
    TAG = "tag"


_PREFIXES: Final = {RefKind.BRANCH: HEADS, RefKind.TAG: TAGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an administrator wants built: a commit, or what a branch or tag leads to.

    Names are those of the schema, which errors repeat.
    """

    commit: str | None = None
    branch: str | None = None
    ref: tuple[RefKind, str] | None = None


async def fire(
    context: Context,
    place: RepositoryRecord,
    found: TriggerRecord,
    push: Push,
    *,
    manual_account: int | None = None,
) -> BuildRecord:
    """Order the build of a push, whoever tells of it: the caller has authorized the request.

    It runs as the account that connected the trigger, or as the one that asked for it. Raises `Ignored` where
    the trigger does not want the push, `NotFound`, `NotWritable`, and `TooMany`.
    """
    if not found.is_active:
        raise Ignored("The trigger is not active.")
    if found.is_disabled:
        raise Ignored("The trigger is not enabled.")
    if manual_account is None and (reason := is_wanted(found.config, push)):
        raise Ignored(reason)
    require_writable(context, place)
    require_no_cache(context, place)
    dockerfile, directory = settings.paths_in(found.config)
    url = remote.url_of(found)
    order = Order(
        account_id=manual_account or found.account_id,
        robot_id=found.robot_id,
        has_robot=found.has_robot,
        display_name=push.commit[:SHORT_SHA],
        dockerfile_path=dockerfile,
        context_path=directory,
        tags=tags_of(found.config, push),
        is_manual=manual_account is not None,
        trigger_id=found.id,
        trigger_metadata={**push.metadata, "git_url": url},
        git_url=url,
        git_commit=push.commit,
        git_ref=push.ref,
    )
    async with transaction("build_trigger.fire"):
        await build.lock_for_order(context, place)
        row = await fetch_one(f"SELECT is_enabled FROM build_trigger WHERE id = ? AND {exists()}", found.id)
        if row is None:
            raise NotFound(field="uuid")
        if not row["is_enabled"]:
            raise Ignored("The trigger is not enabled.")
        return await build.place_order(context, place, order)


async def start(
    context: Context, path: str, identity: str, wanted: Wanted
) -> tuple[BuildRecord, RepositoryRecord]:
    """Order a build by a trigger, as the viewer. Requires `repo:admin`.

    Raises `NotFound`, `NotWritable`, `Conflict` if the trigger orders none, `Invalid`, `Upstream` if its Git
    repository does not answer, and `TooMany`.
    """
    viewer = context.viewer.require_account()
    place = await repository.require(context, path, RepositoryRole.ADMIN)
    require_writable(context, place)
    found = await trigger.require(place, identity)
    if found.is_disabled:
        raise Conflict("Trigger is not enabled.", field="uuid")
    if not found.is_active:
        raise Conflict("Trigger is not active.", field="uuid")
    push = await _push(context, found, wanted)
    try:
        return await fire(context, place, found, push, manual_account=viewer.id), place
    except Ignored as error:
        raise Conflict(str(error), field="uuid") from error


async def _push(context: Context, found: TriggerRecord, wanted: Wanted) -> Push:
    """What is built of what an administrator wants, as if it had been pushed."""
    if wanted.commit is not None:
        named = check_commit(wanted.commit)
        return Push(named, metadata={"commit": named})
    if found.service is TriggerService.CUSTOM_GIT:
        raise Invalid("missing required parameter", field="commit")
    references = await remote.references_of(context, found)
    ref, name = _ref(references, wanted)
    commit = references.commits.get(ref) if ref is not None else None
    if ref is None or commit is None:
        raise Invalid(
            f"Could not find {'tag' if ref and ref.startswith(TAGS) else 'branch'} in repository",
            field=name,
        )
    metadata: dict[str, Any] = {"commit": commit, "ref": ref}
    if references.default_branch:
        metadata["default_branch"] = references.default_branch
    return Push(commit, ref, references.default_branch, metadata)


def _ref(references: References, wanted: Wanted) -> tuple[str | None, str]:
    """The reference that is wanted, and the field that names it."""
    if wanted.ref is not None:
        kind, name = wanted.ref
        return _PREFIXES[kind] + name, "ref"
    branch = wanted.branch or references.default_branch
    return branch and HEADS + branch, "branch"

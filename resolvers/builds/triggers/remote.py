"""The Git repository of a trigger: with which key it is reached, and what is noted of its servers."""

from collections.abc import Awaitable, Callable

from resolvers.builds.build import BuildRecord
from resolvers.builds.git import GitCommit, GitRemote, References, git_of
from resolvers.builds.triggers import settings, trigger
from resolvers.builds.triggers.trigger import TriggerRecord
from resolvers.context import Context
from resolvers.errors import Upstream
from storage.statements import execute


async def references_of(context: Context, found: TriggerRecord) -> References:
    """The branches and tags of the repository. Raises `Upstream` with a sentence for who named it."""
    git = git_of(context.site)
    if git is None:
        raise Upstream("This server cannot reach Git repositories, since git is not installed.")
    references, reached = await git.references(_remote(context, found, url_of(found)))
    await _note_hosts(found, reached.known_hosts)
    return references


async def source_of(
    context: Context, build: BuildRecord
) -> tuple[GitCommit, Callable[[str], Awaitable[None]]] | None:
    """The commit that is the context of a build, and what notes keys of servers; None if it has no trigger.

    Raises `SecretUnreadable`.
    """
    if build.trigger_id is None or build.git_url is None or build.git_commit is None:
        return None
    found = (await trigger.by_ids([build.trigger_id])).get(build.trigger_id)
    if found is None:
        return None
    commit = GitCommit(_remote(context, found, build.git_url), build.git_commit, build.git_ref)
    return commit, lambda known_hosts: _note_hosts(found, known_hosts)


def url_of(found: TriggerRecord) -> str:
    """The URL of the repository of an active trigger."""
    return settings.url_of(found.service, found.build_source or "")


def _remote(context: Context, found: TriggerRecord, url: str) -> GitRemote:
    text = found.private_key_encrypted
    return GitRemote(url, context.secrets.decrypt(text) if text else None, found.known_hosts)


async def _note_hosts(found: TriggerRecord, known_hosts: str) -> None:
    """Remember the keys of SSH servers that were met, unless others were noted meanwhile."""
    if known_hosts != found.known_hosts:
        await execute(
            "UPDATE build_trigger SET known_hosts = ? WHERE id = ? AND known_hosts = ?",
            *(known_hosts, found.id, found.known_hosts),
        )

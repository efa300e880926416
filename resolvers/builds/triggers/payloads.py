"""Payloads: what each service sends when somebody pushes, and how pushes are read from it.

A service tells more than is read here, and may leave out what only describes a commit; what a build needs,
the commit and the reference, is checked.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from resolvers.builds.triggers.push import (
    HEADS,
    TAGS,
    Ignored,
    Push,
    info,
    is_nothing,
    person,
    pushed,
)
from resolvers.errors import Invalid
from resolvers.nesting import within

Payload: TypeAlias = Mapping[str, Any]
Parser: TypeAlias = Callable[[str | None, Payload], tuple[Push, ...]]
"""Reads the pushes from an event and its payload. Raises `Invalid` or `Ignored`."""

MOST_PUSHES: Final = 10
"""How many references one webhook may have built; the rest of a push of more is left out."""

DELETED: Final = "The push deletes what it names, so there is nothing to build."


def custom_git(_: str | None, payload: Payload) -> tuple[Push, ...]:
    """The push that a hook of any git server sends in this format."""
    branch = payload.get("default_branch")
    if not isinstance(branch, str) or not branch:
        raise Invalid("default_branch: must be the name of a branch.", field="default_branch")
    commit = payload.get("commit")
    if is_nothing(commit) and commit:
        raise Ignored(DELETED)
    told = payload.get("commit_info")
    push = pushed(
        commit,
        payload.get("ref"),
        default_branch=branch,
        commit_info=None if told is None else _custom_info(told),
    )
    return (push,)


def _custom_info(told: object) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        raise Invalid("commit_info: must be an object.", field="commit_info")
    for key in ("url", "message", "date"):
        if not isinstance(told.get(key), str):
            raise Invalid(f"commit_info.{key}: must be a text.", field=f"commit_info.{key}")
    people: dict[str, dict[str, str] | None] = {}
    for role in ("author", "committer"):
        somebody = told.get(role)
        people[role] = person(
            within(somebody, "username"),
            avatar_url=within(somebody, "avatar_url"),
            url=within(somebody, "url"),
        )
        if somebody is not None and people[role] is None:
            raise Invalid(
                f"commit_info.{role}.username: must be a name.", field=f"commit_info.{role}.username"
            )
    return info(url=told["url"], message=told["message"], date=told["date"], **people)


def github(event: str | None, payload: Payload) -> tuple[Push, ...]:
    """The push of a GitHub webhook: of a branch, or of a tag whose commit is the head commit."""
    if event == "ping":
        raise Ignored("The webhook works: the next push is built.")
    _require(event, "push")
    if payload.get("deleted") is True or is_nothing(payload.get("after")):
        raise Ignored(DELETED)
    head = payload.get("head_commit")
    if head is None:
        raise Ignored("The push leads to no commit, so there is nothing to build.")
    sender = payload.get("sender")

    def somebody(role: str) -> dict[str, str] | None:
        login = within(head, role, "username")
        is_sender = bool(login) and login == within(sender, "login")
        return person(
            login or within(head, role, "name"),
            avatar_url=within(sender, "avatar_url") if is_sender else None,
            url=within(sender, "html_url") if is_sender else None,
        )

    told = info(
        url=within(head, "url"),
        message=within(head, "message"),
        date=within(head, "timestamp"),
        author=somebody("author"),
        committer=somebody("committer"),
    )
    push = pushed(
        within(head, "id"),
        payload.get("ref"),
        default_branch=within(payload, "repository", "default_branch"),
        commit_info=told,
        fields=("head_commit.id", "ref"),
    )
    return (push,)


def gitlab(event: str | None, payload: Payload) -> tuple[Push, ...]:
    """The push of a GitLab webhook. `after` of a tag can be a tag object, so `checkout_sha` is the commit."""
    _require(event, "Push Hook", "Tag Push Hook")
    commit = payload.get("checkout_sha")
    if is_nothing(payload.get("after")) or is_nothing(commit):
        raise Ignored(DELETED)
    commits = payload.get("commits")
    listed = commits if isinstance(commits, list) else []
    # The newest is the last, but a push of many commits lists only some.
    head = next((one for one in reversed(listed) if within(one, "id") == commit), None)
    author = person(within(head, "author", "name"))
    told = info(
        url=within(head, "url"),
        message=within(head, "message"),
        date=within(head, "timestamp"),
        author=author,
    )
    push = pushed(
        commit,
        payload.get("ref"),
        default_branch=within(payload, "project", "default_branch"),
        commit_info=told,
        fields=("checkout_sha", "ref"),
    )
    return (push,)


_BITBUCKET_KINDS: Final = {"branch": HEADS, "tag": TAGS, "annotated_tag": TAGS}


def bitbucket(event: str | None, payload: Payload) -> tuple[Push, ...]:
    """The pushes of a Bitbucket Cloud webhook, which tells of all references of one `git push` at once."""
    _require(event, "repo:push")
    changes = within(payload, "push", "changes")
    if not isinstance(changes, list):
        raise Invalid("push.changes: must be a list.", field="push.changes")
    branch = within(payload, "repository", "mainbranch", "name")
    pushes = tuple(_bitbucket_pushes(changes[: 10 * MOST_PUSHES], branch))[:MOST_PUSHES]
    if not pushes:
        raise Ignored(DELETED)
    return pushes


def _bitbucket_pushes(changes: list[Any], branch: object) -> Iterable[Push]:
    for number, change in enumerate(changes):
        new = within(change, "new")
        kind = _BITBUCKET_KINDS.get(str(within(new, "type")))
        if new is None or kind is None:
            # It was deleted, or is of another version control system.
            continue
        at = f"push.changes[{number}].new"
        target = within(new, "target")
        user = within(target, "author", "user")
        # Without an account the author is as git writes it: `Name <address>`.
        raw = within(target, "author", "raw")
        author = person(
            within(user, "nickname")
            or within(user, "display_name")
            or (raw.partition("<")[0].strip() if isinstance(raw, str) else None),
            avatar_url=within(user, "links", "avatar", "href"),
            url=within(user, "links", "html", "href"),
        )
        told = info(
            url=within(target, "links", "html", "href"),
            message=within(target, "message"),
            date=within(target, "date"),
            author=author,
        )
        yield pushed(
            within(target, "hash"),
            f"{kind}{within(new, 'name')}",
            default_branch=branch,
            commit_info=told,
            fields=(f"{at}.target.hash", f"{at}.name"),
        )


def _require(event: str | None, *events: str) -> None:
    if event not in events:
        named = f"'{event[:64]}'" if event else "without a name"
        raise Ignored(f"The event {named} is no push, so there is nothing to build.")

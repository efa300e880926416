"""Events of tags, kind and metadata: the same for a change of one tag and for each tag of a plan."""

from typing import Any

from resolvers.context import Context
from resolvers.repositories.repository import RepositoryRecord
from resolvers.tags import immutability
from resolvers.tags.immutability import PolicyRecord

Entry = tuple[str, dict[str, Any]]


def created_or_moved(
    context: Context,
    repository: RepositoryRecord,
    name: str,
    digest: str,
    *,
    original: str | None,
    is_reversion: bool,
    policy: PolicyRecord | None,
) -> list[Entry]:
    """A tag was created, moved or reverted. `original` is the digest that it pointed to before, if any;
    `policy` is the immutability policy that locked the new span, if any."""
    about = _metadata(context, repository, name) | {"manifest_digest": digest}
    namespace = {"namespace": repository.namespace_name}
    if is_reversion:
        entries = [("revert_tag", about)]
    else:
        kind = "create_tag" if original is None else "move_tag"
        entries = [(kind, about | namespace | {"original_manifest_digest": original})]
    if policy is not None:
        place = namespace | {"repo": repository.name, "tag": name, "manifest_digest": digest}
        entries.append(("tag_made_immutable_by_policy", immutability.policy_metadata(policy) | place))
    return entries


def expiration_changed(
    context: Context, repository: RepositoryRecord, name: str, expires_at_ms: int | None, old_ms: int | None
) -> Entry:
    """The expiration of a tag was set, changed or removed."""
    return "change_tag_expiration", _metadata(context, repository, name) | {
        "namespace": repository.namespace_name,
        "expiration_date": _seconds(expires_at_ms),
        "old_expiration_date": _seconds(old_ms),
    }


def immutability_changed(
    context: Context, repository: RepositoryRecord, name: str, *, is_locked: bool, was_locked: bool
) -> Entry:
    """An account locked or unlocked a tag; locks by policy are recorded elsewhere."""
    return "change_tag_immutability", _metadata(context, repository, name) | {
        "namespace": repository.namespace_name,
        "immutable": is_locked,
        "previous_immutable": was_locked,
    }


def deleted(context: Context, repository: RepositoryRecord, name: str) -> Entry:
    """A tag was deleted."""
    return "delete_tag", _metadata(context, repository, name) | {"namespace": repository.namespace_name}


def pruned(repository: RepositoryRecord, name: str) -> Entry:
    """A run of an auto-prune policy deleted a tag, in nobody's name."""
    return "autoprune_tag_delete", {
        "performer": "autoprune worker",
        "namespace": repository.namespace_name,
        "repo": repository.name,
        "tag": name,
    }


def _metadata(context: Context, repository: RepositoryRecord, name: str) -> dict[str, Any]:
    account = context.viewer.account
    return {"username": account.name if account else None, "repo": repository.name, "tag": name}


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000

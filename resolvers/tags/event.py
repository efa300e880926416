"""What is recorded of changes of tags, for one tag as for each of many: events with their metadata."""

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
    """A tag points to a manifest from now on. `original` is the digest of what it pointed to, if anything,
    `policy` the one that locked it then, if any did."""
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
    """A tag got another expiration, or lost the one that it had."""
    return "change_tag_expiration", _metadata(context, repository, name) | {
        "namespace": repository.namespace_name,
        "expiration_date": _seconds(expires_at_ms),
        "old_expiration_date": _seconds(old_ms),
    }


def immutability_changed(
    context: Context, repository: RepositoryRecord, name: str, *, is_locked: bool, was_locked: bool
) -> Entry:
    """A tag was locked or unlocked by hand."""
    return "change_tag_immutability", _metadata(context, repository, name) | {
        "namespace": repository.namespace_name,
        "immutable": is_locked,
        "previous_immutable": was_locked,
    }


def deleted(context: Context, repository: RepositoryRecord, name: str) -> Entry:
    """A tag was deleted."""
    return "delete_tag", _metadata(context, repository, name) | {"namespace": repository.namespace_name}


def _metadata(context: Context, repository: RepositoryRecord, name: str) -> dict[str, Any]:
    account = context.viewer.account
    return {"username": account.name if account else None, "repo": repository.name, "tag": name}


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000

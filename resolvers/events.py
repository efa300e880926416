"""What is recorded of every change: kinds and metadata are those that audit logs of this API show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.access.viewer import Credential
from resolvers.context import Context
from storage import audit
from storage.clock import now_ms
from storage.events import EventRow, append
from storage.statements import fetch_one

_APPLICATION = (
    "name",
    "redirect_uri",
    "application_uri",
    "description",
    "avatar_email",
    "application_name",
    "client_id",
)
_POLICY = ("policy_uuid", "tag_pattern", "tag_pattern_matches", "namespace", "repo")
_PROTOTYPE = ("prototypeid", "username", "activating_username", "role", "delegate_user", "delegate_team")
_TRANSFER = ("repo", "namespace", "user-agent", "tag", "manifest_digest", "mediaType", "username", "robot")

KINDS: dict[str, tuple[str, ...]] = {
    "account_initialized": ("username",),
    "change_repo_permission": ("username", "team", "repo", "role", "namespace"),
    "change_repo_state": ("repo", "namespace", "state_changed"),
    "change_repo_visibility": ("repo", "namespace", "visibility"),
    "change_tag_expiration": (
        "username",
        "repo",
        "tag",
        "namespace",
        "expiration_date",
        "old_expiration_date",
    ),
    "change_tag_immutability": ("username", "repo", "tag", "namespace", "immutable", "previous_immutable"),
    "create_app_specific_token": ("app_specific_token_title", "app_specific_token"),
    "create_application": _APPLICATION,
    "create_immutability_policy": _POLICY,
    "create_oauth_api_token": ("token", "scopes", "username", "application", "client_id"),
    "create_prototype_permission": _PROTOTYPE,
    "create_repo": ("repo", "namespace"),
    "create_robot": ("robot", "description", "unstructured_metadata"),
    "create_robot_federation": ("config", "robot"),
    "create_tag": ("username", "repo", "tag", "namespace", "manifest_digest", "original_manifest_digest"),
    "delete_application": ("application_name", "client_id"),
    "delete_blob": ("repo", "namespace", "digest"),
    "delete_immutability_policy": _POLICY,
    "delete_manifest": ("repo", "namespace", "manifest_digest"),
    "delete_prototype_permission": _PROTOTYPE,
    "delete_repo": ("repo", "namespace"),
    "delete_repo_permission": ("username", "team", "repo", "namespace"),
    "delete_robot": ("robot",),
    "delete_robot_federation": ("robot",),
    "delete_tag": ("username", "repo", "namespace", "tag"),
    "export_logs_failure": ("date/time", "error", "url", "email", "repo"),
    "export_logs_success": ("date/time", "export_id", "message", "url", "email", "repo"),
    "federated_robot_token_exchange": ("subject", "issuer", "robot"),
    "login_failure": ("type", "kind", "useragent", "username", "message"),
    "login_success": ("type", "kind", "useragent"),
    "logout_success": (),
    "manifest_label_add": ("id", "key", "value", "manifest_digest", "media_type", "namespace", "repo"),
    "manifest_label_delete": ("id", "key", "value", "manifest_digest", "namespace", "repo"),
    "modify_prototype_permission": (*_PROTOTYPE, "original_role"),
    "move_tag": ("username", "repo", "tag", "namespace", "manifest_digest", "original_manifest_digest"),
    "oauth_token_assigned": ("assigning_user", "assigned_user", "application", "client_id"),
    "oauth_token_revoked": ("token", "username", "application", "client_id"),
    "org_add_team_member": ("member", "team"),
    "org_change_email": ("email", "namespace", "old_email"),
    "org_change_invoicing": ("invoice_email", "invoice_email_address", "namespace"),
    "org_change_tag_expiration": ("tag_expiration", "namespace"),
    "org_create": ("email", "namespace"),
    "org_create_team": ("team",),
    "org_delete": ("namespace",),
    "org_delete_team": ("team",),
    "org_delete_team_member_invite": ("user", "email", "team", "member"),
    "org_invite_team_member": ("user", "email", "member", "team"),
    "org_remove_team_member": ("member", "team"),
    "org_set_team_description": ("team", "description"),
    "org_set_team_role": ("team", "role"),
    "org_team_member_invite_accepted": ("member", "team", "inviter"),
    "org_team_member_invite_declined": ("member", "team", "inviter"),
    "pull_repo": _TRANSFER,
    "push_repo": _TRANSFER,
    "regenerate_robot_token": ("robot",),
    "reset_application_client_secret": ("application_name", "client_id"),
    "revert_tag": ("username", "repo", "tag", "manifest_digest"),
    "revoke_app_specific_token": ("app_specific_token_title", "app_specific_token"),
    "revoke_oauth_api_token": ("token", "username", "application", "client_id"),
    "set_repo_description": ("repo", "namespace", "description"),
    "tag_made_immutable_by_policy": (*_POLICY, "tag", "manifest_digest"),
    "tags_made_immutable_by_policy": (*_POLICY, "count", "tags"),
    "update_application": _APPLICATION,
    "update_immutability_policy": _POLICY,
    "user_change_email": ("old_email", "email", "superuser"),
    "user_change_invoicing": ("invoice_email", "invoice_email_address"),
    "user_change_metadata": ("given_name", "family_name", "company", "location"),
    "user_change_name": ("old_username", "superuser"),
    "user_change_password": ("username", "superuser"),
    "user_change_tag_expiration": ("tag_expiration",),
    "user_create": ("email", "username", "superuser"),
    "user_delete": ("username", "superuser"),
    "user_disable": ("username", "superuser"),
    "user_enable": ("username", "superuser"),
    "user_generate_client_key": (),
}


async def record(
    context: Context,
    kind: str,
    metadata: dict[str, Any],
    *,
    namespace_id: int | None = None,
    repository_id: int | None = None,
) -> None:
    """Append one event to the log, in the open transaction.

    Raises `ValueError` for a kind or a metadata key that the table does not have, so that neither is ever
    invented on the spot.
    """
    entries = await prepare(
        context, [(kind, metadata)], namespace_id=namespace_id, repository_id=repository_id
    )
    await write(entries)


@dataclass(frozen=True, slots=True)
class Entries:
    """Events that can be written, with what the audit log says of each."""

    audit: tuple[audit.AuditRow, ...]
    events: tuple[EventRow, ...]


async def prepare(
    context: Context,
    entries: Sequence[tuple[str, dict[str, Any]]],
    *,
    namespace_id: int | None = None,
    repository_id: int | None = None,
) -> Entries:
    """Check many kinds with their metadata, as `record` does, before the transaction that writes them."""
    for kind, metadata in entries:
        if kind not in KINDS or not metadata.keys() <= set(KINDS[kind]):
            raise ValueError(f"event {kind} with {sorted(metadata)} is not in the table of kinds")
    credential = context.viewer.credential
    facts = await _token_facts(credential)
    entries = [(kind, metadata | facts) for kind, metadata in entries]
    now = now_ms()
    return Entries(
        audit=tuple(
            audit.AuditRow(kind, metadata, namespace_id, repository_id, context.account_id, context.ip, now)
            for kind, metadata in entries
        ),
        events=tuple(
            EventRow(
                kind=kind,
                metadata=metadata,
                namespace_id=namespace_id,
                repository_id=repository_id,
                performer_id=context.account_id,
                credential_kind=credential.kind,
                credential_id=credential.id or None,
                ip=context.ip,
                request_id=context.request_id,
            )
            for kind, metadata in entries
        ),
    )


async def write(entries: Entries) -> None:
    """Append prepared events to the log, in the open transaction; as many statements for 100 as for one."""
    await audit.append_many(entries.audit)
    await append(*entries.events)


async def _token_facts(credential: Credential) -> dict[str, Any]:
    """What every entry tells of the access token by which something was done."""
    if credential.kind != "access_token":
        return {}
    row = await fetch_one(
        "SELECT t.id, a.client_id, a.name FROM access_token t"
        " LEFT JOIN application a ON a.id = t.application_id WHERE t.id = ?",
        credential.id,
    )
    if row is None:
        return {}
    return {
        "oauth_token_id": row["id"],
        "oauth_token_application_id": row["client_id"],
        "oauth_token_application": row["name"],
    }

"""Kinds of events: one table for the event log, the audit log, subscriptions and the documentation.

The names and metadata keys are those that clients of the REST API's logs know. A new kind is a row here and a
call of `resolvers.events.record` with its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Final


class Subject(StrEnum):
    """The subject of a kind: which of `namespace_id` and `repository_id` its events have."""

    REPOSITORY = "repository"
    NAMESPACE = "namespace"
    SITE = "registry"
    EITHER = "repository or namespace"


class Audience(StrEnum):
    """Who sees events of a kind in a subscription; administrators of the subject see all of them.

    What tells of the whole registry is only in the log of superusers.
    """

    READERS = "readers"
    ADMINISTRATORS = "administrators"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of events. `metadata` are the allowed keys, in addition to `TOKEN_METADATA`."""

    name: str
    subject: Subject
    audience: Audience
    metadata: tuple[str, ...]
    sentence: str
    """What happened, in one sentence."""
    is_audited: bool = True
    """Whether the audit log has an entry for each event."""


TOKEN_METADATA: Final = ("oauth_token_id", "oauth_token_application_id", "oauth_token_application")
"""Additional metadata keys of every event that was caused with an access token."""

TOLD_BY_PUSH: Final = frozenset({"create_tag", "move_tag"})
"""Kinds whose events have no audit entry where a push caused them: the entry of the push names the tag."""

_BUILD = "build_id build_name docker_tags trigger_id trigger_kind trigger_metadata"
_APPLICATION = "name redirect_uri application_uri description avatar_email application_name client_id"
_NOTIFICATION = "repo namespace notification_id event method"
_TRIGGER = "repo namespace trigger_id service"
_FILLING = "namespace threshold_percent usage_bytes limit_bytes usage_percent"
_POLICY = "policy_uuid tag_pattern tag_pattern_matches namespace repo"
_PRUNE_POLICY = (
    "policy_uuid method value tag_pattern tag_pattern_matches kept_if_pulled_within_days namespace"
)
_KEY = "kid service name expiration_date"
_PULL_POLICY = "mode min_severity allows_unfixed requires_scan namespace repo"
_PULL_EXCEPTION = "advisory reason ends_at_ms namespace repo"
_PROTOTYPE = "prototypeid username activating_username role delegate_user delegate_team"
_QUOTA = "namespace limit_bytes limit"
_SYNC = "verb namespace repo message tag tags stdout stderr"
_THRESHOLD = "namespace type threshold_percent"
_TRANSFER = "repo namespace user-agent tag manifest_digest mediaType username robot"


def _kind(
    subject: Subject,
    audience: Audience,
    name: str,
    sentence: str,
    metadata: str = "",
    *,
    is_audited: bool = True,
) -> EventKind:
    return EventKind(name, subject, audience, tuple(metadata.split()), sentence, is_audited)


_content = partial(_kind, Subject.REPOSITORY, Audience.READERS)
_repository = partial(_kind, Subject.REPOSITORY, Audience.ADMINISTRATORS)
_either = partial(_kind, Subject.EITHER, Audience.ADMINISTRATORS)
_namespace = partial(_kind, Subject.NAMESPACE, Audience.ADMINISTRATORS)
_site = partial(_kind, Subject.SITE, Audience.NOBODY)

_ROWS: Final = (
    _content(
        "autoprune_tag_delete",
        "An auto-prune policy deleted a tag.",
        "performer namespace repo tag",
    ),
    _content(
        "change_repo_state",
        "The repository was closed to writes, or opened again.",
        "repo namespace state_changed",
    ),
    _content(
        "change_repo_visibility", "The repository became public or private.", "repo namespace visibility"
    ),
    _content(
        "change_tag_expiration",
        "A tag got another expiration, or lost the one it had.",
        "username repo tag namespace expiration_date old_expiration_date",
    ),
    _content(
        "change_tag_immutability",
        "A tag was locked or unlocked by hand.",
        "username repo tag namespace immutable previous_immutable",
    ),
    _content(
        "build_cancelled",
        "A build was cancelled; subscribers see it.",
        f"{_BUILD} image_id",
        is_audited=False,
    ),
    _content(
        "build_dockerfile",
        "A build of an image was ordered.",
        "build_id docker_tags repo namespace is_manual manual_user trigger_id trigger_kind trigger_metadata",
    ),
    _content("build_failure", "A build failed.", f"{_BUILD} error_message", is_audited=False),
    _content("build_queued", "A build waits for its turn.", f"{_BUILD} is_manual", is_audited=False),
    _content("build_start", "A build began.", _BUILD, is_audited=False),
    _content(
        "build_success", "A build made an image.", f"{_BUILD} image_id manifest_digests", is_audited=False
    ),
    _content("cancel_build", "A build was cancelled.", "build_uuid repo namespace"),
    _content("create_repo", "The repository was made.", "repo namespace"),
    _content(
        "create_tag",
        "A tag was made.",
        "username repo tag namespace manifest_digest original_manifest_digest",
    ),
    _content("delete_manifest", "A manifest was deleted by its digest.", "repo namespace manifest_digest"),
    _content("delete_repo", "The repository was deleted.", "repo namespace"),
    _content("delete_tag", "A tag was deleted.", "username repo namespace tag"),
    _content(
        "manifest_label_add",
        "A label was added to a manifest.",
        "id key value manifest_digest media_type namespace repo",
    ),
    _content(
        "manifest_label_delete",
        "A label was removed from a manifest.",
        "id key value manifest_digest namespace repo",
    ),
    _content(
        "move_tag",
        "A tag was moved to another manifest.",
        "username repo tag namespace manifest_digest original_manifest_digest",
    ),
    _content("pull_repo", "A manifest was pulled.", _TRANSFER),
    _content("push_repo", "A manifest was pushed.", _TRANSFER),
    _content("revert_tag", "A tag was restored to an earlier manifest.", "username repo tag manifest_digest"),
    _content(
        "vulnerability_found",
        "An image turned out to have a vulnerability that a new advisory tells of.",
        "tags digest vulnerability",
        is_audited=False,
    ),
    _content("set_repo_description", "The repository got another description.", "repo namespace description"),
    _content(
        "tag_made_immutable_by_policy",
        "A policy locked a tag as it was set.",
        f"{_POLICY} tag manifest_digest",
    ),
    _content(
        "tags_made_immutable_by_policy",
        "A new or changed policy locked tags of a repository.",
        f"{_POLICY} count tags",
    ),
    _repository("add_repo_notification", "A notification of the repository was made.", _NOTIFICATION),
    _repository("delete_repo_notification", "A notification of the repository was deleted.", _NOTIFICATION),
    _repository(
        "reset_repo_notification",
        "The failures of a notification of the repository were set to 0.",
        _NOTIFICATION,
    ),
    _repository(
        "change_repo_permission",
        "A role on the repository was given or changed.",
        "username team repo role namespace",
    ),
    _repository(
        "create_repository_autoprune_policy",
        "An auto-prune policy of the repository was made.",
        f"{_PRUNE_POLICY} repo",
    ),
    _repository("delete_repo_trigger", "A build trigger was deleted with its builds.", _TRIGGER),
    _repository("setup_repo_trigger", "A build trigger was activated.", f"{_TRIGGER} pull_robot config"),
    _repository(
        "toggle_repo_trigger",
        "A build trigger was enabled or disabled, by a user or after failures.",
        f"{_TRIGGER} enabled disabled_reason",
    ),
    _repository("delete_blob", "The repository gave up its right to a blob.", "repo namespace digest"),
    _repository(
        "delete_repo_permission", "A role on the repository was taken away.", "username team repo namespace"
    ),
    _repository(
        "delete_repository_autoprune_policy",
        "An auto-prune policy of the repository was deleted.",
        f"{_PRUNE_POLICY} repo",
    ),
    _repository(
        "repo_mirror_config_changed",
        "A setting of the repository's mirror was changed.",
        "repo namespace user-agent changed to username",
    ),
    _repository(
        "repo_mirror_sync_progress",
        "A run of the repository's mirror has come further; told every few seconds.",
        "namespace repo tags_done tags_total tags_changed tags_failed fetched_bytes",
        is_audited=False,
    ),
    _repository("repo_mirror_sync_started", "A run of the repository's mirror began.", _SYNC),
    _repository("repo_mirror_sync_success", "A run of the repository's mirror brought all tags.", _SYNC),
    _repository(
        "repo_mirror_sync_failed",
        "A run of the repository's mirror was cancelled, or left something out.",
        _SYNC,
    ),
    _repository("repo_mirror_sync_tag_success", "A tag was brought by the repository's mirror.", _SYNC),
    _repository("repo_mirror_sync_tag_failed", "A tag was not brought by the repository's mirror.", _SYNC),
    _repository(
        "update_repository_autoprune_policy",
        "An auto-prune policy of the repository was changed.",
        f"{_PRUNE_POLICY} repo",
    ),
    _either("delete_pull_exception", "An exception of a pull policy was deleted.", _PULL_EXCEPTION),
    _either("delete_pull_policy", "A pull policy was deleted.", _PULL_POLICY),
    _either("set_pull_exception", "A pull policy was told to overlook an advisory.", _PULL_EXCEPTION),
    _either("set_pull_policy", "A pull policy was set.", _PULL_POLICY),
    _repository(
        "pull_against_policy",
        "An image was pulled against a pull policy, or was to be; told once a day of an image.",
        "namespace repo digest tag mode reason advisories count",
    ),
    _either("create_immutability_policy", "An immutability policy was made.", _POLICY),
    _either("delete_immutability_policy", "An immutability policy was deleted.", _POLICY),
    _either("export_logs_failure", "An export of the audit log failed.", "date/time error url email repo"),
    _either(
        "export_logs_success",
        "An export of the audit log was made.",
        "date/time export_id message url email repo",
    ),
    _either("update_immutability_policy", "An immutability policy was changed.", _POLICY),
    _namespace("account_initialized", "The first user was made.", "username"),
    _namespace(
        "change_read_only",
        "Read-only mode of the registry was switched on or off, or got another reason.",
        "read_only reason",
    ),
    _namespace(
        "create_app_specific_token",
        "An application token was made.",
        "app_specific_token_title app_specific_token",
    ),
    _namespace("create_application", "An OAuth application was made.", _APPLICATION),
    _namespace(
        "create_namespace_autoprune_policy", "An auto-prune policy of the namespace was made.", _PRUNE_POLICY
    ),
    _namespace(
        "create_oauth_api_token", "An access token was made.", "token scopes username application client_id"
    ),
    _namespace("create_namespace_notification", "A notification of the namespace was made.", _NOTIFICATION),
    _namespace(
        "delete_namespace_notification", "A notification of the namespace was deleted.", _NOTIFICATION
    ),
    _namespace(
        "reset_namespace_notification",
        "The failures of a notification of the namespace were set to 0.",
        _NOTIFICATION,
    ),
    _namespace("create_prototype_permission", "A default permission was made.", _PROTOTYPE),
    _namespace(
        "create_proxy_cache_config",
        "The organization became a cache of another registry.",
        "upstream_registry",
    ),
    _namespace("create_robot", "A robot was made.", "robot description unstructured_metadata"),
    _namespace("create_robot_federation", "The external identities of a robot were set.", "config robot"),
    _namespace("delete_application", "An OAuth application was deleted.", "application_name client_id"),
    _namespace(
        "delete_namespace_autoprune_policy",
        "An auto-prune policy of the namespace was deleted.",
        _PRUNE_POLICY,
    ),
    _namespace("delete_prototype_permission", "A default permission was deleted.", _PROTOTYPE),
    _namespace("delete_proxy_cache_config", "The organization is a cache no longer."),
    _namespace("delete_robot", "A robot was deleted.", "robot"),
    _namespace("delete_robot_federation", "The external identities of a robot were removed.", "robot"),
    _namespace(
        "federated_robot_token_exchange",
        "An external token was exchanged for a robot's password.",
        "subject issuer robot",
    ),
    _namespace("login_failure", "A sign-in with a wrong credential.", "type kind useragent username message"),
    _namespace("login_success", "A sign-in.", "type kind useragent"),
    _namespace("logout_success", "A sign-out."),
    _namespace(
        "modify_prototype_permission", "A default permission got another role.", f"{_PROTOTYPE} original_role"
    ),
    _namespace(
        "oauth_token_assigned",
        "A user was offered an access token of an application.",
        "assigning_user assigned_user application client_id",
    ),
    _namespace(
        "oauth_token_revoked",
        "An access token was revoked by its user.",
        "token username application client_id",
    ),
    _namespace("org_add_team_member", "A user or robot was added to a team.", "member team"),
    _namespace(
        "org_change_email", "The organization changed its e-mail address.", "email namespace old_email"
    ),
    _namespace(
        "org_change_invoicing",
        "The organization changed where invoices go.",
        "invoice_email invoice_email_address namespace",
    ),
    _namespace(
        "org_change_name",
        "A superuser gave the organization another name.",
        "old_name new_name superuser",
    ),
    _namespace(
        "org_change_quota",
        "A quota got another limit.",
        f"{_QUOTA} previous_limit_bytes previous_limit",
    ),
    _namespace(
        "org_change_quota_limit",
        "A threshold of a quota was changed.",
        f"{_THRESHOLD} previous_type previous_threshold_percent",
    ),
    _namespace(
        "org_change_tag_expiration",
        "The organization changed how long deleted tags stay restorable.",
        "tag_expiration namespace",
    ),
    _namespace("org_create", "The organization was made.", "email namespace"),
    _namespace("org_create_quota", "A namespace got a quota.", _QUOTA),
    _namespace("org_create_quota_limit", "A quota got a threshold.", _THRESHOLD),
    _namespace("org_create_team", "A team was made.", "team"),
    _namespace("org_delete", "The organization was deleted.", "namespace"),
    _namespace("org_delete_quota", "The quota of a namespace was removed.", f"{_QUOTA} quota_id"),
    _namespace("org_delete_quota_limit", "A threshold of a quota was removed.", f"{_THRESHOLD} limit_id"),
    _namespace("org_delete_team", "A team was deleted.", "team"),
    _namespace(
        "org_delete_team_member_invite", "An invitation into a team was taken back.", "user email team member"
    ),
    _namespace(
        "org_invite_team_member",
        "A user or an e-mail address was invited into a team.",
        "user email member team",
    ),
    _namespace(
        "org_mirror_config_changed",
        "A setting of the organization's mirror was changed.",
        "namespace user-agent changed to username",
    ),
    _namespace(
        "org_mirror_sync_failed",
        "The organization's mirror was cancelled, or could not look for repositories.",
        "namespace message",
    ),
    _namespace(
        "org_mirror_sync_started", "The organization's mirror looks for repositories.", "namespace message"
    ),
    _namespace(
        "org_mirror_sync_success",
        "The organization's mirror found repositories, and let their mirrors run.",
        "namespace message",
    ),
    _namespace("org_remove_team_member", "A member was removed from a team.", "member team"),
    _namespace("org_set_team_description", "A team got another description.", "team description"),
    _namespace("org_set_team_role", "A team got another role in the organization.", "team role"),
    _namespace(
        "org_team_member_invite_accepted", "An invitation into a team was accepted.", "member team inviter"
    ),
    _namespace(
        "org_team_member_invite_declined", "An invitation into a team was declined.", "member team inviter"
    ),
    _namespace(
        "quota_error",
        "The namespace has no room left below a Reject limit of its quota, or a push was refused for it.",
        _FILLING,
        is_audited=False,
    ),
    _namespace(
        "quota_warning",
        "The namespace reached a Warning limit of its quota.",
        _FILLING,
        is_audited=False,
    ),
    _namespace("regenerate_robot_token", "A robot got a new token; the old one ended.", "robot"),
    _namespace(
        "reset_application_client_secret",
        "An OAuth application got a new client secret.",
        "application_name client_id",
    ),
    _namespace(
        "revoke_app_specific_token",
        "An application token was revoked.",
        "app_specific_token_title app_specific_token",
    ),
    _namespace(
        "revoke_oauth_api_token",
        "An access token was revoked by an administrator.",
        "token username application client_id",
    ),
    _namespace("update_application", "An OAuth application was changed.", _APPLICATION),
    _namespace(
        "update_namespace_autoprune_policy",
        "An auto-prune policy of the namespace was changed.",
        _PRUNE_POLICY,
    ),
    _namespace("user_change_email", "The user changed their e-mail address.", "old_email email superuser"),
    _namespace(
        "user_change_invoicing", "The user changed where invoices go.", "invoice_email invoice_email_address"
    ),
    _namespace(
        "user_change_metadata",
        "The user changed their name, company or location.",
        "given_name family_name company location",
    ),
    _namespace("user_change_name", "The user changed their user name.", "old_username superuser"),
    _namespace("user_change_password", "The user changed their password.", "username superuser"),
    _namespace(
        "user_change_tag_expiration",
        "The user changed how long deleted tags stay restorable.",
        "tag_expiration",
    ),
    _namespace("user_create", "The user was made.", "email username superuser"),
    _namespace("user_delete", "The user was deleted.", "username superuser"),
    _namespace(
        "take_ownership",
        "A superuser came to administer the namespace; a user's became an organization.",
        "entity_id namespace was_user superuser",
    ),
    _namespace("user_disable", "The user was disabled.", "username superuser"),
    _namespace("user_enable", "The user was enabled.", "username superuser"),
    _namespace("user_generate_client_key", "The user asked for an encrypted password."),
    _namespace("user_grant_superuser", "The user became a superuser.", "username superuser"),
    _namespace("user_revoke_superuser", "The user is no superuser any more.", "username"),
    _site(
        "service_key_approve",
        "A superuser approved a service key.",
        f"{_KEY} preshared auto_approved",
    ),
    _site(
        "service_key_create",
        "A superuser made a service key, or a service sent one.",
        f"{_KEY} preshared auto_approved",
    ),
    _site(
        "service_key_delete",
        "A superuser or its service deleted a service key.",
        f"{_KEY} created_date signer_kid",
    ),
    _site("service_key_extend", "A service key got another end.", f"{_KEY} old_expiration_date"),
    _site("service_key_modify", "A service key got another name or other metadata.", _KEY),
    _site("service_key_rotate", "A service key was replaced by a new one.", f"{_KEY} signer_kid"),
)

KINDS: Final[Mapping[str, EventKind]] = {row.name: row for row in sorted(_ROWS, key=lambda row: row.name)}
"""All kinds by name."""

FOR_READERS: Final = frozenset(row.name for row in _ROWS if row.audience is Audience.READERS)
"""Kinds about the content of a repository, visible to all who may read it."""

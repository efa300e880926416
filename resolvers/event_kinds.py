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
    EITHER = "repository or namespace"


class Audience(StrEnum):
    """Who sees events of a kind in a subscription; administrators of the subject see all of them."""

    READERS = "readers"
    ADMINISTRATORS = "administrators"


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

_APPLICATION = "name redirect_uri application_uri description avatar_email application_name client_id"
_FILLING = "namespace threshold_percent usage_bytes limit_bytes usage_percent"
_POLICY = "policy_uuid tag_pattern tag_pattern_matches namespace repo"
_PRUNE_POLICY = (
    "policy_uuid method value tag_pattern tag_pattern_matches kept_if_pulled_within_days namespace"
)
_PROTOTYPE = "prototypeid username activating_username role delegate_user delegate_team"
_QUOTA = "namespace limit_bytes limit"
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
        "update_repository_autoprune_policy",
        "An auto-prune policy of the repository was changed.",
        f"{_PRUNE_POLICY} repo",
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
    _namespace("create_prototype_permission", "A default permission was made.", _PROTOTYPE),
    _namespace("create_robot", "A robot was made.", "robot description unstructured_metadata"),
    _namespace("create_robot_federation", "The external identities of a robot were set.", "config robot"),
    _namespace("delete_application", "An OAuth application was deleted.", "application_name client_id"),
    _namespace(
        "delete_namespace_autoprune_policy",
        "An auto-prune policy of the namespace was deleted.",
        _PRUNE_POLICY,
    ),
    _namespace("delete_prototype_permission", "A default permission was deleted.", _PROTOTYPE),
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
    _namespace("user_disable", "The user was disabled.", "username superuser"),
    _namespace("user_enable", "The user was enabled.", "username superuser"),
    _namespace("user_generate_client_key", "The user asked for an encrypted password."),
)

KINDS: Final[Mapping[str, EventKind]] = {row.name: row for row in sorted(_ROWS, key=lambda row: row.name)}
"""All kinds by name."""

FOR_READERS: Final = frozenset(row.name for row in _ROWS if row.audience is Audience.READERS)
"""Kinds about the content of a repository, visible to all who may read it."""

"""REST writes on repositories and what they hold."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.owed.mutations import rest
from tests.contract.owed.rows import Row

_PRUNING = (
    ("Organization", "/organization/acme", ":of an organization", (None, None)),
    ("Repository", "/repository/acme/app", "", (None, None)),
    # For a token, `org:admin` does not do at the user's own paths.
    ("User", "/user", ":own", ("account, to make things", "own policy, at REST")),
)
"""Owners of auto-prune policies: word, path, variant of the mutation's rows, and who is refused there."""
_MIRROR = "/repository/acme/app/mirror"
_TRIGGER = "/repository/acme/app/trigger/<trigger>"
_BY_AGE = {"method": "creation_date", "value": "7d", "tagPattern": "^v", "tagPatternMatches": False}

ROWS: tuple[Row, ...] = (
    rest(
        "createGlobalMessage",
        "POST",
        "/messages",
        "globalMessageCreate",
        {"message": {"content": "c", "media_type": "text/plain", "severity": "info"}},
    ),
    rest("deleteGlobalMessage", "DELETE", "/message/<uuid>", "globalMessageDelete"),
    rest(
        "exportRepoLogs",
        "POST",
        "/repository/acme/app/exportlogs",
        "auditLogExport",
        {"callback_email": "a@b.cd"},
    ),
    rest(
        "addManifestLabel",
        "POST",
        "/repository/acme/app/manifest/<v1>/labels",
        "manifestLabelCreate",
        {"key": "k", "value": "v", "media_type": "text/plain"},
        label="label.id",
    ),
    rest(
        "deleteManifestLabel",
        "DELETE",
        "/repository/acme/app/manifest/<v1>/labels/<label>",
        "manifestLabelDelete",
    ),
    rest(
        "changeUserPermissions",
        "PUT",
        "/repository/acme/app/permissions/user/guest",
        "repositoryPermissionSet",
        {"role": "write"},
    ),
    rest(
        "deleteUserPermissions",
        "DELETE",
        "/repository/acme/app/permissions/user/reader",
        "repositoryPermissionDelete",
    ),
    rest(
        "changeTeamPermissions",
        "PUT",
        "/repository/acme/app/permissions/team/makers",
        "repositoryPermissionSet:team",
        {"role": "read"},
    ),
    rest(
        "deleteTeamPermissions",
        "DELETE",
        "/repository/acme/app/permissions/team/members",
        "repositoryPermissionDelete:team",
    ),
    rest(
        "createRepo",
        "POST",
        "/repository",
        "repositoryCreate",
        {"namespace": "acme", "repository": "new", "visibility": "private", "description": "d"},
    ),
    rest("updateRepo", "PUT", "/repository/acme/app", "repositoryUpdate", {"description": "x"}),
    rest("deleteRepository", "DELETE", "/repository/acme/app", "repositoryDelete"),
    rest(
        "changeRepoVisibility",
        "POST",
        "/repository/acme/app/changevisibility",
        "repositoryVisibilityChange",
        {"visibility": "public"},
    ),
    rest(
        "changeRepoState",
        "PUT",
        "/repository/acme/app/changestate",
        "repositoryStateChange",
        {"state": "READ_ONLY"},
    ),
    rest(
        "requestRepoBuild",
        "POST",
        "/repository/acme/app/build/",
        "buildRequest",
        {"archive_url": "https://9.9.9.9/context.tgz", "docker_tags": ["built"]},
        build="id",
    ),
    rest("cancelRepoBuild", "DELETE", "/repository/acme/app/build/<build>", "buildCancel"),
    rest(
        "activateBuildTrigger",
        "POST",
        f"{_TRIGGER}/activate",
        "buildTriggerActivate",
        {"config": {"build_source": "git@9.9.9.9:acme/app.git"}},
    ),
    rest("updateBuildTrigger", "PUT", _TRIGGER, "buildTriggerUpdate", {"enabled": False}),
    rest(
        "manuallyStartBuildTrigger",
        "POST",
        f"{_TRIGGER}/start",
        "buildTriggerStart",
        {"commit_sha": "abcdef1234567890abcdef1234567890abcdef12"},
        build="id",
    ),
    *(
        replace(
            rest(operation, "POST", f"{_TRIGGER}/fields/{field}", "buildTriggerReferencesList"),
            outcome="400",
        )
        for operation, field in (
            ("listTriggerReferences", "refs"),
            ("listTriggerBranches", "branch_name"),
            ("listTriggerTags", "tag_name"),
        )
    ),
    rest("deleteBuildTrigger", "DELETE", _TRIGGER, "buildTriggerDelete"),
    rest("createFileDrop", "POST", "/filedrop/", "contextFileCreate", {"mimeType": "application/gzip"}),
    rest(
        "createRepoMirrorConfig",
        "POST",
        _MIRROR,
        "mirrorCreate",
        {
            "external_reference": "9.9.9.9/team/app",
            "robot_username": "acme+bot",
            "sync_interval": 3600,
            "sync_start_date": "2126-12-01T00:00:00Z",
            "root_rule": {"rule_kind": "tag_glob_csv", "rule_value": ["v*"]},
            "skopeo_timeout_interval": 300,
        },
    ),
    rest(
        "changeRepoMirrorConfig",
        "PUT",
        _MIRROR,
        "mirrorUpdate",
        {
            "is_enabled": False,
            "external_registry_username": "u",
            "external_registry_password": "secret",
            "external_registry_config": {"verify_tls": False},
        },
    ),
    rest("syncNow", "POST", f"{_MIRROR}/sync-now", "mirrorSync", {}),
    rest("syncCancel", "POST", f"{_MIRROR}/sync-cancel", "mirrorSyncCancel", {}),
    rest(
        "requestRepoAuthorizedEmail",
        "POST",
        "/repository/acme/app/authorizedemail/a@b.cd",
        "authorizedEmailRequest",
    ),
    rest("changeTag", "PUT", "/repository/acme/app/tag/v1", "tagUpdate:moved", {"manifest_digest": "<v2>"}),
    rest(
        "changeTag:made", "PUT", "/repository/acme/app/tag/new", "tagUpdate:made", {"manifest_digest": "<v2>"}
    ),
    rest(
        "changeTag:expiring",
        "PUT",
        "/repository/acme/app/tag/v1",
        "tagUpdate:expiring",
        {"expiration": "<soon_s>"},
    ),
    rest("changeTag:locked", "PUT", "/repository/acme/app/tag/v1", "tagUpdate:locked", {"immutable": True}),
    rest(
        "changeTag:unlocked",
        "PUT",
        "/repository/acme/app/tag/locked",
        "tagUpdate:unlocked",
        {"immutable": False},
    ),
    rest("deleteFullTag", "DELETE", "/repository/acme/app/tag/v1", "tagDelete"),
    rest(
        "restoreTag", "POST", "/repository/acme/app/tag/v1/restore", "tagRestore", {"manifest_digest": "<v1>"}
    ),
    rest(
        "createOrganizationImmutabilityPolicy",
        "POST",
        "/organization/acme/immutabilitypolicy/",
        "immutabilityPolicyCreate:of an organization",
        {"tagPattern": "^v1.*", "tagPatternMatches": False},
        policy="uuid",
    ),
    rest(
        "updateOrganizationImmutabilityPolicy",
        "PUT",
        "/organization/acme/immutabilitypolicy/<policy>",
        "immutabilityPolicyUpdate:of an organization",
        {"tagPattern": "^v2.*", "tagPatternMatches": True},
    ),
    rest(
        "deleteOrganizationImmutabilityPolicy",
        "DELETE",
        "/organization/acme/immutabilitypolicy/<policy>",
        "immutabilityPolicyDelete:of an organization",
    ),
    rest(
        "createRepositoryImmutabilityPolicy",
        "POST",
        "/repository/acme/app/immutabilitypolicy/",
        "immutabilityPolicyCreate",
        {"tagPattern": "^v.*"},
        policy="uuid",
    ),
    rest(
        "updateRepositoryImmutabilityPolicy",
        "PUT",
        "/repository/acme/app/immutabilitypolicy/<policy>",
        "immutabilityPolicyUpdate",
        {"tagPattern": "^v2.*", "tagPatternMatches": True},
    ),
    rest(
        "deleteRepositoryImmutabilityPolicy",
        "DELETE",
        "/repository/acme/app/immutabilitypolicy/<policy>",
        "immutabilityPolicyDelete",
    ),
    *(
        row
        for word, place, variant, rights in _PRUNING
        for row in (
            rest(
                f"create{word}AutoPrunePolicy",
                "POST",
                f"{place}/autoprunepolicy/",
                f"prunePolicyCreate{variant}",
                _BY_AGE,
                right=rights[0],
                policy="uuid",
            ),
            rest(
                f"update{word}AutoPrunePolicy",
                "PUT",
                f"{place}/autoprunepolicy/<policy>",
                f"prunePolicyUpdate{variant}",
                _BY_AGE,
                right=rights[1],
            ),
            rest(
                f"delete{word}AutoPrunePolicy",
                "DELETE",
                f"{place}/autoprunepolicy/<policy>",
                f"prunePolicyDelete{variant}",
                right=rights[1],
            ),
        )
    ),
    *(
        row
        for word, place, variant, rights, event in (
            ("Repo", "/repository/acme/app/notification", "", (None, None), "repo_push"),
            (
                "Organization",
                "/organization/acme/notifications",
                ":of an organization",
                (None, None),
                "quota_error",
            ),
            (
                "UserNamespace",
                "/user/namespacenotifications",
                ":own",
                ("account, to make things", "own robot, at REST"),
                "quota_error",
            ),
        )
        for row in (
            rest(
                f"create{word}Notification",
                "POST",
                f"{place}/",
                f"notificationCreate{variant}",
                {
                    "event": event,
                    "method": "webhook",
                    "config": {"url": "https://[2606:4700::1111]/hook"},
                    "event_config": {},
                },
                right=rights[0],
                notification="uuid",
            ),
            rest(
                f"delete{word}Notification",
                "DELETE",
                f"{place}/<notification>",
                f"notificationDelete{variant}",
                right=rights[1],
            ),
            rest(
                f"test{word}Notification",
                "POST",
                f"{place}/<notification>/test",
                f"notificationTest{variant}",
                right=rights[1],
            ),
            rest(
                f"reset{'Repository' if word == 'Repo' else word}NotificationFailures",
                "POST",
                f"{place}/<notification>",
                f"notificationReset{variant}",
                right=rights[1],
            ),
        )
    ),
    rest(
        "resetRepoNotification",
        "POST",
        "/repository/acme/app/notification/<notification>/reset",
        "notificationReset",
    ),
    rest("createStar", "POST", "/user/starred", "repositoryStar", {"namespace": "acme", "repository": "app"}),
    rest("deleteStar", "DELETE", "/user/starred/acme/app", "repositoryUnstar"),
)

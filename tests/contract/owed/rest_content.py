"""REST writes on repositories and what they hold."""

from __future__ import annotations

from tests.contract.owed.mutations import rest
from tests.contract.owed.rows import Row

_PRUNING = (
    ("Organization", "/organization/acme", ":of an organization", (None, None)),
    ("Repository", "/repository/acme/app", "", (None, None)),
    # For a token, `org:admin` does not do at the user's own paths.
    ("User", "/user", ":own", ("account", "own thing")),
)
"""Owners of auto-prune policies: word, path, variant of the mutation's rows, and who is refused there."""
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
    rest("createStar", "POST", "/user/starred", "repositoryStar", {"namespace": "acme", "repository": "app"}),
    rest("deleteStar", "DELETE", "/user/starred/acme/app", "repositoryUnstar"),
)

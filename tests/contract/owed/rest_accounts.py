"""REST writes on users, organizations, robots and tokens."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.owed.mutations import rest
from tests.contract.owed.rows import Row

ROWS: tuple[Row, ...] = (
    rest(
        "createInstallUser",
        "POST",
        "/superuser/users/",
        "userCreate",
        {"username": "eve", "email": "eve@example.com"},
    ),
    rest(
        "changeInstallUser",
        "PUT",
        "/superuser/users/guest",
        "userUpdate:by a superuser",
        {"email": "g@b.cd", "password": "correct-horse-2", "superuser": True},
    ),
    rest("deleteInstallUser", "DELETE", "/superuser/users/guest", "userDelete:by a superuser"),
    rest("sendInstallUserRecoveryEmail", "POST", "/superusers/users/guest/sendrecovery", "userRecoverySend"),
    rest(
        "createServiceKey",
        "POST",
        "/superuser/keys",
        "serviceKeyCreate",
        {"service": "builder", "name": "CI", "expiration": None, "notes": "for builds", "metadata": {}},
        kid="kid",
    ),
    rest(
        "updateServiceKey",
        "PUT",
        "/superuser/keys/<kid>",
        "serviceKeyUpdate",
        {"name": "CI 2", "expiration": "<soon_s>", "metadata": {"a": "b"}},
    ),
    rest(
        "approveServiceKey", "POST", "/superuser/approvedkeys/<waiting>", "serviceKeyApprove", {"notes": "n"}
    ),
    rest("deleteServiceKey", "DELETE", "/superuser/keys/<waiting>", "serviceKeyDelete"),
    rest(
        "createAppToken", "POST", "/user/apptoken", "appTokenCreate", {"title": "laptop"}, uuid="token.uuid"
    ),
    rest("revokeAppToken", "DELETE", "/user/apptoken/<uuid>", "appTokenRevoke"),
    rest("exportUserLogs", "POST", "/user/exportlogs", "auditLogExport:own", {"callback_email": "a@b.cd"}),
    rest(
        "exportOrgLogs",
        "POST",
        "/organization/acme/exportlogs",
        "auditLogExport:of an organization",
        {"callback_email": "a@b.cd"},
    ),
    rest(
        "createOrganization",
        "POST",
        "/organization/",
        "organizationCreate",
        {"name": "fresh", "email": "fresh@example.com"},
    ),
    rest(
        "changeOrganizationDetails",
        "PUT",
        "/organization/acme",
        "organizationUpdate",
        {
            "email": "acme@example.com",
            "tag_expiration_s": 86400,
            "invoice_email": True,
            "invoice_email_address": "bill@example.com",
        },
    ),
    rest("deleteAdminedOrganization", "DELETE", "/organization/acme", "organizationDelete"),
    rest(
        "changeOrganization",
        "PUT",
        "/superuser/organizations/acme",
        "organizationUpdate:by a superuser",
        {"name": "acme-two", "email": "two@example.com"},
    ),
    rest(
        "deleteOrganization", "DELETE", "/superuser/organizations/acme", "organizationDelete:by a superuser"
    ),
    rest("takeOwnership", "POST", "/superuser/takeownership/acme", "namespaceTakeOver"),
    rest(
        "removeOrganizationMember", "DELETE", "/organization/acme/members/member", "organizationMemberRemove"
    ),
    rest(
        "createOrganizationApplication",
        "POST",
        "/organization/acme/applications",
        "applicationCreate",
        {
            "name": "Helm",
            "redirect_uri": "https://helm.example/cb",
            "application_uri": "https://helm.example",
            "description": "d",
            "avatar_email": "h@example.com",
        },
        helm="client_id",
    ),
    rest(
        "updateOrganizationApplication",
        "PUT",
        "/organization/acme/applications/<helm>",
        "applicationUpdate",
        {
            "name": "Tiller",
            "redirect_uri": "https://helm.example/cb",
            "application_uri": "https://helm.example",
            "description": "e",
        },
    ),
    rest(
        "deleteOrganizationApplication",
        "DELETE",
        "/organization/acme/applications/<helm>",
        "applicationDelete",
    ),
    rest(
        "resetApplicationSecret",
        "POST",
        "/organization/acme/applications/<helm>/resetclientsecret",
        "applicationSecretReset",
    ),
    rest(
        "createApplicationToken",
        "POST",
        "/organization/acme/applications/<helm>/tokens",
        "applicationTokenCreate",
        {"name": "t", "scope": "org:admin"},
        uuid="uuid",
    ),
    rest(
        "revokeApplicationToken",
        "DELETE",
        "/organization/acme/applications/<helm>/tokens/<uuid>",
        "applicationTokenRevoke",
    ),
    rest(
        "createProxyCacheConfig",
        "POST",
        "/organization/acme/proxycache",
        "proxyCacheCreate",
        {"upstream_registry": "localhost:1/library", "insecure": True},
    ),
    rest("deleteProxyCacheConfig", "DELETE", "/organization/acme/proxycache", "proxyCacheDelete"),
    replace(
        rest(
            "validateProxyCacheConfig",
            "POST",
            "/organization/acme/validateproxycache",
            "proxyCacheValidate",
            {"upstream_registry": "localhost:1/library", "insecure": True},
        ),
        outcome="400",
    ),
    rest(
        "createOrganizationMirror",
        "POST",
        "/organization/acme/mirror",
        "organizationMirrorCreate",
        {
            "external_registry_type": "quay",
            "external_registry_url": "https://9.9.9.9",
            "external_namespace": "team",
            "robot_username": "acme+bot",
            "sync_interval": 3600,
            "sync_start_date": "2126-01-01T00:00:00Z",
        },
    ),
    rest(
        "updateOrganizationMirror",
        "PUT",
        "/organization/acme/mirror",
        "organizationMirrorUpdate",
        {
            "is_enabled": False,
            "visibility": "public",
            "repository_filters": ["a*"],
            "external_registry_username": "u",
            "external_registry_password": "secret",
        },
    ),
    rest("deleteOrganizationMirror", "DELETE", "/organization/acme/mirror", "organizationMirrorDelete"),
    rest("syncOrganizationMirrorNow", "POST", "/organization/acme/mirror/sync-now", "organizationMirrorSync"),
    rest(
        "cancelOrganizationMirrorSync",
        "POST",
        "/organization/acme/mirror/sync-cancel",
        "organizationMirrorSyncCancel",
    ),
    rest(
        "verifyOrganizationMirror",
        "POST",
        "/organization/acme/mirror/verify",
        "organizationMirrorVerify",
        {
            "external_registry_type": "catalog",
            "external_registry_url": "localhost:1",
            "external_namespace": "team",
        },
    ),
    rest(
        "createOrganizationPrototypePermission",
        "POST",
        "/organization/acme/prototypes",
        "permissionPrototypeCreate",
        {"role": "read", "delegate": {"kind": "user", "name": "guest"}},
        proto="id",
    ),
    rest(
        "updateOrganizationPrototypePermission",
        "PUT",
        "/organization/acme/prototypes/<proto>",
        "permissionPrototypeUpdate",
        {"role": "write"},
    ),
    rest(
        "deleteOrganizationPrototypePermission",
        "DELETE",
        "/organization/acme/prototypes/<proto>",
        "permissionPrototypeDelete",
    ),
    rest(
        "createUserRobot", "PUT", "/user/robots/new", "robotCreate:own", {}, right="account, to make things"
    ),
    rest("deleteUserRobot", "DELETE", "/user/robots/own", "robotDelete:own", right="own robot, at REST"),
    rest(
        "regenerateUserRobotToken",
        "POST",
        "/user/robots/own/regenerate",
        "robotTokenRegenerate:own",
        right="own robot, at REST",
    ),
    rest(
        "createUserRobotFederation",
        "POST",
        "/user/robots/own/federation",
        "robotFederationSet:own",
        [{"issuer": "https://ci.example", "subject": "job"}],
        right="own robot, at REST",
    ),
    rest(
        "deleteUserRobotFederation",
        "DELETE",
        "/user/robots/own/federation",
        "robotFederationClear:own",
        right="own robot, at REST",
    ),
    rest(
        "createOrgRobot",
        "PUT",
        "/organization/acme/robots/new",
        "robotCreate",
        {"description": "d", "unstructured_metadata": {"a": 1}},
    ),
    rest("deleteOrgRobot", "DELETE", "/organization/acme/robots/bot", "robotDelete"),
    rest(
        "regenerateOrgRobotToken", "POST", "/organization/acme/robots/bot/regenerate", "robotTokenRegenerate"
    ),
    rest(
        "createOrgRobotFederation",
        "POST",
        "/organization/acme/robots/bot/federation",
        "robotFederationSet",
        [{"issuer": "https://ci.example", "subject": "job"}],
    ),
    rest(
        "deleteOrgRobotFederation",
        "DELETE",
        "/organization/acme/robots/bot/federation",
        "robotFederationClear",
    ),
    rest(
        "updateOrganizationTeam",
        "PUT",
        "/organization/acme/team/members",
        "teamSet",
        {"role": "admin", "description": "d"},
    ),
    rest(
        "updateOrganizationTeam:made",
        "PUT",
        "/organization/acme/team/crew",
        "teamSet:made",
        {"role": "member"},
    ),
    rest("deleteOrganizationTeam", "DELETE", "/organization/acme/team/members", "teamDelete"),
    rest(
        "updateOrganizationTeamMember",
        "PUT",
        "/organization/acme/team/members/members/maker",
        "teamMemberAdd",
    ),
    rest(
        "updateOrganizationTeamMember:invited",
        "PUT",
        "/organization/acme/team/members/members/guest",
        "teamMemberAdd:invited",
    ),
    rest(
        "deleteOrganizationTeamMember",
        "DELETE",
        "/organization/acme/team/members/members/member",
        "teamMemberRemove",
    ),
    rest("inviteTeamMemberEmail", "PUT", "/organization/acme/team/members/invite/a@b.cd", "teamInviteCreate"),
    rest(
        "deleteTeamMemberEmailInvite",
        "DELETE",
        "/organization/acme/team/members/invite/a@b.cd",
        "teamInviteDelete",
    ),
    rest("acceptTeamInvite", "PUT", "/teaminvite/<code>", "teamInviteAccept"),
    rest("declineTeamInvite", "DELETE", "/teaminvite/<code>", "teamInviteDecline"),
    rest(
        "createNewUser",
        "POST",
        "/user/",
        "userSignUp",
        {"username": "eve", "password": "correct-horse", "email": "eve@example.com"},
        right="everybody",
    ),
    rest(
        "changeUserDetails",
        "PUT",
        "/user/",
        "userUpdate",
        {
            "given_name": "O",
            "family_name": "W",
            "company": "C",
            "location": "L",
            "invoice_email": True,
            "invoice_email_address": "bill@example.com",
            "tag_expiration_s": 86400,
        },
    ),
    rest(
        "changeUserDetails:of another password",
        "PUT",
        "/user/",
        "userUpdate:of another password",
        {"password": "correct-horse-2"},
    ),
    rest("deleteCurrentUser", "DELETE", "/user/", "userDelete"),
    rest(
        "generateUserClientKey",
        "POST",
        "/user/clientkey",
        "encryptedPasswordCreate",
        {"password": "correct-horse-battery"},
    ),
    rest(
        "requestRecoveryEmail",
        "POST",
        "/recovery",
        "passwordRecoveryRequest",
        {"email": "guest@example.com"},
        right="everybody",
    ),
    rest(
        "updateUserNotification",
        "PUT",
        "/user/notifications/<notice>",
        "inboxNoticeUpdate",
        {"dismissed": True},
    ),
    rest("deleteAuthorization", "DELETE", "/user/authorizations/<uuid>", "accessTokenRevoke"),
    rest(
        "deleteAssignedAuthorization", "DELETE", "/user/assignedauthorization/<uuid>", "tokenAssignmentDelete"
    ),
)

FIRST: tuple[Row, ...] = (
    rest(
        "initializeUser",
        "POST",
        "/user/initialize",
        "userInitialize",
        {
            "username": "root",
            "password": "correct-horse",
            "email": "root@example.com",
            "access_token": True,
        },
    ),
)
"""Where there is nobody yet."""

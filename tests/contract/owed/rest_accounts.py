"""REST writes on users, organizations, robots and tokens."""

from __future__ import annotations

from tests.contract.owed.mutations import rest
from tests.contract.owed.rows import Row

ROWS: tuple[Row, ...] = (
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
    rest("createUserRobot", "PUT", "/user/robots/new", "robotCreate:own", {}, right="account"),
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

"""Teams of an organization: roles, members, invitations."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import message
from rest_compat.route import Route

_TEAM = "/organization/{orgname}/team/{teamname}"

CHAPTER = chapter(
    "team",
    "Create, change and delete the teams of an organization, and say who is in them.",
    Route(
        "updateOrganizationTeam",
        "PUT",
        _TEAM,
        "org:admin",
        problems={
            ("INVALID", "teamname"): message(),
            ("INVALID", "role"): message(),
            ("NOT_FOUND", "orgname"): message(),
        },
    ),
    Route(
        "deleteOrganizationTeam",
        "DELETE",
        _TEAM,
        "org:admin",
        status=204,
        problems={("NOT_FOUND", "teamname"): message(), "INVALID": message()},
    ),
    Route("getOrganizationTeamPermissions", "GET", _TEAM + "/permissions"),
    Route("getOrganizationTeamMembers", "GET", _TEAM + "/members", "org:admin"),
    Route(
        "updateOrganizationTeamMember",
        "PUT",
        _TEAM + "/members/{membername}",
        "org:admin",
        problems={"INVALID": message(), "ALREADY_EXISTS": message()},
    ),
    Route(
        "deleteOrganizationTeamMember",
        "DELETE",
        _TEAM + "/members/{membername}",
        "org:admin",
        status=204,
        problems={"INVALID": message()},
    ),
    Route("inviteTeamMemberEmail", "PUT", _TEAM + "/invite/{email}", "org:admin", flags=("MAILING",)),
    Route(
        "deleteTeamMemberEmailInvite",
        "DELETE",
        _TEAM + "/invite/{email}",
        "org:admin",
        status=204,
        flags=("MAILING",),
    ),
    Route(
        "acceptTeamInvite",
        "PUT",
        "/teaminvite/{code}",
        "user:admin",
        internal=True,
        problems={"INVALID": message()},
    ),
    Route(
        "declineTeamInvite",
        "DELETE",
        "/teaminvite/{code}",
        "user:admin",
        status=204,
        internal=True,
        problems={"INVALID": message()},
    ),
)

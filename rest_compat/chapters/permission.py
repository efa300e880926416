"""Direct permissions on a repository, of users and robots and of teams."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import Problem, message
from rest_compat.route import Check, Route

# Clients recognise a missing permission by these texts.
NO_USER = "User does not have permission for repo."
NO_TEAM = "Team does not have permission for repo."

CHAPTER = chapter(
    "permission",
    "Give, show and take permissions on a repository.",
    Route(
        "getUserTransitivePermission",
        "GET",
        "/repository/{repository}/permissions/user/{username}/transitive",
        "repo:admin",
    ),
    Route(
        "getUserPermissions",
        "GET",
        "/repository/{repository}/permissions/user/{username}",
        "repo:admin",
        problems={"NOT_FOUND": message(400, NO_USER)},
    ),
    Route(
        "changeUserPermissions",
        "PUT",
        "/repository/{repository}/permissions/user/{username}",
        "repo:admin",
        check=Check.ACCESS,
    ),
    Route(
        "deleteUserPermissions",
        "DELETE",
        "/repository/{repository}/permissions/user/{username}",
        "repo:admin",
        status=204,
        problems={"NOT_FOUND": Problem(400, text=NO_USER)},
    ),
    Route(
        "getTeamPermissions",
        "GET",
        "/repository/{repository}/permissions/team/{teamname}",
        "repo:admin",
        problems={"NOT_FOUND": message(400, NO_TEAM)},
    ),
    Route(
        "changeTeamPermissions",
        "PUT",
        "/repository/{repository}/permissions/team/{teamname}",
        "repo:admin",
        check=Check.ACCESS,
    ),
    Route(
        "deleteTeamPermissions",
        "DELETE",
        "/repository/{repository}/permissions/team/{teamname}",
        "repo:admin",
        status=204,
        problems={"NOT_FOUND": Problem(400, text=NO_TEAM)},
    ),
    Route(
        "listRepoTeamPermissions",
        "GET",
        "/repository/{repository}/permissions/team/",
        "repo:admin",
        null_answer={"permissions": {}},
    ),
    Route(
        "listRepoUserPermissions",
        "GET",
        "/repository/{repository}/permissions/user/",
        "repo:admin",
        null_answer={"permissions": {}},
    ),
)

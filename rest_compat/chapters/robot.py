"""Robots of the caller and of organizations, their tokens, and who may act as them."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import DEFAULT_TEXT, Problem, ProblemKey, message
from rest_compat.route import Check, Route

NO_ROBOT = "Could not find robot with specified username"
"""Clients recognise a missing robot by this text, since the status is 400."""

ABSENT: dict[ProblemKey, Problem] = {"NOT_FOUND": message(400, NO_ROBOT)}
"""Of queries, which have no message for an absent robot."""

MISSING: dict[ProblemKey, Problem] = {"NOT_FOUND": message()}
"""Of mutations, which have a message of their own."""

USER = "/user/robots/{robot_shortname}"
ORGANIZATION = "/organization/{orgname}/robots/{robot_shortname}"

CHAPTER = chapter(
    "robot",
    "List, create and delete robots, replace their tokens, and say who may act as them.",
    Route("getUserRobots", "GET", "/user/robots", "user:admin", scope_enforced=True),
    Route("getUserRobot", "GET", USER, "user:admin", scope_enforced=True, problems=ABSENT),
    Route(
        "createUserRobot",
        "PUT",
        USER,
        "user:admin",
        status=200,
        observed=201,
        scope_enforced=True,
        check=Check.LOGIN,
        optional_body=True,
    ),
    Route("deleteUserRobot", "DELETE", USER, "user:admin", status=204, scope_enforced=True, problems=MISSING),
    Route(
        "regenerateUserRobotToken",
        "POST",
        f"{USER}/regenerate",
        "user:admin",
        status=201,
        observed=200,
        scope_enforced=True,
        problems=MISSING,
    ),
    Route(
        "getUserRobotPermissions",
        "GET",
        f"{USER}/permissions",
        "user:admin",
        scope_enforced=True,
        problems=ABSENT,
    ),
    Route(
        "getUserRobotFederation",
        "GET",
        f"{USER}/federation",
        "user:admin",
        scope_enforced=True,
        internal=True,
        problems=ABSENT,
    ),
    Route(
        "createUserRobotFederation",
        "POST",
        f"{USER}/federation",
        "user:admin",
        scope_enforced=True,
        internal=True,
        problems=MISSING,
    ),
    Route(
        "deleteUserRobotFederation",
        "DELETE",
        f"{USER}/federation",
        "user:admin",
        status=204,
        scope_enforced=True,
        internal=True,
        problems=MISSING,
    ),
    Route("getOrgRobots", "GET", "/organization/{orgname}/robots", "org:admin"),
    Route("getOrgRobot", "GET", ORGANIZATION, "org:admin", problems=ABSENT),
    Route(
        "createOrgRobot",
        "PUT",
        ORGANIZATION,
        "org:admin",
        status=201,
        optional_body=True,
        problems=MISSING,
    ),
    Route("deleteOrgRobot", "DELETE", ORGANIZATION, "org:admin", status=204, problems=MISSING),
    Route(
        "regenerateOrgRobotToken",
        "POST",
        f"{ORGANIZATION}/regenerate",
        "org:admin",
        status=201,
        observed=200,
        problems=MISSING,
    ),
    Route(
        "getOrgRobotPermissions",
        "GET",
        f"{ORGANIZATION}/permissions",
        "user:admin",
        scope_enforced=True,
        problems={**ABSENT, "FORBIDDEN": message(403, DEFAULT_TEXT[403])},
    ),
    Route(
        "getOrgRobotFederation",
        "GET",
        f"{ORGANIZATION}/federation",
        "org:admin",
        internal=True,
        problems=ABSENT,
    ),
    Route(
        "createOrgRobotFederation",
        "POST",
        f"{ORGANIZATION}/federation",
        "user:admin",
        status=201,
        observed=200,
        problems=MISSING,
    ),
    Route(
        "deleteOrgRobotFederation",
        "DELETE",
        f"{ORGANIZATION}/federation",
        "org:admin",
        status=204,
        internal=True,
        problems=MISSING,
    ),
    Route(
        "authFederatedRobotToken",
        "GET",
        "/oauth2/federation/robot/token",
        "robot:auth",
        external=True,
    ),
)

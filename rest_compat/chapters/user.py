"""Users: the caller's account, other users, and the first user of an installation."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import UNAUTHENTICATED, message
from rest_compat.route import Check, Route

NOT_SIGNED_IN = UNAUTHENTICATED._replace(extra={"session_required": False})
"""Also for a token whose scopes do not let it read its user."""

CHAPTER = chapter(
    "user",
    "Who the caller is, and what others may know of a user.",
    Route(
        "getLoggedInUser",
        "GET",
        "/user/",
        "user:read",
        open=True,
        problems=dict.fromkeys(("NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"), NOT_SIGNED_IN),
    ),
    Route("getUserInformation", "GET", "/users/{username}", problems={"NOT_FOUND": message(404)}),
    Route(
        "initializeUser",
        "POST",
        "/user/initialize",
        open=True,
        internal=True,
        flags=("USER_INITIALIZE",),
        problems={
            "INVALID": message(),
            "ALREADY_EXISTS": message(),
            "FORBIDDEN": message(403),
            **{
                (name, kind): message()
                for name in ("username", "password", "email", "access_token", "code")
                for kind in ("required", "type")
            },
        },
    ),
    Route(
        "createNewUser",
        "POST",
        "/user/",
        open=True,
        internal=True,
        flags=("USER_CREATION",),
    ),
    Route(
        "changeUserDetails",
        "PUT",
        "/user/",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
        problems={("INVALID", "password"): message(), ("INVALID", "tag_expiration_s"): message()},
    ),
    Route(
        "deleteCurrentUser",
        "DELETE",
        "/user/",
        "user:admin",
        status=204,
        internal=True,
        fresh_login=True,
        problems={"INVALID": message()},
    ),
    Route(
        "generateUserClientKey",
        "POST",
        "/user/clientkey",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
    ),
    Route(
        "requestRecoveryEmail",
        "POST",
        "/recovery",
        open=True,
        internal=True,
        flags=("MAILING",),
        body={"status": "sent"},
    ),
    Route("createStar", "POST", "/user/starred", "repo:read", status=201),
    Route("listStarredRepos", "GET", "/user/starred", "user:admin", check=Check.LOGIN),
    Route("deleteStar", "DELETE", "/user/starred/{repository}", "user:admin", status=204),
    Route(
        "listUserNotifications",
        "GET",
        "/user/notifications",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
    ),
    Route(
        "getUserNotification",
        "GET",
        "/user/notifications/{uuid}",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
    ),
    Route(
        "updateUserNotification",
        "PUT",
        "/user/notifications/{uuid}",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
    ),
    Route(
        "listAuthorizations", "GET", "/user/authorizations", "user:admin", check=Check.LOGIN, internal=True
    ),
    Route(
        "getAuthorization",
        "GET",
        "/user/authorizations/{access_token_uuid}",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
    ),
    Route(
        "deleteAuthorization",
        "DELETE",
        "/user/authorizations/{access_token_uuid}",
        "user:admin",
        status=204,
        internal=True,
    ),
    Route(
        "listAssignedAuthorizations",
        "GET",
        "/user/assignedauthorization",
        "user:admin",
        check=Check.LOGIN,
        internal=True,
    ),
    Route(
        "deleteAssignedAuthorization",
        "DELETE",
        "/user/assignedauthorization/{assigned_uuid}",
        "user:admin",
        status=204,
        internal=True,
    ),
)

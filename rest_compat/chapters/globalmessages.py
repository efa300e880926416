"""Messages of the operators to all users."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.problems import message
from rest_compat.route import Check, Route

CHAPTER = chapter(
    "globalmessages",
    "Show, write and delete the messages that everybody sees.",
    Route("getGlobalMessages", "GET", "/messages"),
    Route(
        "createGlobalMessage",
        "POST",
        "/messages",
        "super:user",
        status=201,
        body="",
        check=Check.LOGIN,
        fresh_login=True,
        flags=("SUPER_USERS",),
        problems={"FORBIDDEN": message(403)},
    ),
    Route(
        "deleteGlobalMessage",
        "DELETE",
        "/message/{uuid}",
        "super:user",
        status=204,
        fresh_login=True,
        flags=("SUPER_USERS",),
        problems={"FORBIDDEN": message(403)},
    ),
)

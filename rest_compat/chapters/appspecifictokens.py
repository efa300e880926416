"""Application tokens of the caller: passwords for docker login."""

from __future__ import annotations

from rest_compat.chapter import chapter
from rest_compat.route import Check, Route

FLAGS = ("APP_SPECIFIC_TOKENS",)

CHAPTER = chapter(
    "appspecifictokens",
    "Make, list and revoke passwords for single applications.",
    Route(
        "createAppToken",
        "POST",
        "/user/apptoken",
        "user:admin",
        status=201,
        observed=200,
        check=Check.LOGIN,
        fresh_login=True,
        flags=FLAGS,
    ),
    Route("listAppTokens", "GET", "/user/apptoken", "user:admin", check=Check.LOGIN, flags=FLAGS),
    Route(
        "getAppToken",
        "GET",
        "/user/apptoken/{token_uuid}",
        "user:admin",
        check=Check.LOGIN,
        fresh_login=True,
        flags=FLAGS,
    ),
    Route(
        "revokeAppToken",
        "DELETE",
        "/user/apptoken/{token_uuid}",
        "user:admin",
        status=204,
        fresh_login=True,
        flags=FLAGS,
    ),
)

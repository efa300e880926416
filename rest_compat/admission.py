"""Checks before the route of a request runs: CSRF, anonymous access, scopes. CORS headers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rest_compat.problems import Problem
from rest_compat.route import Route

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

NO_CSRF_TOKEN = Problem(403, "error", text="CSRF token was invalid or missing.")
NO_ANONYMOUS = Problem(401, "error", text="Anonymous access is not allowed")

DIRECT_LOGIN = "direct_user_login"
"""The scope of a signed-in session, which includes all others."""

_IMPLIED_SCOPES = {
    "repo:admin": frozenset({"repo:admin", "repo:write", "repo:read"}),
    "repo:write": frozenset({"repo:write", "repo:read"}),
    "user:admin": frozenset({"user:admin", "user:read"}),
}


class RestViewer(Protocol):
    """The properties of the caller that these checks need."""

    @property
    def is_anonymous(self) -> bool: ...

    @property
    def is_session(self) -> bool:
        """Whether a cookie alone authenticates the caller; browsers send it for pages of any site."""

    @property
    def has_full_access(self) -> bool:
        """Whether a superuser may do all that the owners of anything may."""

    @property
    def sees_site(self) -> bool:
        """Whether a superuser, be it a read-only one, sees what concerns the installation."""

    @property
    def scopes(self) -> frozenset[str]: ...


def admission_problem(
    route: Route, viewer: RestViewer, features: frozenset[str], *, has_csrf_token: bool
) -> Problem | None:
    """The problem with which the caller is refused, or None.

    Writes without a bearer token need a CSRF token, from anonymous callers too: the reference checks it
    first, and clients recognise a wrong bearer token by this answer. An open route does not use the session,
    so it needs no CSRF token.
    """
    if route.open:
        return None
    has_bearer_token = not viewer.is_anonymous and not viewer.is_session
    if route.method not in SAFE_METHODS and not has_bearer_token and not has_csrf_token:
        return NO_CSRF_TOKEN
    return NO_ANONYMOUS if viewer.is_anonymous and "ANONYMOUS_ACCESS" not in features else None


def has_scope(scopes: frozenset[str], needed: str | None) -> bool:
    """Whether any of the scopes is the needed one or implies it."""
    if needed is None or DIRECT_LOGIN in scopes:
        return True
    return any(needed in _IMPLIED_SCOPES.get(scope, frozenset({scope})) for scope in scopes)


def cors_headers(allowed: Sequence[str], origin: str | None) -> dict[str, str]:
    """The CORS headers of an answer.

    `allowed` are the configured origins. If empty, every origin may read, but without credentials.
    """
    headers = ["Authorization", "Content-Type", "If-None-Match", "X-Requested-With"]
    answer = {
        "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, POST, DELETE, PUT",
        "Access-Control-Expose-Headers": "ETag",
        "Access-Control-Max-Age": "21600",
    }
    if not allowed:
        answer["Access-Control-Allow-Origin"] = "*"
    else:
        answer["Vary"] = "Origin"
        answer["Access-Control-Allow-Origin"] = origin if origin and origin in allowed else allowed[0]
        answer["Access-Control-Allow-Credentials"] = "true"
        headers += ["Cookie", "X-CSRF-Token"]
    answer["Access-Control-Allow-Headers"] = ", ".join(headers)
    return answer

"""Browser sessions over HTTP: the cookie, its CSRF token, and the check of the origin.

A browser sends its cookie with requests from pages of any site. So a request that may change something needs
the CSRF token, which only our own pages can read:

    GET /csrf_token → cookie `_csrf_token` (HttpOnly) and {"csrf_token": …}
    POST …            cookie, and the token as header `X-CSRF-Token` or field `_csrf_token`

Signing in replaces both. Requests with a bearer token need neither: pages of other sites do not know it.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from resolvers.access.credentials import session_viewer
from resolvers.accounts.session import LIFETIME_MS, csrf_token, new_cookie
from resolvers.context import Site, Viewer
from resolvers.errors import Forbidden, Invalid, InvalidCredentials
from resolvers.outbound.urls import origin_of, split_url

COOKIE = "_csrf_token"
FIELD = "_csrf_token"
HEADER = "X-CSRF-Token"
NEXT_HEADER = "X-Next-CSRF-Token"

_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")


class CsrfRefused(Forbidden):
    """A request by cookie has no valid CSRF token."""

    default = "CSRF token was invalid or missing."


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of browsers at one installation."""

    site: Site

    async def session_viewer(self, request: HTTPConnection) -> Viewer | None:
        """The viewer of the session cookie; None without one, or if the session has ended.

        Pages of other sites can send the cookie too: see `require_csrf`.
        """
        cookie = cookie_of(request)
        if cookie is None:
            return None
        try:
            return await session_viewer(cookie, site=self.site)
        except InvalidCredentials:
            return None

    def set_cookie(self, response: Response, cookie: str, request: Request) -> None:
        """Set the cookie, and its CSRF token as a header."""
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=LIFETIME_MS // 1000,
            httponly=True,
            samesite="lax",
            secure=self._is_secure(request),
        )
        response.headers[NEXT_HEADER] = csrf_token(cookie)
        response.headers["Cache-Control"] = "no-store"

    def delete_cookie(self, response: Response, request: Request) -> None:
        """Delete the cookie."""
        response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=self._is_secure(request))

    def allows_origin(self, request: HTTPConnection, *, others: tuple[str, ...] = ()) -> bool:
        """Whether a request has no Origin, or one that is ours or in `others`.

        For WebSockets, whose handshake browsers send to anybody without asking, cookies included. A page of
        ours has the scheme of the connection too: cookies do not tell `http` and `https` apart, and whoever
        is in between writes the pages of the former.
        """
        origin = request.headers.get("origin")
        if origin is None:
            return True
        # A browser writes both fields itself, and its cookie belongs to the host that it names.
        scheme = "https" if request.scope["scheme"] in {"https", "wss"} else "http"
        here = f"{scheme}://{request.headers.get('host', '')}"
        return any(same_origin(origin, one) for one in (self.site.public_url, *others, here))

    def _is_secure(self, request: Request) -> bool:
        return request.url.scheme == "https" or self.site.public_url.startswith("https://")


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port; false for what is no address of the web."""
    try:
        return origin_of(split_url(one)) == origin_of(split_url(other))
    except Invalid:
        return False


def cookie_of(request: HTTPConnection) -> str | None:
    """The session cookie of a request, if it has the right format."""
    cookie = request.cookies.get(COOKIE, "")
    return cookie if _WELL_FORMED.fullmatch(cookie) else None


def cookie_or_new(request: HTTPConnection) -> str:
    """The session cookie of a request, or a new one."""
    return cookie_of(request) or new_cookie()


def has_csrf_token(request: HTTPConnection, form: Mapping[str, object] | None = None) -> bool:
    """Whether a request has the CSRF token of its cookie, in the header, the query or `form`."""
    cookie = cookie_of(request)
    given = (
        request.headers.get(HEADER) or request.query_params.get(FIELD) or (form.get(FIELD) if form else None)
    )
    if cookie is None or not isinstance(given, str):
        return False
    return hmac.compare_digest(given.encode(), csrf_token(cookie).encode())


def require_csrf(request: HTTPConnection, form: Mapping[str, object] | None = None) -> None:
    """Raise `CsrfRefused` unless the request has the CSRF token of its cookie."""
    if not has_csrf_token(request, form):
        raise CsrfRefused

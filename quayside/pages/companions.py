"""What web interfaces and tools of this API ask beside it.

/config                             what the registry is and offers, without signing in
/.well-known/app-capabilities       where programs find its images
/repository/<namespace>/<name>/status   the badge of a repository, as a picture; a private one needs ?token=
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.configuration.shown import duration
from quayside.http.context_factory import ContextFactory
from quayside.pages.badge import picture
from quayside.settings.features import FEATURES, NOT_THERE
from quayside.version import __version__
from resolvers.context import ANONYMOUS, Site
from resolvers.readonly import is_read_only
from resolvers.repositories import badge
from rest_compat.admission import cors_headers

Answer: TypeAlias = Callable[[Request, ContextFactory], Awaitable[Response]]

TITLE: Final = "quayside"

FIXED: Final = {
    "BITBUCKET_BUILD": False,
    "DIRECT_LOGIN": True,
    "GITHUB_BUILD": False,
    "GITLAB_BUILD": False,
    "INVITE_ONLY_USER_CREATION": False,
    "REQUIRE_ENCRYPTED_BASIC_AUTH": False,
    "RH_MARKETPLACE": False,
    "UI_MODELCARD": True,
    "UI_V2": True,
    "USER_METADATA": True,
}
"""What interfaces ask for that is no feature of ours: always there, or never."""


def companion_routes(
    contexts: Callable[[], ContextFactory], *, cors_origins: Sequence[str] = ()
) -> list[Route]:
    """The routes. Pages of `cors_origins`, or of all if there are none, may read the JSON."""

    def json(answer: Callable[[Site], Awaitable[dict[str, Any]]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = None if request.method == "OPTIONS" else await answer(contexts().site_for(request))
            headers = {"Cache-Control": "no-store"}
            headers |= cors_headers(cors_origins, request.headers.get("origin"))
            return Response(orjson.dumps(body) + b"\n", media_type="application/json", headers=headers)

        return endpoint

    async def status(request: Request) -> Response:
        return await _status(request, contexts())

    methods = ["GET", "OPTIONS"]
    return [
        Route("/config", json(config), methods=methods),
        Route("/.well-known/app-capabilities", json(_capabilities), methods=methods),
        Route("/repository/{path:path}/status", status),
    ]


async def config(site: Site) -> dict[str, Any]:
    """What web interfaces must know before anybody signs in. Nothing of it is secret."""
    public = urlsplit(site.public_url)
    features = {row.name: site.has(row.name) and row.name not in NOT_THERE for row in FEATURES}
    return {
        "features": dict(sorted((features | FIXED).items())),
        "config": {
            "AUTHENTICATION_TYPE": "Database",
            "AVATAR_KIND": "local",
            "BRANDING": {"logo": None, "footer_img": None, "footer_url": None},
            "CONTACT_INFO": [],
            "DEFAULT_NAMESPACE_AUTOPRUNE_POLICY": None,
            "DEFAULT_UI": "react",
            "DOCUMENTATION_ROOT": f"{site.public_url}/docs/",
            "FOOTER_LINKS": {},
            "LOCAL_OAUTH_HANDLER": "/oauth/localapp",
            "PERMANENTLY_DELETE_TAGS": False,
            "PREFERRED_URL_SCHEME": public.scheme,
            "REGISTRY_TITLE": TITLE,
            "REGISTRY_TITLE_SHORT": TITLE,
            "ROBOTS_DISALLOW": False,
            "SERVER_HOSTNAME": site.registry_host,
            "TAG_EXPIRATION_OPTIONS": [
                # Interfaces take the last letter for the unit, also of nothing.
                duration(timedelta(seconds=one)) if one else "0s"
                for one in site.tag_expiration_options_s
            ],
            "UI_V2_FEEDBACK_FORM": None,
        },
        "oauth": {},
        "external_login": [],
        "registry_state": "readonly" if await is_read_only() else "normal",
        "account_recovery_mode": False,
        "version_number": f"{TITLE} {__version__}",
    }


async def _capabilities(site: Site) -> dict[str, Any]:
    image = f"{site.public_url}/repository/{{namespace}}/{{reponame}}?tab=tags&tag={{tag}}"
    return {"appName": "io.quay", "capabilities": {"io.quay.view-image": {"url-template": image}}}


async def _status(request: Request, contexts: ContextFactory) -> Response:
    """The badge. 404 for what the caller may not see as for what is not there."""
    # Who asks does not matter: pages of others embed it.
    context = contexts.context(request, ANONYMOUS, max_first=1)
    state = await badge.state(context, request.path_params["path"], request.query_params.get("token"))
    if state is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "no-cache", "ETag": f'"{state.value}"'}
    if state.value in request.headers.get("if-none-match", "").replace('"', "").replace("W/", "").split(", "):
        return Response(status_code=304, headers=headers)
    headers |= {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    headers |= {"X-Content-Type-Options": "nosniff"}
    return Response(picture(state), media_type="image/svg+xml", headers=headers)

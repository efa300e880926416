"""`/`: what this is and how to begin, as a page for browsers and as JSON for programs; and `/docs/`.

The documentation is that of this version, as its authors wrote it: Markdown, which browsers show as text.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quayside.http.accept import Accept
from quayside.http.context_factory import ContextFactory
from quayside.version import __version__
from quayside.web import forms
from resolvers.errors import DatabaseUnavailable

DOORS: Final = {
    "registry": "/v2/",
    "graphql": "/graphql",
    "rest": "/api/v1/discovery",
    "signIn": "/signin",
    "documentation": "/docs/",
    "health": "/healthz",
}
"""The paths that programs are told, by name."""

FIRST: Final = ("operate", "commands", "settings", "graphql", "rest", "operations", "registry", "oauth")
"""The pages of the documentation that come first; the others follow in the order of their names."""

FOR_DEVELOPERS: Final = frozenset({"dev", "rest-compat"})

_PACKAGE: Final = Path(__file__).parents[1]


def _read() -> dict[str, str]:
    """The pages by name, from the package, or from beside it where quayside runs from its sources."""
    folder = next(one for one in (_PACKAGE / "docs", _PACKAGE.parent / "docs") if one.is_dir())
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}
    names = dict.fromkeys((*(name for name in FIRST if name in found), *found))
    return {name: found[name] for name in names if name not in FOR_DEVELOPERS}


# They are read while the application is imported: no request waits for them on the event loop.
_TEXTS: Final = _read()

PAGES: Final = {name: text.partition("\n")[0].removeprefix("# ") for name, text in _TEXTS.items()}
"""The titles of the pages by name."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def home_routes(contexts: Callable[[], ContextFactory]) -> list[Route]:
    """The routes of the page and of the documentation."""

    async def home(request: Request) -> Response:
        return await _home(request, contexts())

    return [
        Route("/", home),
        Route("/docs/", _contents),
        Route("/docs/{name}.md", _page),
    ]


async def _home(request: Request, contexts: ContextFactory) -> Response:
    site = contexts.site_for(request)
    accept = Accept(request.headers.getlist("accept"))
    # Programs often accept anything; a browser names HTML.
    if accept.preference("text/html") <= accept.preference("application/json"):
        addresses = {name: site.public_url + path for name, path in DOORS.items()}
        return _json({"name": "quayside", "version": __version__, "url": site.public_url, **addresses})
    public = urlsplit(site.public_url)
    values = {
        "host": site.registry_host,
        "version": __version__,
        "username": await _username(request, contexts),
        "is_open": public.scheme == "http" and public.hostname not in _LOOPBACK,
        "pages": PAGES,
    }
    return forms.page(request, site.registry_host, "home.html", values, headers={"Vary": "Accept"})


async def _username(request: Request, contexts: ContextFactory) -> str | None:
    try:
        context = await contexts.browser(request)
    except DatabaseUnavailable:
        # The page says nothing that needs it.
        return None
    return context.viewer.account.name if context.viewer.account else None


def _json(body: object) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    return Response(orjson.dumps(body) + b"\n", media_type="application/json", headers=headers)


async def _contents(request: Request) -> Response:
    return forms.page(request, "Documentation", "contents.html", {"version": __version__, "pages": PAGES})


async def _page(request: Request) -> Response:
    """A page of the documentation as text. 404 for any other name."""
    text = _TEXTS.get(request.path_params["name"])
    if text is None:
        raise HTTPException(404)
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, media_type="text/plain", headers=headers)

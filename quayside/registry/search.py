"""`docker search` and `podman search`: version 1 of Docker's protocol, of which only the search is left.

    GET /v1/_ping
    GET /v1/search?q=text&n=25&page=1

Source: Docker Registry API v1, "Search". The Docker client sends its credentials as Basic ones, and announces
them with `X-Docker-Token`; podman sends none here, and asks the catalog with a token if this fails.
"""

from typing import Final

from quayside.registry.asgi import header, send_json
from quayside.registry.call import Call
from quayside.registry.errors import OciCode, RegistryError
from quayside.registry.token import basic_login, signed_in, unauthorized
from resolvers.context import ANONYMOUS, Viewer
from resolvers.pages import Page
from resolvers.repositories import star
from resolvers.repositories.repository import RepositoryRecord
from resolvers.search.search import MAX_PER_KIND, SearchKind, search

PAGE_SIZE: Final = 25
VERSION_FIELDS: Final = {"X-Docker-Registry-Version": "1.0", "X-Docker-Registry-Standalone": "true"}


async def ping(call: Call) -> None:
    """Confirm that there is a search, for which credentials are sent with each request."""
    await send_json(call.send, 200, {"standalone": True}, VERSION_FIELDS, is_head=call.is_head)


async def find(call: Call) -> None:
    """The repositories that match a text and that the caller may see, best first; at most 100 altogether."""
    query = call.query()
    size = _number(query, "n", PAGE_SIZE, most=MAX_PER_KIND)
    page = _number(query, "page", 1, most=MAX_PER_KIND)
    viewer = await _viewer(call)
    text = query.get("q", "")
    found = await search(
        call.context_of(viewer),
        text,
        Page(first=MAX_PER_KIND),
        kinds=[SearchKind.REPOSITORY],
        per_kind=MAX_PER_KIND,
    )
    records = [one.item for one in found.items if isinstance(one.item, RepositoryRecord)]
    if not records and viewer.is_anonymous and header(call.scope, b"x-docker-token") is None:
        # podman would take an empty list for all there is; now it asks the catalog, as whom it is.
        raise unauthorized(call, "nothing public fits; sign in to find what is private")
    shown = records[(page - 1) * size : page * size]
    stars = await star.counts([record.id for record in shown])
    answer = {
        "query": text,
        "num_results": len(records),
        "num_pages": -(-len(records) // size),
        "page": page,
        "page_size": size,
        "results": [_result(record, stars.get(record.id, 0)) for record in shown],
    }
    await send_json(call.send, 200, answer, {"Cache-Control": "no-store"}, is_head=call.is_head)


async def _viewer(call: Call) -> Viewer:
    login = basic_login(call)
    if login is not None:
        return await signed_in(call, *login)
    if not call.services.site.has("ANONYMOUS_ACCESS"):
        raise unauthorized(call, "authentication required")
    return ANONYMOUS


def _number(query: dict[str, str], name: str, default: int, *, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) >= 1):
        raise RegistryError(
            OciCode.INVALID_REQUEST, f"{name} must be a whole number from 1", detail={name: text[:255]}
        )
    return min(int(text), most)


def _result(record: RepositoryRecord, stars: int) -> dict[str, object]:
    return {
        "name": record.path,
        "description": record.description or "",
        "star_count": stars,
        "is_official": False,
        "is_automated": False,
        "is_trusted": False,
    }

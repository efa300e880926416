"""Which repositories another registry has in a namespace, by one of three APIs.

    CATALOG  `GET /v2/_catalog` of the Distribution API: all repositories that the account may see
    HARBOR   `GET /api/v2.0/projects/{project}/repositories`, with the account by Basic
    QUAY     `GET /api/v1/repository?namespace=`, with an OAuth token as the password of `$oauthtoken`, or as
             anybody; other accounts are none of that API, and are told by CATALOG what they may see

The pages that one listing may take are bounded by the limits of the client.
"""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from resolvers.names import REPOSITORY
from resolvers.outbound.client import Answer
from resolvers.upstreams.registry import Registry
from resolvers.upstreams.session import Wanted

PER_PAGE: Final = 1_000
HARBOR_PER_PAGE: Final = 100
"""Harbor's longest page."""
TOKEN_USER: Final = "$oauthtoken"  # noqa: S105 - It is a name.
"""The user name with which Quay takes an OAuth token for a password."""


class Catalog(StrEnum):
    """The API by which a registry lists its repositories."""

    CATALOG = "catalog"
    HARBOR = "harbor"
    QUAY = "quay"


async def repositories(registry: Registry, catalog: Catalog, namespace: str) -> AsyncIterator[list[str]]:
    """The names below a namespace, page by page; an empty namespace is the whole registry, by CATALOG.

    Names that no repository can have are left out. Raises `UpstreamFailure`.
    """
    credentials = registry.session.credentials
    is_account = credentials is not None and credentials.username != TOKEN_USER
    if catalog is Catalog.HARBOR:
        pages = _of_harbor(registry, namespace)
    elif catalog is Catalog.QUAY and not is_account:
        pages = _of_quay(registry, namespace)
    else:
        pages = _of_catalog(registry)
    prefix = f"{namespace}/" if namespace else ""
    async for page in pages:
        below = [name.removeprefix(prefix) for name in page if name.startswith(prefix)]
        yield [name for name in below if REPOSITORY.fullmatch(name)]


async def _of_catalog(registry: Registry) -> AsyncIterator[list[str]]:
    wanted = Wanted(f"/v2/_catalog?n={PER_PAGE}", scope="registry:catalog:*")
    async for answer in registry.pages(wanted, registry.session.limits.list_bytes):
        yield _texts(registry, registry.parsed(answer).get("repositories") or [])


async def _of_harbor(registry: Registry, project: str) -> AsyncIterator[list[str]]:
    path = f"/api/v2.0/projects/{quote(project, safe='')}/repositories?page=1&page_size={HARBOR_PER_PAGE}"
    async for answer in registry.pages(_rest(registry, path), registry.session.limits.list_bytes):
        yield _texts(registry, [_of(entry, "name") for entry in _list(registry, answer)])


async def _of_quay(registry: Registry, namespace: str) -> AsyncIterator[list[str]]:
    token: str | None = None
    seen: set[str] = set()
    while True:
        query = {"namespace": namespace, "public": "true"} | ({"next_page": token} if token else {})
        wanted = _rest(registry, f"/api/v1/repository?{urlencode(query)}")
        found = registry.parsed(
            await registry.session.ask(wanted, max_bytes=registry.session.limits.list_bytes)
        )
        entries = found.get("repositories")
        if not isinstance(entries, list):
            raise registry.nonsense("no list of repositories")
        names = _texts(registry, [_of(entry, "name") for entry in entries])
        yield [f"{namespace}/{name}" for name in names]
        token = found.get("next_page")
        if token is None:
            return
        if not isinstance(token, str) or token in seen or len(seen) >= registry.session.limits.pages:
            raise registry.nonsense("a list without an end")
        seen.add(token)


def _rest(registry: Registry, path: str) -> Wanted:
    """A request to an API that asks nobody for a login, and so is shown it unasked."""
    credentials = registry.session.credentials
    if credentials is None:
        return Wanted(path, accept="application/json", bare=True)
    is_token = credentials.username == TOKEN_USER
    header = f"Bearer {credentials.password}" if is_token else credentials.basic
    return Wanted(path, accept="application/json", header=header)


def _list(registry: Registry, answer: Answer) -> list[Any]:
    try:
        found = orjson.loads(answer.body)
    except ValueError as error:
        raise registry.nonsense("what is no JSON") from error
    if not isinstance(found, list):
        raise registry.nonsense("no list of repositories")
    return found


def _of(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, Mapping) else None


def _texts(registry: Registry, names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise registry.nonsense("no list of repositories")
    return names

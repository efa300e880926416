"""Lists and searches of repositories: exactly the visible ones, in order, for every strategy of reading."""

import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from resolvers.access import index_ranges
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.access.scopes import Scope
from resolvers.accounts import user
from resolvers.content import lists as registry_lists
from resolvers.context import Context
from resolvers.pages import Page, offset_cursor
from resolvers.repositories import repository, star
from resolvers.repositories.permission import GranteeKind
from resolvers.repositories.popularity import DAY_MS
from resolvers.repositories.repository import RepositoryFilter, RepositoryOrder, Visibility, repositories
from resolvers.search import repositories as repository_search
from resolvers.search import search
from storage.clock import now_ms
from storage.statements import execute
from tests.factories import Factory

READ = RepositoryRole.READ
NAMESPACES = ("ada", "bob", "acme", "acme-x", "gone")
NAMES = ("b", "a-b", "a/b", "a", "zoo")
PATHS = [f"{namespace}/{name}" for namespace, name in itertools.product(NAMESPACES, NAMES)]
PUBLIC = set(PATHS[::3])
LISTED = [path for path in PATHS if path != "ada/zoo" and not path.startswith("gone/")]
SEEN = {
    "ada": {path for path in PATHS if path.startswith(("ada/", "acme"))},
    "bob": {path for path in PATHS if path.startswith(("bob/", "acme/"))} | {"ada/a", "acme-x/a/b"},
    "cy": {"ada/a", "ada/a-b", "acme-x/a", "acme-x/a-b"},
    "acme+bot": {"acme/a-b"},
    "root": set(PATHS),
}
"""Paths by account on which it has a grant, apart from public ones."""
PULLS = {path: position * 7 % 4 for position, path in enumerate(PATHS)}
CHANGES = {path: position * 5 % 6 for position, path in enumerate(PATHS)}
"""When a tag of each last began, in seconds since the epoch; 0 for never. Many are alike."""
STARS = {"bob": {"acme/a", "ada/b", "acme-x/b"}, "cy": {"ada/a-b", "acme/a/b"}}


@pytest.fixture
async def viewers(factory: Factory) -> dict[str | None, Context]:
    """Repositories of every kind, and contexts of viewers by name; None is anonymous."""
    for name in ("ada", "bob", "cy", "root", "gone"):
        await factory.user(name)
    for name in ("acme", "acme-x"):
        await factory.organization(name, owner="ada")
    await factory.team("acme", "admins", TeamRole.ADMIN, ["bob"])
    await factory.team("acme-x", "readers", TeamRole.MEMBER, ["cy"])
    await factory.team("acme-x", "others", TeamRole.MEMBER, ["cy", "bob"])
    await factory.robot("acme+bot", by="ada")
    for path in PATHS:
        visibility = Visibility.PUBLIC if path in PUBLIC else Visibility.PRIVATE
        await factory.repository(path, by="ada" if path.startswith("acme") else None, visibility=visibility)
    for path, grantee, kind in (
        ("ada/a", "bob", GranteeKind.USER),
        ("ada/a", "cy", GranteeKind.USER),
        ("ada/a-b", "cy", GranteeKind.USER),
        ("acme/a", "bob", GranteeKind.USER),
        ("acme-x/a", "readers", GranteeKind.TEAM),
        ("acme-x/a-b", "readers", GranteeKind.TEAM),
        ("acme-x/zoo", "others", GranteeKind.TEAM),
        ("acme-x/a/b", "bob", GranteeKind.USER),
        ("acme/a-b", "acme+bot", GranteeKind.USER),
    ):
        await factory.grant(path, grantee, READ, kind=kind, by="ada")
    for name, paths in STARS.items():
        for path in sorted(paths):
            await star.star(await factory.as_account(name), path)
    # Starred repositories that are no longer visible are not listed.
    await star.star(await factory.as_account("cy"), "acme-x/zoo")
    await execute(
        "DELETE FROM repository_permission WHERE team_id = (SELECT id FROM team WHERE name = 'others')"
    )
    await repository.delete(await factory.as_account("ada"), "ada/zoo")
    await execute("UPDATE account SET deleted_at_ms = 1 WHERE name = 'gone'")
    await use(factory)
    found: dict[str | None, Context] = {name: await factory.as_account(name) for name in SEEN}
    root = found["root"]
    found["root"] = replace(root, viewer=replace(root.viewer, has_full_access=True, is_superuser=True))
    found["cy, unscoped"] = await factory.as_account("cy", frozenset({Scope.USER_READ}))
    found[None] = factory.context()
    return found


SIZES = {path: 100 * (len(path) % 3) for path in PATHS}
"""Stored bytes, some of them equal, and some none."""


async def use(factory: Factory) -> None:
    """Count `PULLS`, make tags for `CHANGES`, and older ones, and note `SIZES`."""
    for path, pulls in PULLS.items():
        record = await repository.find(path)
        if record is None:
            continue
        for actor in ("user", "robot") if pulls else ():
            await execute(
                "INSERT INTO daily_activity (repository_id, namespace_id, day, actor_kind, pulls, checks,"
                " pushes) VALUES (?, ?, ?, ?, ?, 9, 9)",
                *(record.id, record.namespace_id, now_ms() // DAY_MS, actor, pulls),
            )
        if CHANGES[path]:
            await factory.image(path, tag="latest")
            await execute(
                "UPDATE tag SET started_at_ms = ? WHERE repository_id = ?", CHANGES[path] * 1_000, record.id
            )

    await execute("DELETE FROM repository_size")
    for path, size in SIZES.items():
        if size:
            await execute(
                "INSERT INTO repository_size (repository_id, namespace_id, stored_bytes)"
                " SELECT id, namespace_id, CAST(? AS BIGINT) FROM repository WHERE path = ?",
                size,
                path,
            )


ORDERS: dict[RepositoryOrder, tuple[Callable[[str], object], bool]] = {
    RepositoryOrder.CREATED_AT: (PATHS.index, False),
    RepositoryOrder.NEWEST_FIRST: (PATHS.index, True),
    RepositoryOrder.NAME: (str, False),
    RepositoryOrder.NAME_REVERSED: (str, True),
    RepositoryOrder.POPULARITY: (lambda path: (PULLS[path], PATHS.index(path)), True),
    RepositoryOrder.UNPOPULAR_FIRST: (lambda path: (PULLS[path], PATHS.index(path)), False),
    RepositoryOrder.LAST_MODIFIED_AT: (lambda path: (CHANGES[path], PATHS.index(path)), True),
    RepositoryOrder.UNMODIFIED_FIRST: (lambda path: (CHANGES[path], PATHS.index(path)), False),
    RepositoryOrder.SIZE: (lambda path: (SIZES[path], PATHS.index(path)), True),
    RepositoryOrder.SMALLEST_FIRST: (lambda path: (SIZES[path], PATHS.index(path)), False),
}


def expected(name: str | None, chosen: RepositoryFilter) -> list[str]:
    """Model: the paths that a viewer sees."""
    seen = SEEN.get(name or "", set())
    starred = STARS.get((name or "").partition(",")[0], set())
    paths = [
        path
        for path in LISTED
        if path in seen or (path in PUBLIC and (chosen.include_public or chosen.is_starred))
    ]
    if chosen.namespace is not None:
        paths = [path for path in paths if path.split("/")[0] == chosen.namespace]
    if chosen.visibility is not None:
        paths = [path for path in paths if (path in PUBLIC) == (chosen.visibility is Visibility.PUBLIC)]
    if chosen.is_starred is not None:
        paths = [path for path in paths if (path in starred) == chosen.is_starred]
    key, is_reversed = ORDERS[chosen.order]
    return sorted(paths, key=key, reverse=is_reversed)  # type: ignore[arg-type]


async def whole(read: Callable[[str | None], Awaitable[tuple[list[str], str | None]]]) -> list[str]:
    """A list, page by page to its end."""
    found, after = await read(None)
    while after is not None:
        more, after = await read(after)
        assert more
        found += more
    return found


@pytest.mark.parametrize("few", [1_000, 0])
@pytest.mark.parametrize("order", list(RepositoryOrder))
async def test_lists_hold_exactly_the_visible_repositories_in_order(
    viewers: dict[str | None, Context], monkeypatch: pytest.MonkeyPatch, few: int, order: RepositoryOrder
) -> None:
    # given viewers with few permissions, or with what counts as many
    monkeypatch.setattr(index_ranges, "MAX_BY_ROW", few)
    filters = [
        RepositoryFilter(namespace, include_public, visibility, is_starred, order)
        for namespace, include_public, visibility, is_starred in itertools.product(
            (None, "ada", "acme-x"), (True, False), (None, *Visibility), (None, True, False)
        )
    ]
    wrong = []

    for (name, context), chosen in itertools.product(viewers.items(), filters):
        if chosen.is_starred is not None and name is None:
            continue

        async def read(
            after: str | None, context: Context = context, chosen: RepositoryFilter = chosen
        ) -> tuple[list[str], str | None]:
            page = await repositories(context, chosen, Page(4, after))
            return [record.path for record in page.items], page.cursors[-1] if page.has_next else None

        found = await whole(read)
        if found != expected(name, chosen):
            wrong.append((name, chosen, found, expected(name, chosen)))

    assert wrong == []


@pytest.mark.parametrize("few", [1_000, 0])
async def test_offset_pages_and_total_counts_of_lists(
    viewers: dict[str | None, Context], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(index_ranges, "MAX_BY_ROW", few)

    for (name, context), order in itertools.product(viewers.items(), RepositoryOrder):
        chosen = RepositoryFilter(order=order)
        page = await repositories(context, chosen, Page(3, offset_cursor(2)))

        assert [record.path for record in page.items] == expected(name, chosen)[2:5]
        assert await page.count() == len(expected(name, chosen))


TEXTS = ("a", "a-b", "zoo", "a/b", "ada/a", "acme-x/", "acme/a", "shining", "Shining Ä", "ny-", "", "nothing")
DESCRIBED = "A shining ä tin-y- thing"


def found_by_model(name: str | None, text: str) -> set[str]:
    """Model: the paths that a viewer finds, where all descriptions are the same."""
    text = text.lower()
    visible = expected(name, RepositoryFilter())
    if not text:
        return set(visible)

    def fits(path: str, part: str) -> bool:
        own = path.partition("/")[2]
        if re.search(r"[^\W_]{3}", part) is None:
            return own.startswith(part)
        return part in own or part in DESCRIBED.lower()

    namespace, slash, own = text.partition("/")
    return {
        path
        for path in visible
        if fits(path, text) or (slash and path.startswith(f"{namespace}/") and fits(path, own))
    }


@pytest.mark.parametrize(
    ("searched", "scan_limit"), [(5_000, 500), (5_000, 0), (2, 3), (0, 500), (0, 3), (0, 0)]
)
async def test_searches_find_exactly_the_visible_repositories_that_match(
    viewers: dict[str | None, Context], monkeypatch: pytest.MonkeyPatch, searched: int, scan_limit: int
) -> None:
    # given equal descriptions, and few rows to scan before indexes are used
    await execute("UPDATE repository SET description = ?", DESCRIBED)
    monkeypatch.setattr(index_ranges, "MAX_SEARCHED", searched)
    monkeypatch.setattr(repository_search, "MAX_BY_ROW", searched)
    monkeypatch.setattr(repository_search, "SCAN_LIMIT", scan_limit)
    wrong = []

    for (name, context), text in itertools.product(viewers.items(), TEXTS):
        page = await search.search(
            context, text, Page(100), kinds=[search.SearchKind.REPOSITORY], per_kind=100
        )
        found = {one.item.path for one in page.items if isinstance(one.item, repository.RepositoryRecord)}
        assert len(found) == len(page.items)
        if found != found_by_model(name, text):
            wrong.append((name, text, found, found_by_model(name, text)))

    assert wrong == []


@pytest.mark.parametrize("include_public", [True, False])
async def test_the_catalog_lists_what_a_viewer_has_a_role_in_by_path(
    viewers: dict[str | None, Context], factory: Factory, include_public: bool
) -> None:
    site = (factory.with_features if include_public else factory.without_features)("PUBLIC_CATALOG").site
    chosen = RepositoryFilter(include_public=include_public, order=RepositoryOrder.NAME)

    for name, context in viewers.items():
        found: list[str] = []
        after = ""
        while part := await registry_lists.repository_paths(
            replace(context, site=site), after=after, limit=3
        ):
            found += part
            after = part[-1]
        assert found == expected(name, chosen), name


async def test_the_catalog_of_a_superuser_is_complete(factory: Factory) -> None:
    await factory.user("ada")
    await factory.user("root")
    await factory.repository("ada/secret")
    root = await factory.as_account("root")
    root = replace(root, viewer=replace(root.viewer, is_superuser=True))

    assert await registry_lists.repository_paths(root, after="", limit=5) == ["ada/secret"]
    assert await registry_lists.repository_paths(root, after="ada\0", limit=5) == ["ada/secret"]
    assert await registry_lists.repository_paths(root, after="ada/secret\0", limit=5) == []


async def test_renaming_a_namespace_reorders_its_repositories(factory: Factory) -> None:
    # given repositories of two users
    site = factory.with_features("USER_RENAME").site
    for name in ("ada", "bob"):
        await factory.user(name)
        await factory.repository(f"{name}/app", visibility=Visibility.PUBLIC)
    chosen = RepositoryFilter(order=RepositoryOrder.NAME)

    # when the first takes another name
    ada = await factory.as_account("ada")
    await user.update(replace(ada, site=site), user.UserChanges(name="zoe"))

    # then the list, the catalog and the path follow
    bob = await factory.as_account("bob")
    page = await repositories(bob, chosen, Page(10))
    assert [record.path for record in page.items] == ["bob/app", "zoe/app"]
    assert await registry_lists.repository_paths(await factory.as_account("zoe"), after="", limit=5) == [
        "zoe/app"
    ]
    assert await repository.find("ada/app") is None

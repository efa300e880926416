"""The recount: what differs is reported and mended, and the registry is summed."""

import logging

import pytest

from resolvers.access.viewer import Viewer
from resolvers.job_kinds import Run, Tools
from resolvers.repositories import purge, repository
from resolvers.sizes import recount as recounting
from resolvers.sizes.recount import Difference, RegistrySize, recount, registry_size
from storage.clock import now_ms
from storage.statements import Row, execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit

LAYER = b"x" * 50
KEPT = ("namespace_content", "namespace_size", "repository_size")


async def kept() -> list[list[Row]]:
    """The kept figures, without the ids of rows."""
    found = []
    for table in KEPT:
        rows = [
            {key: row[key] for key in row if key != "id"} for row in await fetch(f"SELECT * FROM {table}")
        ]
        found.append(sorted(rows, key=repr))
    return found


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE namespace_size SET stored_bytes = stored_bytes + 7",
        "UPDATE repository_size SET stored_bytes = 0",
        "UPDATE namespace_content SET holders = holders + 1",
        "DELETE FROM namespace_content WHERE is_manifest",
        "DELETE FROM namespace_size",
        "DELETE FROM repository_size",
    ],
)
async def test_what_differs_is_mended(harm: str, factory: Factory) -> None:
    await factory.user("ada")
    for path in ("ada/app", "ada/web"):
        await factory.repository(path)
        await factory.image(path, LAYER, tag="v1")
    right = await kept()
    assert [found async for found in recount()] == []
    await execute(harm)
    assert await kept() != right

    found = [difference async for difference in recount()]

    assert found
    assert await kept() == right
    assert [difference async for difference in recount()] == []


async def test_the_report_names_what_differed(factory: Factory, caplog: pytest.LogCaptureFixture) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    await factory.image("ada/app", LAYER, tag="v1")
    size = len(kit.CONFIG) + len(LAYER) + len(kit.encode(kit.image_document(LAYER)))
    await execute("UPDATE namespace_size SET stored_bytes = 5")
    await execute("UPDATE repository_size SET stored_bytes = 6")

    with caplog.at_level(logging.WARNING, "quayside.sizes"):
        sentence = await recounting.run_recount(Run({}, Tools(factory.context())))

    assert sentence == "Mended 2 figures."
    assert [
        Difference(row.namespace, row.repository, row.kept_bytes, row.counted_bytes, row.digests)  # type: ignore[attr-defined]
        for row in caplog.records
        if row.name == "quayside.sizes"
    ] == [Difference("ada", "app", 6, size), Difference("ada", None, 5, size)]
    assert await recounting.run_recount(Run({}, Tools(factory.context()))) == "All figures were right."


async def test_the_registry_stores_each_blob_once(factory: Factory) -> None:
    context = factory.context(Viewer(is_read_only_superuser=True))
    assert await registry_size(context) == RegistrySize()
    for name in ("ada", "bob"):
        await factory.user(name)
        await factory.repository(f"{name}/app")
        await factory.image(f"{name}/app", LAYER, tag="v1")
    body = len(kit.encode(kit.image_document(LAYER)))

    assert [found async for found in recount()] == []

    size = await registry_size(context)
    # Bodies of manifests are rows of their repositories.
    assert size.stored_bytes == len(kit.CONFIG) + len(LAYER) + 2 * body
    assert size.counted_at_ms is not None
    assert abs(size.counted_at_ms - now_ms()) < 60_000


async def test_figures_go_with_the_namespace(factory: Factory) -> None:
    user = await factory.user("ada")
    await factory.repository("ada/app")
    await factory.image("ada/app", LAYER, tag="v1")
    context = await factory.as_account("ada")
    await repository.delete(context, "ada/app")
    await execute("UPDATE account SET deleted_at_ms = 1 WHERE id = ?", user.id)

    await purge.purge_namespace(user.id)

    assert await kept() == [[], [], []]

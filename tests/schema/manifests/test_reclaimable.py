"""Sizes of manifests and tags, and what a deletion frees: exactly what the collector then frees."""

import random
from contextlib import suppress

import pytest

from resolvers.content import push
from resolvers.errors import NotFound
from resolvers.manifests import own_graph
from resolvers.manifests.liveness import GRACE_MS
from resolvers.repositories import repository
from resolvers.repositories.repository import Visibility
from resolvers.tags import tag
from storage.blobs import BlobStore
from storage.statements import execute, fetch
from tests.counting import least_statements
from tests.factories import Factory
from tests.plugins.clock import Clock
from tests.plugins.scale import SCALE
from tests.quayside.registry import kit
from tests.quayside.workers.contents import DAY_MS, WINDOW_MS, backdate, collected, end_tags
from tests.schema.client import GraphQL, Json

FIGURES = """
storedBytes exclusiveBytes sharedBytes now: reclaimableBytes later: reclaimableBytes(at: AFTER_TIME_MACHINE)
"""
EVERYTHING = f"""
query ($path: RepositoryPath!) {{ repository(path: $path) {{
  tags(first: 100) {{ nodes {{ name {FIGURES} }} }}
  manifests(first: 100) {{ nodes {{ digest {FIGURES} }} }} }} }}
"""
NAMES = ("v1", "v2", "v3", "v4", "v5")


async def stored_bytes(namespace: str) -> int:
    (row,) = await fetch(
        "SELECT s.stored_bytes FROM namespace_size s JOIN account a ON a.id = s.namespace_id"
        " WHERE a.name = ?",
        namespace,
    )
    return int(row["stored_bytes"])


async def figures(client: GraphQL, path: str) -> dict[str, Json]:
    """The figures of the tags, by name, and of the manifests, by digest."""
    found = (await client.data(EVERYTHING, path=path))["repository"]
    return {
        one.get("name") or one["digest"]: one for one in found["tags"]["nodes"] + found["manifests"]["nodes"]
    }


async def fill(factory: Factory, namespace: str, seed: int) -> None:
    """Two repositories with images, indexes and artifacts that share layers, under tags that moved."""
    chance = random.Random(seed)
    for path in (f"{namespace}/app", f"{namespace}/other"):
        await factory.repository(path)
        bodies: list[bytes] = []
        for number in range(5):
            layers = [f"layer {chance.randrange(7)}".encode() * 9 for _ in range(2)]
            config = kit.encode(
                {"n": number, "path": path.partition("/")[2] if chance.random() < 0.7 else ""}
            )
            await factory.image(path, *layers, config=config)
            bodies.append(kit.encode(kit.image_document(*layers, config=config)))
        await factory.blob(path, kit.EMPTY)
        for number in range(5):
            among = chance.sample(bodies, 2)
            about = kit.descriptor(among[0], kit.OCI_MANIFEST)
            document = (
                kit.index_document(*among, annotations={"n": f"{number}"})
                if chance.random() < 0.6
                else kit.artifact_document(f"application/vnd.example.n{number}", subject=about)
            )
            await factory.manifest(path, document)
            bodies.append(kit.encode(document))
        context = await factory.as_account(namespace)
        names = [*NAMES, kit.digest_of(bodies[0]).replace(":", "-") + ".sig"]
        for _ in range(8):
            digest = kit.digest_of(chance.choice(bodies))
            changes = tag.TagChanges(manifest_digest=digest)
            with suppress(NotFound):
                # All tags that the manifest had have moved.
                await tag.update(context, path, chance.choice(names), changes)


async def delete(factory: Factory, path: str, what: str) -> None:
    """Delete a tag by name, or a manifest by digest."""
    context = await factory.as_account(path.partition("/")[0])
    if ":" not in what:
        await tag.delete(context, path, what)
        return
    record = await repository.find(path)
    assert record is not None
    await push.delete_manifest(context, record, what)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3 * SCALE))
async def test_a_deletion_frees_now_what_was_promised(
    factory: Factory, ada: GraphQL, blobs: BlobStore, seed: int
) -> None:
    await fill(factory, "ada", seed)
    # Without a window nothing of a deleted tag is kept.
    await execute("UPDATE account SET tag_expiration_s = 0")
    await backdate()
    await collected(blobs)
    chance = random.Random(seed)

    for _ in range(6):
        promised = await figures(ada, "ada/app")
        if not promised:
            break
        chosen = chance.choice(sorted(promised))
        before = await stored_bytes("ada")
        await delete(factory, "ada/app", chosen)
        await collected(blobs)
        assert before - await stored_bytes("ada") == int(promised[chosen]["now"]), chosen
        await backdate()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3 * SCALE))
async def test_a_deletion_frees_after_the_window_what_was_promised(
    factory: Factory, ada: GraphQL, blobs: BlobStore, clock: Clock, seed: int
) -> None:
    """Of two namespaces with the same content one loses something; what it lacks later is what that freed."""
    await factory.user("bob")
    bob = ada.with_token(await factory.token("bob"))
    for namespace in ("ada", "bob"):
        await fill(factory, namespace, seed)
    if seed % 2:
        await backdate()
    promised = await figures(bob, "bob/app")
    assert promised == await figures(ada, "ada/app")
    chosen = random.Random(seed).choice(sorted(promised))
    before = [await stored_bytes(name) for name in ("ada", "bob")]

    await delete(factory, "bob/app", chosen)
    await collected(blobs)
    now = [await stored_bytes(name) for name in ("ada", "bob")]
    clock.move(max(WINDOW_MS, GRACE_MS) // 1000 + 1)
    await collected(blobs)
    later = [await stored_bytes(name) for name in ("ada", "bob")]

    assert before[0] == before[1]
    assert now[0] - now[1] == int(promised[chosen]["now"])
    assert later[0] - later[1] == int(promised[chosen]["later"])


CONFIG, BASE, OWN = b"c" * 20, b"b" * 1000, b"o" * 100
SIZE = len(kit.encode(kit.image_document(BASE, OWN, config=CONFIG)))
"""The size of the document of the first image."""


def sizes(stored: int, exclusive: int, now: int, later: int) -> Json:
    return {
        "storedBytes": stored,
        "exclusiveBytes": exclusive,
        "sharedBytes": stored - exclusive,
        "now": now,
        "later": later,
    }


def without_names(found: dict[str, Json]) -> dict[str, Json]:
    return {one: {name: shown[name] for name in sizes(0, 0, 0, 0)} for one, shown in found.items()}


async def test_what_a_tag_alone_uses_and_what_deleting_it_frees(
    factory: Factory, ada: GraphQL, clock: Clock
) -> None:
    for name in ("app", "other"):
        await factory.repository(f"ada/{name}")
    first = await factory.image("ada/app", BASE, OWN, tag="v1", config=CONFIG)
    alone = without_names(await figures(ada, "ada/app"))
    await backdate()
    old = without_names(await figures(ada, "ada/app"))
    await factory.image("ada/app", BASE, tag="v2", config=b"second")
    beside = without_names(await figures(ada, "ada/app"))
    context = await factory.as_account("ada")
    await tag.update(context, "ada/app", "latest", tag.TagChanges(manifest_digest=first))
    twice = without_names(await figures(ada, "ada/app"))
    await tag.delete(context, "ada/app", "latest")
    await factory.blob("ada/other", OWN)
    mounted = without_names(await figures(ada, "ada/app"))
    await end_tags("v1", ago_ms=WINDOW_MS + DAY_MS)
    await end_tags("latest", ago_ms=WINDOW_MS + DAY_MS)
    over = without_names(await figures(ada, "ada/app"))

    all_of_it = SIZE + 1120
    assert alone["v1"] == alone[first] == sizes(all_of_it, all_of_it, 0, all_of_it)
    assert old["v1"] == sizes(all_of_it, all_of_it, 0, all_of_it)
    assert beside["v1"] == beside[first] == sizes(all_of_it, SIZE + 120, 0, SIZE + 120)
    assert twice["v1"] == twice["latest"] == sizes(all_of_it, 0, 0, 0)
    assert twice[first] == beside[first]
    # The right of the other repository is in its grace period, and no manifest there names the blob.
    assert mounted["v1"] == sizes(all_of_it, SIZE + 20, 0, SIZE + 120)
    # It is garbage: the collector takes it whether it is deleted or not.
    assert over[first] == sizes(all_of_it, SIZE + 20, 0, 0)


async def test_an_index_has_what_it_lists_once_and_no_more_than_is_stored(
    factory: Factory, ada: GraphQL
) -> None:
    await factory.repository("ada/app")
    bodies = []
    for config in (b"one", b"two"):
        await factory.image("ada/app", BASE, config=config)
        bodies.append(kit.encode(kit.image_document(BASE, config=config)))
    document = kit.index_document(*bodies)
    index = await factory.manifest("ada/app", document, tag="multi")
    size = sum(map(len, [kit.encode(document), *bodies])) + len(BASE) + 6

    whole = without_names(await figures(ada, "ada/app"))
    await tag.update(
        await factory.as_account("ada"),
        "ada/app",
        "one",
        tag.TagChanges(manifest_digest=kit.digest_of(bodies[0])),
    )
    entered = without_names(await figures(ada, "ada/app"))
    await execute("DELETE FROM repository_blob WHERE blob_id = (SELECT MIN(id) FROM blob)")
    lacking = without_names(await figures(ada, "ada/app"))

    assert whole["multi"] == whole[index] == sizes(size, size, 0, size)
    assert whole[kit.digest_of(bodies[0])]["exclusiveBytes"] == 0
    # The index loses its other image and itself, not the one that has a tag.
    freed = len(kit.encode(document)) + len(bodies[1]) + 3
    assert entered["multi"] == entered[index] == sizes(size, freed, 0, freed)
    assert lacking["multi"]["storedBytes"] == size - 3


RELATIVE = f"""{{
  repository(path: "ada/app") {{ storage {{ storedBytes exclusiveBytes sharedBytes reclaimableBytes }}
    tags {{ nodes {{ {FIGURES} manifest {{ {FIGURES} }} }} }} }}
  explainRetention(repository: "ada/app", tag: "v1") {{ isKept reasons {{ rule }} collectableBytes }}
  namespace {{ storage {{ storedBytes }} largestTags {{ nodes {{ storedBytes }} }}
    largestBlobs {{ nodes {{ digest sizeBytes repositoryCount repositories {{ path }} }} }} }} }}"""


async def test_other_namespaces_change_no_figure_and_no_cost(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    for path in ("ada/app", "bob/app"):
        await factory.repository(path)
    await factory.image("ada/app", BASE, OWN, tag="v1", config=CONFIG)
    before, cost = await ada.data(RELATIVE), await least_statements(lambda: ada.data(RELATIVE))

    await factory.image("bob/app", BASE, OWN, tag="v1", config=CONFIG)
    await factory.manifest(
        "bob/app", kit.index_document(kit.encode(kit.image_document(BASE, OWN, config=CONFIG))), tag="v2"
    )

    assert await ada.data(RELATIVE) == before
    assert await least_statements(lambda: ada.data(RELATIVE)) == cost


async def statements(client: GraphQL) -> int:
    return await least_statements(lambda: figures(client, "ada/app"))


async def test_a_list_costs_the_same_however_long(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    for number in range(12):
        await factory.image("ada/app", BASE, b"%d" % number, tag=f"v{number}", config=b"%d" % number)
        if number == 2:
            few = await statements(ada)

    assert await statements(ada) == few
    assert few <= 64


async def test_what_is_shared_is_for_members(factory: Factory, ada: GraphQL) -> None:
    await factory.user("bob")
    await factory.repository("ada/app", visibility=Visibility.PUBLIC)
    await factory.image("ada/app", OWN, tag="v1", config=CONFIG)
    bob = ada.with_token(await factory.token("bob"))

    for client, code in ((bob, "FORBIDDEN"), (ada.with_token(None), "UNAUTHENTICATED")):
        answer = await client.answer(EVERYTHING, path="ada/app")
        repository = answer["data"]["repository"]
        for shown in (*repository["tags"]["nodes"], *repository["manifests"]["nodes"]):
            assert shown["storedBytes"] is not None
            assert {shown[name] for name in ("exclusiveBytes", "sharedBytes", "now", "later")} == {None}
        assert {error["extensions"]["code"] for error in answer["errors"]} == {code}


async def test_a_graph_beyond_the_bound_is_an_error_and_no_figure(
    factory: Factory, ada: GraphQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.repository("ada/app")
    await factory.image("ada/app", OWN, tag="v1", config=CONFIG)
    body = kit.encode(kit.image_document(OWN, config=CONFIG))
    await factory.manifest("ada/app", kit.index_document(body), tag="v2")
    monkeypatch.setattr(own_graph, "MAX_MANIFESTS", 1)

    answer = await ada.answer(f'{{ repository(path: "ada/app") {{ tag(name: "v2") {{ {FIGURES} }} }} }}')

    assert set(answer["data"]["repository"]["tag"].values()) == {None}
    (message,) = {error["message"] for error in answer["errors"]}
    assert message.startswith("At most 1 manifests, naming 200,000 blobs and entries, are looked at")
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}


async def test_the_figures_cost_as_much_as_rows(ada: GraphQL) -> None:
    answer = await ada.answer(
        "{ repositories(first: 40) { nodes { tags(first: 30) { nodes { reclaimableBytes } } } } }"
    )

    assert answer["errors"][0]["extensions"]["limit"] == "nodes"
    assert answer["errors"][0]["extensions"]["value"] == 40 * (1 + 30 * (1 + 10))

"""Plans against graphql-core, over the whole schema and a world of content."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from graphql import DocumentNode, parse, validate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from resolvers.access.scopes import Scope
from resolvers.context import ANONYMOUS
from schema import GraphContext, schema
from schema.execute import interpreted, with_codes
from schema.node_id import encode_id, use_key
from schema.plans.plan import Plan
from schema.response import ResponseLimits
from tests.contract.world import ORGANIZATION, World
from tests.factories import Factory
from tests.plugins.scale import SCALE
from tests.schema.client import NODE_KEY
from tests.schema.plans.documents import Drawing

CORE = schema._schema
NODES = sorted(one.name for one in CORE.get_possible_types(CORE.type_map["Node"]))  # type: ignore[arg-type]

FAVOURITES = ("repository", "organization", "viewer", "node", "user", "repositories")


MEASURED = frozenset({"latencyMs", "freeBytes"})
"""Fields that differ between two moments although the clock stands."""


@pytest.fixture
async def world(factory: Factory, still_clock: None) -> World:
    """People, an organization, repositories with images, and who may do what."""
    use_key(NODE_KEY)
    made = World(factory)
    for step in (
        made.people,
        made.organization,
        made.office,
        made.repositories,
        made.images,
        made.team,
        made.crew,
        made.winch,
        made.star,
        made.quota,
        made.application,
        made.triggers,
        made.flawed,
        made.scanned,
        made.busy,
    ):
        await step()
    return made


def pool(digests: Sequence[Any] = ()) -> dict[str, tuple[Any, ...]]:
    """Values that mean something in the world, and some that do not."""
    names = (
        ORGANIZATION,
        "maren",
        "ole",
        "keepers",
        "deckhands",
        "beacon",
        "current",
        f"{ORGANIZATION}+winch",
        "",
    )
    return {
        "path": (f"{ORGANIZATION}/beacon", f"{ORGANIZATION}/ferry", "maren/mine", "no/where"),
        "ID": (*(encode_id(name, row) for name in NODES for row in (1, 2, 3)), "none"),
        "Digest": (*(one for one in digests if str(one).startswith("sha256:")), "sha256:" + "0" * 64),
        "RepositoryPath": (f"{ORGANIZATION}/beacon", f"{ORGANIZATION}/ferry", "no/where"),
        "first": (0, 1, 2, 5, 50, 1_000, -1),
        "days": (1, 7),
        "Int": (0, 1, 2, 30, -1),
        "BigInt": (0, 1, 1 << 40),
        "ByteSize": (0, 1 << 20, "1 GiB"),
        "Float": (0.5,),
        "Cursor": ("", "x", "MTA"),
        "DateTime": ("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        "Boolean": (True, False),
        "JSON": ({"a": [1]},),
        "JSONObject": ({"a": [1]},),
        "PruneValue": (3, "30d"),
        "String": names,
    }


async def both(
    document: DocumentNode, variables: dict[str, Any], context: Callable[[], GraphContext]
) -> tuple[Any, Any]:
    """What both make of a valid document: all that a client can see, and the order of keys.

    Errors of fields that run at once come as the database answers; the toy schema compares their order.
    """
    plan = Plan(schema, document, None)
    results = (
        await interpreted(document, variables, context(), None),
        await plan.execute(plan.prepared(variables), context()),
    )
    shown = []
    for result in map(with_codes, results):
        errors = [(one.formatted, type(one.original_error).__name__) for one in result.errors or ()]
        shown.append((repr(result.data), sorted(errors, key=repr)))
    return shown[0], shown[1]


@pytest.mark.long
@given(
    seed=st.integers(0, 1 << 32),
    who=st.sampled_from(["maren", "ole", "tove", "ingrid", None]),
    scopes=st.sampled_from([frozenset(Scope), frozenset({Scope.REPO_READ})]),
    limits=st.sampled_from([(100_000, 1 << 20), (60, 1 << 20), (1_000, 300)]),
)
@settings(
    max_examples=40 * SCALE,
    derandomize=SCALE == 1,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
async def test_queries(
    world: World, seed: int, who: str | None, scopes: frozenset[Scope], limits: tuple[int, int]
) -> None:
    drawing = Drawing(
        CORE,
        Random(seed),
        pool([*world.digests.values()]),
        is_wanted=lambda _, name: name not in MEASURED,
        favourites=FAVOURITES,
    )
    document = parse(drawing.text())
    assume(not validate(CORE, document))
    viewer = await world.factory.viewer(who, scopes) if who else ANONYMOUS
    values, text = limits

    def context() -> GraphContext:
        return GraphContext(world.factory.context(viewer), response_limits=ResponseLimits(values, text))

    theirs, ours = await both(document, drawing.variables, context)

    assert ours == theirs


@pytest.mark.long
@given(seed=st.integers(0, 1 << 32))
@settings(
    max_examples=15 * SCALE,
    derandomize=SCALE == 1,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
async def test_refused_mutations(factory: Factory, seed: int) -> None:
    drawing = Drawing(CORE, Random(seed), pool())
    document = parse(drawing.text("mutation"))
    assume(not validate(CORE, document))

    theirs, ours = await both(document, drawing.variables, lambda: GraphContext(factory.context()))

    assert ours == theirs

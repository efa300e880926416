"""Plans against graphql-core, over a schema that goes wrong wherever it can."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, cast
from unittest.mock import patch

import pytest
from graphql import DocumentNode, ExecutionResult, execute, parse, validate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schema import GraphContext
from schema.plans.cache import Plans
from schema.plans.compiler import MAX_FIELDS, Compiler
from schema.plans.plan import MAX_PROGRAMS, Plan
from schema.response import BoundedExecutor, ResponseLimits
from tests.plugins.scale import SCALE
from tests.schema.plans.documents import Drawing
from tests.schema.plans.toy import Toy, toy

POOL = {
    "number": tuple(range(40)),
    "Int": (0, 1, 2, 7),
    "String": ("", "one", "two"),
}


def shown(result: ExecutionResult) -> Any:
    """All that a client can see of a result, and the order of its keys."""
    errors = [(one.formatted, type(one.original_error).__name__) for one in result.errors or ()]
    return repr(result.data), errors


async def by_both(
    document: DocumentNode, variables: dict[str, Any], context: Callable[[], Toy]
) -> ExecutionResult:
    """The result of the plan, which is that of graphql-core, as is the order in which resolvers ran."""
    theirs, ours = context(), context()
    interpreted: Any = execute(
        toy._schema,
        document,
        context_value=theirs,
        variable_values=variables,
        executor_class=BoundedExecutor,
    )
    if not isinstance(interpreted, ExecutionResult):
        interpreted = await interpreted
    await settled()
    plan = Plan(toy, document, None)
    planned = await plan.execute(plan.prepared(variables), cast("GraphContext", ours))
    await settled()
    assert shown(planned) == shown(interpreted)
    assert ours.calls == theirs.calls
    return planned


async def settled() -> None:
    """Let what nobody waits for any more end."""
    for _ in range(60):
        await asyncio.sleep(0)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", ["query", "mutation"])
@given(
    seed=st.integers(0, 1 << 32),
    harm=st.sampled_from([0, 10, 60]),
    values=st.sampled_from([250_000, 40, 5]),
    text=st.sampled_from([10_000, 60]),
)
@settings(max_examples=60 * SCALE, deadline=None, suppress_health_check=list(HealthCheck))
async def test_a_plan_does_what_the_interpreter_does(
    kind: str, seed: int, harm: int, values: int, text: int
) -> None:
    drawing = Drawing(toy._schema, Random(seed), POOL)
    document = parse(drawing.text(kind))
    assume(not validate(toy._schema, document))
    limits = ResponseLimits(values=values, text=text)

    await by_both(document, drawing.variables, lambda: Toy(harm=harm, response_limits=limits))


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        ("query ($n: Int!) { branch(number: $n) { number } }", {}, "Variable '$n' has invalid value"),
        ("query ($n: Int!) { branch(number: $n) { number } }", {"n": "x"}, "Variable '$n' has invalid value"),
        (
            "query ($n: Int = 3) { branch(number: $n) { number } }",
            {"n": None},
            "Argument 'number' has invalid value",
        ),
        ("query ($c: [Colour!]) { sure { things(colours: $c) { number } } }", {"c": ["PINK"]}, "PINK"),
    ],
)
async def test_a_variable_that_does_not_fit_is_told_as_the_interpreter_does(
    text: str, variables: dict[str, Any], message: str
) -> None:
    planned = await by_both(parse(text), variables, Toy)

    (error,) = planned.errors or ()
    assert message in error.message


@pytest.mark.parametrize(
    "text",
    [
        "subscription { numbers }",
        "{ __schema { queryType { name } } }",
        '{ __type(name: "Leaf") { name } }',
        "query One { thing { number } } query Two { thing { number } }",
        "query ($more: Boolean = true) { thing { number @include(if: $more) } }",
    ],
)
async def test_what_has_no_plan(text: str) -> None:
    plans, document = Plans(toy), parse(text)

    with patch.object(Compiler, "root", autospec=True, side_effect=Compiler.root) as root:
        assert await plans.execute(document, {"more": None}, cast("GraphContext", Toy()), None) is None
        tries = root.call_count
        assert await plans.execute(document, {"more": None}, cast("GraphContext", Toy()), None) is None

    # Nothing is compiled in vain twice.
    assert root.call_count == tries <= 1


async def test_a_plan_is_made_at_the_use_that_pays_for_it_and_ends_with_its_document() -> None:
    plans, document = Plans(toy, after=3), parse("{ thing { number } }")

    results = [await plans.execute(document, {}, cast("GraphContext", Toy()), None) for _ in range(4)]

    assert [result and result.data for result in results] == [None, None, *[{"thing": {"number": 4}}] * 2]
    # The object behind the interface can be of two types.
    assert plans.fields == 1 + 2
    del document
    assert plans.fields == 0


async def test_all_plans_together_are_bounded() -> None:
    plans, documents = Plans(toy, fields=5), [parse("{ thing { number } }") for _ in range(3)]

    async def use(index: int) -> Any:
        result = await plans.execute(documents[index], {}, cast("GraphContext", Toy()), None)
        return result and result.data

    found = [await use(index) for index in (0, 1, 2, 1)]

    assert found == [{"thing": {"number": 4}}] * 4
    assert plans.fields == 3


async def test_operations_of_one_document_and_their_choices_are_bounded() -> None:
    operations = [
        f"query {name}($a: Boolean!, $b: Boolean!)"
        " { thing { number x: number @skip(if: $a) y: number @skip(if: $b) } }"
        for name in "ABCD"
    ]
    document, plans = parse(" ".join(operations)), Plans(toy, fields=30)

    for name in "ABCD":
        for a, b in ((True, True), (True, False), (False, True), (False, False)):
            result = await plans.execute(document, {"a": a, "b": b}, cast("GraphContext", Toy()), name)
            assert result is not None
            assert result.errors is None
            assert plans.fields <= 30


async def test_a_plan_has_no_more_fields_than_are_worth_it() -> None:
    fields = " ".join(f"a{number}: number" for number in range(MAX_FIELDS // 2))
    document = parse(f"{{ thing {{ {fields} }} }}")

    result = await Plans(toy).execute(document, {}, cast("GraphContext", Toy()), None)

    assert result is None


async def test_choices_are_compiled_one_by_one_within_a_bound() -> None:
    names = "abcde"
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: number @include(if: ${name})" for name in names)
    document, plans = parse(f"query ({declared}) {{ thing {{ __typename {fields} }} }}"), Plans(toy)

    found = []
    for number in range(MAX_PROGRAMS + 2):
        chosen = {name: bool(number >> place & 1) for place, name in enumerate(names)}
        result = await plans.execute(document, chosen, cast("GraphContext", Toy()), None)
        if result is not None:
            assert result.data is not None
            wanted = [name for name in names if chosen[name]]
            assert list(result.data["thing"]) == ["__typename", *wanted]
        found.append(result is not None)

    assert found == [True] * MAX_PROGRAMS + [False] * 2

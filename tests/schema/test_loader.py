"""Loads of many by one call, some of whom are cancelled before it ends."""

import asyncio
from collections.abc import Sequence

import pytest

from schema.loader import DataLoader


class Calls:
    """A batch function that waits until it may go on."""

    def __init__(self) -> None:
        self.keys: list[list[int]] = []
        self.may_go_on = asyncio.Event()

    async def __call__(self, keys: list[int]) -> Sequence[int | BaseException]:
        """Ten times each key; 13 is raised."""
        self.keys.append(keys)
        await self.may_go_on.wait()
        return [LookupError("13") if key == 13 else 10 * key for key in keys]


@pytest.fixture
async def calls() -> Calls:
    return Calls()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_level_is_one_call_and_each_key_is_loaded_once(calls: Calls) -> None:
    loader = DataLoader(calls)
    calls.may_go_on.set()

    first = await loader.load_many([1, 2, 1])
    second = await loader.load_many([2, 3])

    assert (first, second) == ([10, 20, 10], [20, 30])
    assert calls.keys == [[1, 2], [3]]


async def test_a_batch_is_bounded_and_keys_are_the_same_by_their_identity(calls: Calls) -> None:
    loader = DataLoader(calls, max_batch_size=2, cache_key_fn=lambda key: key % 10)
    calls.may_go_on.set()

    assert await loader.load_many([1, 2, 3, 11]) == [10, 20, 30, 10]
    assert calls.keys == [[1, 2], [3]]


async def test_one_who_is_cancelled_leaves_the_value_to_the_others(calls: Calls) -> None:
    loader = DataLoader(calls)
    one, other = (asyncio.ensure_future(loader.load(1)) for _ in range(2))
    await turns()

    one.cancel()
    calls.may_go_on.set()

    assert await other == 10
    assert one.cancelled()
    assert calls.keys == [[1]]


async def test_what_nobody_waits_for_any_more_is_not_loaded(calls: Calls) -> None:
    loader = DataLoader(calls)
    loader.load(1).cancel()
    await turns()
    calls.may_go_on.set()

    assert calls.keys == []
    assert await loader.load(1) == 10


async def test_a_value_that_is_an_exception_is_raised_at_its_key_alone(calls: Calls) -> None:
    loader = DataLoader(calls)
    calls.may_go_on.set()

    found = await asyncio.gather(*map(loader.load, [1, 13, 13]), return_exceptions=True)

    assert [str(one) for one in found] == ["10", "13", "13"]
    with pytest.raises(LookupError):
        await loader.load(13)


async def test_an_error_of_the_call_is_raised_at_all_keys() -> None:
    async def fails(keys: list[int]) -> Sequence[int]:
        raise LookupError("gone")

    found = await asyncio.gather(*map(DataLoader(fails).load, [1, 2]), return_exceptions=True)

    assert [str(one) for one in found] == ["gone", "gone"]


async def test_a_wrong_number_of_values_is_an_error() -> None:
    async def forgets(keys: list[int]) -> Sequence[int]:
        return keys[1:]

    with pytest.raises(ValueError, match="1 values for 2 keys"):
        await DataLoader(forgets).load_many([1, 2])


async def test_who_waits_ends_with_a_call_that_is_cancelled(calls: Calls) -> None:
    loader = DataLoader(calls)
    waiting = asyncio.ensure_future(loader.load(1))
    await turns()

    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await turns()
    calls.may_go_on.set()

    assert waiting.cancelled()
    assert await loader.load(1) == 10

"""Counters by key in a temporary file."""

from storage.scratch import Tally


async def test_keys_are_counted_until_cleared() -> None:
    with Tally() as tally:
        keys = [f"sha256:{number}" for number in range(1_200)]
        await tally.add(keys)
        await tally.add(keys[:2])

        assert await tally.counts([*keys[1:3], "absent"]) == {keys[1]: 2, keys[2]: 1}
        assert len(await tally.counts(keys)) == 1_200
        await tally.clear()
        assert await tally.counts(keys) == {}


async def test_two_tallies_are_independent() -> None:
    with Tally() as one, Tally() as other:
        await one.add([7, 7])

        assert (await one.counts([7]), await other.counts([7])) == ({7: 2}, {})

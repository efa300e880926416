"""Kinds of jobs made for tests. They are registered where this module is imported: in processes of tests."""

import asyncio
import os
import sys
import time

from resolvers.job_kinds import MIB, Lane, Run, job
from storage.transactions import transaction

STEP_S = 0.05


@job(
    "test.short",
    "Ends at once.",
    goes_on_when_read_only=True,
)
async def short(run: Run) -> str:
    return "Done."


@job(
    "test.steps",
    "Takes many small steps, in this process.",
    lane=Lane.LONG,
    goes_on_when_read_only=True,
)
async def steps(run: Run) -> str:
    number = round(run.payload["seconds"] / STEP_S)
    for step in range(number):
        await run.progress(step, number)
        await asyncio.sleep(STEP_S)
    return f"Took {number} steps."


@job(
    "test.limited",
    "As above, but few at once.",
    lane=Lane.LONG,
    at_once=3,
    per_namespace=2,
    goes_on_when_read_only=True,
)
async def limited(run: Run) -> str:
    return await steps(run)


@job(
    "test.deaf",
    "Never looks whether it should end.",
    lane=Lane.LONG,
    goes_on_when_read_only=True,
)
async def deaf(run: Run) -> None:
    while True:
        async with transaction("test.deaf"):
            await asyncio.sleep(0)
        await asyncio.sleep(3600)


@job(
    "test.child",
    "Takes small steps in a child, and tells its process id as their number.",
    lane=Lane.HEAVY,
    goes_on_when_read_only=True,
)
async def in_child(run: Run) -> str:
    for step in range(round(run.payload["seconds"] / STEP_S)):
        await run.progress(step, os.getpid())
        await asyncio.sleep(STEP_S)
    return "Done in a child."


@job(
    "test.stubborn",
    "Blocks its whole process, and nothing but force ends it.",
    lane=Lane.HEAVY,
    goes_on_when_read_only=True,
)
async def stubborn(run: Run) -> None:
    await run.progress(0, os.getpid())
    time.sleep(3600)  # noqa: ASYNC251 - This is the point.


@job(
    "test.slow",
    "Takes longer than it may.",
    lane=Lane.HEAVY,
    timeout_s=2,
    retries=0,
    goes_on_when_read_only=True,
)
async def slow(run: Run) -> None:
    await stubborn(run)


@job(
    "test.hungry",
    "Takes more memory than it may.",
    lane=Lane.HEAVY,
    memory_bytes=200 * MIB,
    retries=0,
    goes_on_when_read_only=True,
)
async def hungry(run: Run) -> None:
    taken = []
    while True:
        taken.append(b"x" * (20 * MIB))
        await asyncio.sleep(STEP_S)


@job(
    "test.failing",
    "Fails in a child.",
    lane=Lane.HEAVY,
    retries=0,
    goes_on_when_read_only=True,
)
async def failing(run: Run) -> None:
    sys.stdout.write("This is not the outcome.\n")
    raise ValueError("no luck")

"""Runs garbage collection repeatedly, as `quayside gc` does, whenever it is told to.

python -m tests.functional.collecting [checking]

With `checking` it also does what `quayside storage fsck --repair --rehash` does, beside that, and writes what
is found to standard error.

Each line with a number on standard input begins a round after as many milliseconds, which is answered with
`ready`; the next line, which is empty, ends it, which is answered with `ended`.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from quayside.commands.database import open_context
from quayside.settings.settings import load_settings
from resolvers.content.findings import Tally
from resolvers.content.garbage_collection import collect
from resolvers.content.storage_check import Plan, check
from tests.process import environment


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    async with open_context(load_settings({}, os.environ)) as context:
        while delay_ms := (await asyncio.to_thread(sys.stdin.readline)).strip():
            say("ready")
            ended = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
            await asyncio.sleep(int(delay_ms) / 1000)

            async def collecting(ended: asyncio.Task[str] = ended) -> None:
                while not ended.done():
                    async for _ in collect(context.blobs):
                        pass

            async def checking(ended: asyncio.Task[str] = ended) -> None:
                while "checking" in sys.argv and not ended.done():
                    plan = Plan(repairs=True, rehashes=True, stray_age_ms=0)
                    async for finding in check(context.blobs, plan, Tally()):
                        sys.stderr.write(f"{finding}\n")

            await asyncio.gather(collecting(), checking())
            say("ended")


@contextmanager
def collector(
    environ: Mapping[str, str], *arguments: str
) -> Iterator[Callable[[int], AbstractContextManager[None]]]:
    """A process that collects garbage, and must not fail: again and again in each block, after a delay."""

    @contextmanager
    def collecting(delay_ms: int) -> Iterator[None]:
        tell(f"{delay_ms}\n")
        assert answers.readline() == "ready\n"
        yield
        tell("\n")
        assert answers.readline() == "ended\n"

    def tell(line: str) -> None:
        orders.write(line)
        orders.flush()

    process = subprocess.Popen(
        [sys.executable, "-m", "tests.functional.collecting", *arguments],
        env=environment(**environ), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    orders, answers = process.stdin, process.stdout
    with process:
        yield collecting
        _, errors = process.communicate("\n")
    assert process.returncode == 0
    # A busy machine is no failure.
    assert {*errors.splitlines()} <= {"slow statement", "transaction open longer than 100 ms"}


if __name__ == "__main__":
    asyncio.run(main())

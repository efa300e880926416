"""Runs garbage collection repeatedly, as `quayside gc` does, whenever it is told to.

python -m tests.functional.collecting

Each line with a number on standard input begins a round after as many milliseconds, which is answered with
`ready`; the next line, which is empty, ends it, which is answered with `ended`.
"""

import asyncio
import os
import sys

from quayside.commands.database import open_context
from quayside.settings.settings import load_settings
from resolvers.content.garbage_collection import collect


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    async with open_context(load_settings({}, os.environ)) as context:
        while delay_ms := (await asyncio.to_thread(sys.stdin.readline)).strip():
            say("ready")
            ended = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
            await asyncio.sleep(int(delay_ms) / 1000)
            while not ended.done():
                async for _ in collect(context.blobs):
                    pass
            say("ended")


if __name__ == "__main__":
    asyncio.run(main())

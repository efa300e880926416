"""Runs garbage collection repeatedly, as `quayside gc` does, until a line arrives on standard input.

python -m tests.functional.collecting
"""

import asyncio
import os
import sys

from quayside.commands.database import open_context
from quayside.settings.settings import load_settings
from resolvers.content.garbage_collection import collect


async def main() -> None:
    async with open_context(load_settings({}, os.environ)) as context:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        stopped = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        await asyncio.sleep(int(sys.argv[1]) / 1000)
        while not stopped.done():
            async for _ in collect(context.blobs):
                pass


if __name__ == "__main__":
    asyncio.run(main())

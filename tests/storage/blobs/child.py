"""A process of its own that works on a store, for tests of crashes and of sharing.

    python -m tests.storage.blobs.child URL append UPLOAD OFFSET TEXT
    python -m tests.storage.blobs.child URL append-slowly UPLOAD OFFSET TEXT   waits for a line on stdin
    python -m tests.storage.blobs.child URL append-each UPLOAD TEXT COUNT      each time at its end
    python -m tests.storage.blobs.child URL commit UPLOAD DIGEST
    python -m tests.storage.blobs.child URL cancel UPLOAD

It writes one line per answer of the store: the answer is what a client would have been told.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

from storage.blobs import BlobError, BlobStore, OffsetMismatch, open_blob_store
from tests.storage.blobs.helpers import stream


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def slow_stream(text: str) -> AsyncIterator[bytes]:
    yield text.encode()
    say("streaming")
    await asyncio.to_thread(sys.stdin.readline)


async def append_each(store: BlobStore, upload: str, content: bytes, count: int) -> int:
    """Append the content `count` times, wherever others let it; how often others were first."""
    overtaken = 0
    while count:
        try:
            await store.append(upload, await store.upload_size(upload), stream(content))
        except OffsetMismatch:
            overtaken += 1
        else:
            count -= 1
    return overtaken


async def act(store: BlobStore, action: str, upload: str, *arguments: str) -> None:
    match action, *arguments:
        case "append", offset, text:
            say(f"appended {await store.append(upload, int(offset), stream(text.encode()))}")
        case "append-slowly", offset, text:
            say(f"appended {await store.append(upload, int(offset), slow_stream(text))}")
        case "append-each", text, count:
            say(f"appended {await append_each(store, upload, text.encode(), int(count))}")
        case "commit", digest:
            say(f"committed {await store.commit(upload, digest)}")
        case ("cancel",):
            await store.cancel(upload)
            say("cancelled")
        case _:
            raise SystemExit(f"unknown action {action}")


async def main(url: str, action: str, upload: str, *arguments: str) -> None:
    store = open_blob_store(url)
    try:
        await act(store, action, upload, *arguments)
    except BlobError as error:
        say(type(error).__name__)
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""A server that speaks the S3 protocol, in a process of its own: `python -m tests.s3` prints its port.

What it holds is in its memory. It takes any credentials.
"""

import sys
import threading
from typing import Any

from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

_writing = threading.Lock()


def make_writes_atomic() -> None:
    """Let one thread at a time look for an object and write it, as the protocol wants of `If-None-Match`.

    Otherwise two writers may both find none, and the later one replaces what the earlier one was promised.
    """
    put = S3Response.put_object

    def put_alone(response: S3Response) -> Any:
        with _writing:
            return put(response)

    S3Response.put_object = put_alone  # type: ignore[assignment, method-assign]


def main() -> None:
    make_writes_atomic()
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()

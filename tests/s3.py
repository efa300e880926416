"""A server that speaks the S3 protocol, in a process of its own: `python -m tests.s3` prints its port.

What it holds is in its memory. It takes any credentials.
"""

import sys

from moto.server import ThreadedMotoServer


def main() -> None:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server._thread.join()


if __name__ == "__main__":
    main()

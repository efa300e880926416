"""The program that reads one layer: `python -m quayside.scan.child LIMITS < layer > answer`.

It has no settings, no secrets and no database, only the bytes of the layer. The system ends it where it would
take too much memory or time, and it ends by itself when its parent does: its input or its output breaks off.
"""

import json
import os
import resource
import sys

from quayside.scan.answer import NO_FAULT_OF_THE_LAYER, write_found, write_refusal
from quayside.scan.limits import Limits
from quayside.scan.parsers import collected
from quayside.scan.stream import refused
from quayside.scan.walk import OF_THE_MACHINE, Walk
from resolvers.scan.scanner import NotScanned

NICENESS = 10
"""Requests come first when processors are short."""
OPEN_FILES = 64


def main() -> None:
    """Read the layer and answer."""
    limits = Limits(**json.loads(sys.argv[1]))
    bound(limits)
    with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as output:
        try:
            walk = Walk(sys.stdin.buffer, limits, collected())
            write_found(output, walk.run(), walk.size_bytes)
        except NotScanned as error:
            write_refusal(output, error)
        except OSError as error:
            if error.errno not in OF_THE_MACHINE:
                raise
            sys.exit(NO_FAULT_OF_THE_LAYER)
        except MemoryError:
            write_refusal(
                output, refused(f"Reading the layer takes more than {limits.memory_bytes} bytes of memory.")
            )


def bound(limits: Limits) -> None:
    """Have the system end this process where it takes too much."""
    os.nice(NICENESS)
    for number, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.spool_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(number, (value, value))
    # At the lower limit the signal tells of it.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 5))


if __name__ == "__main__":
    main()

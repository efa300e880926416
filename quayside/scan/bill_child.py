"""The program that reads one bill: `python -m quayside.scan.bill_child LIMITS SUBJECT < bill > answer`.

It answers with JSON: what the bill says, or the reason why it cannot be read. It has no settings, no secrets
and no database, and the system ends it where it would take too much.
"""

import dataclasses
import gc
import json
import os
import sys

import orjson

from quayside.scan.child import bound
from quayside.scan.limits import Limits
from resolvers.attestations.statement import Unreadable
from resolvers.sbom.bill import Bounds, bill


def main() -> None:
    """Read the bill and answer."""
    limits = Limits(**json.loads(sys.argv[1]))
    bound(limits)
    # Nothing is freed before the end.
    gc.disable()
    content = sys.stdin.buffer.read()
    try:
        answer = dataclasses.asdict(bill(content, sys.argv[2], Bounds(limits.packages, limits.entries)))
    except Unreadable as error:
        answer = {"reason": str(error)}
    except MemoryError:
        answer = {"reason": "Reading the document takes too much memory."}
    with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as output:
        output.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()

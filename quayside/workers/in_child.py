"""The program of a child process that runs one job: `python -m quayside.workers.in_child`.

Its order comes over standard input (`quayside.workers.child.Order`), its outcome goes to standard output as a
line of JSON. SIGTERM ends the job in order.
"""

import asyncio
import importlib
import logging
import os
import pickle
import signal
import sys
import threading
from typing import Any, BinaryIO

import orjson

from quayside import logs
from quayside.workers.child import Order
from quayside.workers.execution import InProcess, describe
from quayside.workers.tools import tools_of
from resolvers.job_kinds import KINDS, JobStopped, Run
from storage.blobs import open_blob_store
from storage.database import Database

logger = logging.getLogger("quayside.jobs")

NICENESS = 10
"""Requests come first when processors are short."""

ORPHANED = 3
"""The exit code of a child whose parent is gone."""


def main() -> None:
    """Do what the order says and tell what came of it."""
    outcomes = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a handler or a library prints must not be taken for the outcome.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    orders = sys.stdin.buffer
    order: Order = pickle.loads(orders.read(int.from_bytes(orders.read(8), "big")))  # noqa: S301 - From our parent.
    threading.Thread(target=_end_with_parent, args=(orders,), daemon=True).start()
    os.nice(NICENESS)
    logs.configure()
    importlib.import_module(order.module)
    outcomes.write(orjson.dumps(asyncio.run(_outcome(order))) + b"\n")
    outcomes.flush()


def _end_with_parent(orders: BinaryIO) -> None:
    orders.read(1)
    os._exit(ORPHANED)


async def _outcome(order: Order) -> dict[str, Any]:
    try:
        return {"state": "done", "text": await _work(order)}
    except JobStopped:
        return {"state": "stopped", "text": None}
    except Exception as error:
        logger.exception("job failed in its child", extra={"job": order.job.id, "kind": order.job.kind})
        return {"state": "failed", "text": describe(error)}


async def _work(order: Order) -> str | None:
    blobs = open_blob_store(order.settings.blob_url, reserve_bytes=order.settings.disk_reserve)
    run = Run(order.job.payload, tools_of(order.settings, blobs), order.job)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.stop)
    database = await Database.connect(order.settings.database_url, pool_size=2)
    try:
        with database.current():
            return await InProcess(KINDS[order.job.kind], run).result()
    finally:
        await blobs.close()
        await database.close()


if __name__ == "__main__":
    main()

"""Start and idle memory of `quayside serve`, in one process and under a supervisor with two workers.

    python -m tests.bench.start

The database is migrated before. Measured are seconds until `/readyz` answers by 200, and the time of
processors by then, of all processes, those that have ended included. Memory is proportional (PSS), in which
pages that processes share count once, after `IDLE_S` without requests.
"""

import tempfile
import time
from pathlib import Path

from tests.bench import content
from tests.bench.servers import Server, family, start_quayside

IDLE_S = 5.0


def main() -> None:
    """Print a line for each number of workers."""
    for workers in (1, 2):
        with tempfile.TemporaryDirectory(prefix="quayside-bench-") as directory:
            server = start_quayside(Path(directory), owner=content.OWNER, workers=workers)
            ready_s = server.cpu_seconds()
            time.sleep(IDLE_S)
            line(server, workers, ready_s)
            server.stop()


def line(server: Server, workers: int, ready_s: float) -> None:
    """Print the figures of a server."""
    parts = [proportional_bytes(pid) / 2**20 for pid in family(server.process.pid)]
    each = ", ".join(f"{part:.0f}" for part in parts)
    print(
        f"{f'start, workers: {workers}':28} {server.start_s:6.2f} s {ready_s:9.2f} s CPU"
        f"   {sum(parts):5.0f} MiB in {len(parts)} processes ({each})",
        flush=True,
    )


def proportional_bytes(pid: int) -> int:
    """The resident memory of a process, in which its part of each shared page counts."""
    for entry in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if entry.startswith("Pss:"):
            return int(entry.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()

"""A program that builds where there are no user namespaces, and prints what came of it.

    python -m tests.quayside.builds.without_user_namespaces DIRECTORY

It makes such a place first: a user namespace in which no other may be made, with the same ids.
"""

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from quayside.builds.buildah import Buildah
from quayside.builds.executor import BuildOrder
from quayside.builds.layout import Layout
from quayside.builds.usage import descendants_of
from resolvers.builds.builder import BuildFailed, BuildLimits
from tests.contexts import BUSYBOX, archive

CLONE_NEWUSER = 0x10000000
IDS = 7 << 16
PROBES = (
    f"ls -d /proc/{os.getppid()} 2>/dev/null; nc -w 1 127.0.0.1 22 </dev/null 2>/dev/null && echo reached;"
    " (setsid sleep 99 &); echo ran"
)


def enter() -> None:
    """Go on in a user namespace without others below."""
    ready, tells = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.read(ready, 1)
        for kind in ("uid", "gid"):
            Path(f"/proc/{parent}/{kind}_map").write_text("0 0 1000000\n")
        os._exit(0)
    assert ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0
    os.write(tells, b"+")
    os.waitpid(pid, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


async def build(directory: Path, context: str, limits: BuildLimits) -> tuple[str | None, list[str], bool]:
    """Build as root; why it failed, what it printed, and whether a process is left."""
    driver = Buildah(directory, ids=IDS, may_be_root=True)
    assert await driver.why_not() is None
    lines = list[str]()

    async def tell(printed: Sequence[str]) -> None:
        lines.extend(printed)

    order = BuildOrder(directory / "build", directory / "layers", driver.ids(IDS), limits)
    failure = None
    try:
        await driver.prepare(order)
        order.archive.write_bytes(archive(context, busybox=BUSYBOX.read_bytes()))
        await driver.unpack(order, tell)
        await driver.build(order, await driver.bases(order), tell)
        Layout.open(order.layout)
    except BuildFailed as error:
        failure = str(error)
    finally:
        await driver.remove(order)
    return failure, lines, bool(descendants_of(os.getpid()))


async def main(directory: Path) -> None:
    limits = BuildLimits(timeout_s=60, memory_bytes=1 << 30, disk_bytes=1 << 30)
    shell = "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/setsid\nCOPY busybox /bin/nc\n"
    found = {
        "refusal": await Buildah(directory, ids=IDS).why_not(),
        "build": await build(directory, f"{shell}RUN {PROBES}\n", limits),
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    enter()
    asyncio.run(main(Path(sys.argv[1])))

"""Driver of builds: buildah in a sandbox.

A run of the sandbox unpacks the context; then the bases are put in place by whoever may fetch them; the same
run builds, and writes the image as an OCI layout. Nothing in there reaches the network unless it was asked
for, so the image is pushed from outside too.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import orjson

from quayside.builds import dockerfile
from quayside.builds.beneath import open_beneath
from quayside.builds.directories import give, held, remove
from quayside.builds.executor import NONE_KEPT, BuildOrder
from quayside.builds.sandboxed import Place, Sandbox, SandboxRefused, Step
from quayside.builds.session import Session
from quayside.builds.usage import disk_bytes
from resolvers.builds.builder import BuildFailed, BuildLimits, Tell

logger = logging.getLogger("quayside.builds")

MAXIMUM_ENTRIES: Final = 1_000_000
"""Files in a context."""
ASK_AGAIN_S: Final = 60.0
"""How long it is believed that this machine cannot build."""
BELIEVED_S: Final = 900.0
"""How long it is believed that it can: to try takes as long as a small build, whose log would tell."""
MAXIMUM_LIST_BYTES: Final = 16 * 1024 * 1024
"""Of the list of images in a cache; a longer one is none."""
CACHE_SHARE: Final = 2
"""Cached layers may take one part in so many of the disk that a build may use; then they are made anew."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUILDAH = ("buildah", "--root", "/storage", "--runroot", "/run/storage", "--storage-driver")
PROBE = BuildLimits(timeout_s=20, memory_bytes=1024**3, disk_bytes=1024**2)
OVERLAY = "cd /build && mkdir a b c d && mount -t overlay overlay -o lowerdir=a,upperdir=b,workdir=c d"


class Buildah:
    """The driver. It tries out in `directory` whether the machine can build, with ids of its own.

    With `may_be_root` builds run as root of the machine where it has no user namespaces.
    """

    def __init__(self, directory: Path, *, ids: int, may_be_root: bool = False) -> None:
        self._trial = directory / f"trial-{os.getpid()}"
        self._ids = ids
        self._may_be_root = may_be_root
        self._is_root = False
        self._ask_at = 0.0
        self._answer: str | None = None
        self._asking = asyncio.Lock()
        self._storage_driver = "vfs"
        self._version: str | None = None
        self._sessions: dict[Path, Session] = {}
        """By the directory of the order: those that have unpacked a context."""

    async def why_not(self) -> str | None:
        """A sentence on why this machine cannot build, None if it can; it is tried at times."""
        async with self._asking:
            now = asyncio.get_running_loop().time()
            if now >= self._ask_at or (self._answer is None and shutil.which("buildah") is None):
                self._version = None
                self._answer = await self._try_out()
                self._ask_at = now + (BELIEVED_S if self._answer is None else ASK_AGAIN_S)
        return self._answer

    async def _try_out(self) -> str | None:
        if shutil.which("buildah") is None:
            return "The program buildah is not installed on this machine."
        if os.geteuid() != 0:
            return "The server does not run as root, who alone can make namespaces with a range of ids."
        try:
            with held(self._trial):
                await self._try_sandboxes()
        except (BuildFailed, OSError) as failure:
            return str(failure)
        return None

    async def _try_sandboxes(self) -> None:
        """Find out which sandbox there is. Raises `BuildFailed` where there is none, and `OSError`."""
        try:
            await self._try_sandbox(self._ids)
            self._is_root = False
        except SandboxRefused as refusal:
            if not self._may_be_root:
                raise
            await self._try_sandbox(0)
            logger.warning("builds run as root, since BUILD_UNSAFE_ROOT allows it: %s", refusal)
            self._is_root = True

    async def _try_sandbox(self, ids: int) -> None:
        """Run something in a sandbox. Raises `SandboxRefused` and other `BuildFailed`."""
        order = BuildOrder(self._trial, self._trial / "layers", ids, PROBE)
        try:
            await self.prepare(order)
            # Layers that lie on each other take less time and disk than copies, where the kernel lets them.
            status = await self._sandbox(order).run([_step("sh", "-c", OVERLAY)], _ignore)
            self._storage_driver = "vfs" if status else "overlay"
        finally:
            await remove(order.directory)

    def ids(self, own: int) -> int:
        """The first id that stands for those of a build: `own`, or 0 where builds run as root."""
        return 0 if self._is_root else own

    async def version(self) -> str:
        """The version of buildah on this machine."""
        if self._version is None:
            self._version = await _version()
        return self._version

    async def prepare(self, order: BuildOrder) -> None:
        """Make the directories, for the archive to be put there."""
        if order.directory.exists():
            await remove(order.directory)
        build = order.layout.parent
        order.directory.mkdir(parents=True)
        for path in (build, build / "context", order.base(0).parent, _tmp(order)):
            path.mkdir()
            os.chown(path, order.ids, order.ids)
        order.cache.mkdir(parents=True, exist_ok=True)
        # When it was used last.
        os.utime(order.cache)
        os.chown(order.cache, order.ids, order.ids)

    async def unpack(self, order: BuildOrder, tell: Tell) -> None:
        """Unpack the context."""
        os.chown(order.archive, order.ids, order.ids, follow_symlinks=False)
        step = {"unpack": "/build/archive", "to": "/build/context", "entries": MAXIMUM_ENTRIES}
        session = self._sessions[order.directory] = Session(self._sandbox(order), [step], tell)
        if not await session.ready():
            raise BuildFailed("The context cannot be unpacked.")

    async def bases(self, order: BuildOrder) -> Sequence[str]:
        """The images that the Dockerfile builds on or copies from, as it names them."""
        name = str(PurePosixPath("context", order.dockerfile))
        try:
            with open_beneath(order.layout.parent, name) as file:
                content = file.read(dockerfile.MAXIMUM_BYTES + 1)
        except (OSError, ValueError) as error:
            raise BuildFailed(f"The context has no Dockerfile at {order.dockerfile}.") from error
        if len(content) > dockerfile.MAXIMUM_BYTES:
            raise BuildFailed(f"The Dockerfile has more than {dockerfile.MAXIMUM_BYTES} bytes.")
        return dockerfile.bases(content, order.arguments)

    async def kept(self, order: BuildOrder) -> Collection[str]:
        """The digests of the configurations of images that are in the cache.

        What builds have done to them counts: they share the cache. A file that is no list of images is none.
        """
        try:
            with open_beneath(order.cache, f"{self._storage_driver}-images/images.json") as file:
                found = orjson.loads(file.read(MAXIMUM_LIST_BYTES))
            return frozenset(f"sha256:{image['id']}" for image in found)
        except (OSError, ValueError, KeyError, TypeError):
            return frozenset()

    async def build(
        self, order: BuildOrder, bases: Sequence[str], tell: Tell, kept: Mapping[str, str] = NONE_KEPT
    ) -> None:
        """Build; `order.base(N)` holds base N, if it is not kept, and afterwards `order.layout` the image."""
        await give(order.ids, order.base(0).parent)
        buildah = (*BUILDAH, self._storage_driver)
        names = dict[str, list[str]]()
        for name, digest in kept.items():
            names.setdefault(digest.partition(":")[2], []).append(_full_name(name))
        steps: list[Step] = [{"name_images": "/storage", "names": names}]
        for number, name in enumerate(bases):
            if name in kept:
                continue
            # What comes of it is told by its own line in the log, which is the name.
            steps += [_step("sh", "-c", PULL, "sh", f"dir:/bases/{number}", name, *buildah)]
        # The values come from the environment, which others on the machine do not see as they do arguments.
        arguments = [f"--build-arg={name}" for name in order.arguments]
        labels = [f"--label={name}={value}" for name, value in order.labels.items()]
        steps += [
            _step(
                *(*buildah, "bud", "--isolation=chroot", "--pull-never", "--layers", "--format=oci"),
                *("--tag=localhost/result", "--timestamp=0"),
                *(*arguments, *labels, f"--file=/build/context/{order.dockerfile}"),
                f"/build/context/{order.context}",
            ),
            _step(*buildah, "push", "--quiet", "localhost/result", "oci:/build/image:result"),
        ]
        session = self._sessions.get(order.directory)
        if await (session.go_on(steps) if session else self._sandbox(order).run(steps, tell)):
            raise BuildFailed("The build ended with an error; its log says which.")

    async def remove(self, order: BuildOrder) -> None:
        """End what runs, and remove the directory, and the cache if it is too large."""
        if session := self._sessions.pop(order.directory, None):
            await session.end()
        await remove(order.directory)
        if order.cache.exists() and await disk_bytes(order.cache) > order.limits.disk_bytes // CACHE_SHARE:
            await remove(order.cache)

    def _sandbox(self, order: BuildOrder) -> Sandbox:
        return Sandbox(
            places=[
                Place(order.layout.parent, "/build"),
                Place(order.cache, "/storage"),
                Place(order.base(0).parent, "/bases", is_read_only=True),
            ],
            ids=order.ids,
            limits=order.limits,
            environment={
                **order.arguments,
                "PATH": PATH,
                "HOME": "/build/tmp",
                "TMPDIR": "/build/tmp",
                "XDG_RUNTIME_DIR": "/run",
                # The sandbox has mapped the ids already.
                "_CONTAINERS_USERNS_CONFIGURED": "1",
            },
            has_network=order.has_network,
        )


PULL = 'from=$1 name=$2; shift 2; id=$("$@" pull --quiet "$from") && "$@" tag "$id" "$name"'
"""Reads a base into the storage, and gives it its name."""


def _full_name(name: str) -> str:
    """The name of an image with its tag, as the storage has it."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


async def _version() -> str:
    process = await asyncio.create_subprocess_exec(
        *("buildah", "--version"), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode(errors="replace").removeprefix("buildah version ").partition(" ")[0].strip()


def _step(*arguments: str) -> Step:
    return {"run": list(arguments), "in": "/build"}


def _tmp(order: BuildOrder) -> Path:
    return order.layout.parent / "tmp"


async def _ignore(lines: Sequence[str]) -> None:
    del lines

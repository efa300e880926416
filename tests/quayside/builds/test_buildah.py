"""The driver of builds in its sandbox: what hostile code reaches, and how it is ended."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from quayside.builds import sandboxed
from quayside.builds.buildah import PATH, Buildah
from quayside.builds.executor import BuildOrder
from quayside.builds.layout import Layout
from quayside.builds.sandboxed import Place, Sandbox
from quayside.builds.usage import descendants_of, files_in_memory, processes_of
from resolvers.builds.builder import BuildFailed, BuildLimits
from tests.contexts import archive, base
from tests.process import environment

IDS = (1 << 30) + (os.getpid() % 4096) * 2 * 65_536
"""A range for trials, and the next for builds; other processes of the tests have others."""
pytestmark = pytest.mark.needs("buildah", "busybox")


class Building:
    """Builds in a directory, one after the other, on a base image that has a shell."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.driver = Buildah(directory, ids=IDS)
        self.lines = list[str]()

    async def tell(self, lines: Sequence[str]) -> None:
        self.lines += lines

    def order(
        self,
        context: bytes,
        limits: BuildLimits | None = None,
        *,
        is_root: bool = False,
        has_network: bool = False,
    ) -> BuildOrder:
        return BuildOrder(
            self.directory / "build",
            self.directory / ("layers-root" if is_root else "layers"),
            0 if is_root else IDS + 65_536,
            limits or BuildLimits(timeout_s=60, memory_bytes=1 << 30, disk_bytes=1 << 30),
            has_network=has_network,
        )

    async def build(self, context: bytes, limits: BuildLimits | None = None, **more: bool) -> bytes:
        """Build; the manifest of the image. Raises `BuildFailed`."""
        self.lines = []
        order = self.order(context, limits, **more)
        try:
            await self.driver.prepare(order)
            order.archive.write_bytes(context)
            await self.driver.unpack(order, self.tell)
            bases = await self.driver.bases(order)
            for number, _ in enumerate(bases):
                shutil.copytree(self.directory / "base", order.base(number))
            await self.driver.build(order, bases, self.tell)
            found = Layout.open(order.layout)
            if not bases:
                self.keep(order, found)
            return found.body
        finally:
            await self.driver.remove(order)
            assert not order.directory.exists()
            assert list(processes_of(IDS + 65_536, 65_536)) == []

    def keep(self, order: BuildOrder, found: Layout) -> None:
        """Keep an image as the base of others, in the form of the transport `dir`."""
        target = self.directory / "base"
        target.mkdir(exist_ok=True)
        (target / "version").write_text("Directory Transport Version: 1.1\n")
        (target / "manifest.json").write_bytes(found.body)
        for blob in found.blobs():
            name = blob["digest"].partition(":")[2]
            shutil.copy(order.layout / "blobs" / "sha256" / name, target / name)


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Building]:
    """Where the base image has been built."""
    found = Building(tmp_path_factory.mktemp("builds"))
    assert asyncio.run(found.driver.why_not()) is None
    asyncio.run(found.build(base()))
    yield found
    mounted = Path("/proc/self/mountinfo").read_text()
    assert str(found.directory) not in mounted


async def test_stages_copy_from_each_other_and_layers_are_cached(building: Building) -> None:
    context = archive(
        "ARG FROM=base\nFROM ${FROM} AS one\nRUN echo one > /one\nFROM base:2\nCOPY --from=one /one /two\n"
        "COPY --from=other/base /bin/busybox /three\nRUN cat /two; ls /three\n"
    )

    first = await building.build(context)
    told = building.lines
    again = await building.build(context)

    assert [line for line in told if line in {"one", "/three"}] == ["one", "/three"]
    assert not any("Using cache" in line for line in told)
    assert sum("Using cache" in line for line in building.lines) == 4
    assert again == first


async def test_a_build_finds_nothing_of_the_host(building: Building) -> None:
    secret = building.directory / "secret"
    secret.write_text("host")
    probes = {
        "processes": f"ls -d /proc/{os.getpid()}",
        "files": f"cat {secret}",
        "accounts": "cat /etc/shadow",
        "root": f"cat /proc/1/root{secret}",
        "escape": f"mkdir -p /x && chroot /proc/1/cwd cat {secret}",
        "loopback": "nc -w 1 127.0.0.1 22 </dev/null",
        "metadata": "nc -w 1 169.254.169.254 80 </dev/null",
        "paths": "tr '\\0' '\\n' </proc/1/cmdline | grep .",
        "variables": "cat /proc/1/environ",
        "bases": "touch /proc/1/root/bases/spoiled",
        "devices": "mknod /x/disk b 8 0 && head -c1 /x/disk",
    }
    tries = " ; ".join(
        f"if ({what}) 2>/dev/null; then echo found {name}; fi" for name, what in probes.items()
    )

    await building.build(
        archive(f"FROM base\nRUN echo begins; {tries}; echo ends; id -u; (setsid sleep 99 &)\n")
    )

    printed = [line for line in building.lines if not line.startswith(("STEP", "-->"))]
    assert printed[:3] == ["begins", "ends", "0"]


@pytest.mark.parametrize("has_network", [False, True], ids=["none", "host"])
async def test_a_build_reaches_what_listens_only_with_the_network_of_the_host(
    has_network: bool, building: Building
) -> None:
    asked = list[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).strip())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        context = archive(
            f"FROM base\nRUN echo probe | nc -w 2 127.0.0.1 {port} && echo reached; true\n"
            f"ADD http://127.0.0.1:{port}/added /added\nRUN cat /added\n"
        )
        works = contextlib.nullcontext() if has_network else pytest.raises(BuildFailed, match="its log says")
        with works:
            await building.build(context, has_network=has_network)

    assert {line.split()[0] for line in asked} == ({b"probe", b"GET"} if has_network else set())
    assert any(line.endswith("reached") for line in building.lines) == has_network


async def test_names_of_images_of_earlier_builds_stand_for_nothing(building: Building) -> None:
    order = building.order(b"")
    await building.build(archive("FROM known\nRUN true\n"))
    try:
        await building.driver.prepare(order)
        order.archive.write_bytes(archive("FROM known\nRUN true\n"))
        await building.driver.unpack(order, building.tell)
        with pytest.raises(BuildFailed, match="ended with an error"):
            # As if the registry had not been asked for it.
            await building.driver.build(order, [], building.tell)
    finally:
        await building.driver.remove(order)
    assert "known: image not known" in "\n".join(building.lines)


async def test_a_base_of_an_earlier_build_need_not_be_there_again(building: Building) -> None:
    context = archive("FROM registry.test/known\nRUN echo again\n")
    first = await building.build(context)
    order = building.order(b"")
    digest = json.loads((building.directory / "base" / "manifest.json").read_bytes())["config"]["digest"]
    building.lines = []
    try:
        await building.driver.prepare(order)
        order.archive.write_bytes(context)
        await building.driver.unpack(order, building.tell)
        (name,) = await building.driver.bases(order)
        assert digest in await building.driver.kept(order)
        await building.driver.build(order, [name], building.tell, {name: digest})
        again = Layout.open(order.layout).body
    finally:
        await building.driver.remove(order)

    assert again == first
    assert any("Using cache" in line for line in building.lines)


async def test_a_list_of_images_that_a_build_has_spoiled_is_none(building: Building, tmp_path: Path) -> None:
    order = replace(building.order(b""), cache=tmp_path)
    for driver in ("overlay", "vfs"):
        (tmp_path / f"{driver}-images").mkdir()
    for content in ("[{}]", "7", '[["id"]]', "{", '{"id": 1}'):
        for driver in ("overlay", "vfs"):
            (tmp_path / f"{driver}-images" / "images.json").write_text(content)
        assert await building.driver.kept(order) == frozenset(), content


@pytest.mark.parametrize(
    ("command", "limits", "sentence"),
    [
        ("sleep 99 & sleep 99", (2, 1 << 30, 1 << 30), "The build took longer than 2 seconds."),
        (
            # Each has less than a process may have.
            "for i in 1 2; do (head -c 70000000 /dev/zero; sleep 9) | tail -c 70000000 >/m & done; wait",
            (60, 100 << 20, 1 << 30),
            "The build used more than 104857600 bytes of memory.",
        ),
        (
            "for i in 1 2 3 4; do dd if=/dev/zero of=/$i bs=1M count=60; done; sleep 9",
            (60, 1 << 30, 150 << 20),
            "The build used more than 157286400 bytes of disk.",
        ),
        (
            "--mount=type=tmpfs,target=/m dd if=/dev/zero of=/m/1 bs=1M count=150; sleep 9",
            (60, 100 << 20, 1 << 30),
            "The build used more than 104857600 bytes of memory.",
        ),
        (
            "mkdir /d; cd /d; i=0; while [ $i -lt 20000 ]; do : >$i; i=$((i+1)); done; sleep 9",
            (60, 1 << 30, 64 << 20),
            "The build used more than 67108864 bytes of disk.",
        ),
    ],
    ids=["time", "memory", "disk", "files in memory", "empty files"],
)
async def test_a_build_that_exceeds_a_limit_ends_and_the_next_runs(
    command: str,
    limits: tuple[float, int, int],
    sentence: str,
    building: Building,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without groups, of which not every machine lets this process make some.
    monkeypatch.setattr(sandboxed, "control_groups", lambda *_: contextlib.nullcontext([]))
    with pytest.raises(BuildFailed, match=f"^{sentence}$"):
        await building.build(archive(f"FROM base\nRUN {command}\n"), BuildLimits(*limits))

    assert await building.build(archive("FROM base\nRUN true\n"))


BOMB = "i=0; while [ $i -lt 99 ]; do sleep 9 & i=$((i+1)); done; echo went off; sleep 9"


@pytest.mark.parametrize(
    ("is_root", "sentence"),
    [(False, "The build ended with an error"), (True, "The build ran more than 60 processes")],
    ids=["own ids", "root"],
)
async def test_a_build_has_a_number_of_processes_and_the_next_runs(
    is_root: bool, sentence: str, building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without groups, of which not every machine lets this process make some.
    monkeypatch.setattr(sandboxed, "control_groups", lambda *_: contextlib.nullcontext([]))

    # Servers of other tests may be some.
    before = {(one.pid, one.started) for one in descendants_of(os.getpid())}
    limits = BuildLimits(60, 1 << 30, 1 << 30, processes=60)
    with pytest.raises(BuildFailed, match=f"^{sentence}"):
        await building.build(archive(f"FROM base\nRUN {BOMB}\n"), limits, is_root=is_root)

    assert ("went off" in building.lines) == is_root
    assert await building.build(archive("FROM base\nRUN true\n"), is_root=is_root)
    assert {(one.pid, one.started) for one in descendants_of(os.getpid())} <= before


async def test_a_build_that_is_cancelled_leaves_nothing(building: Building) -> None:
    running = asyncio.create_task(building.build(archive("FROM base\nRUN (setsid sleep 99 &); sleep 99\n")))
    while not any("sleep 99" in line for line in building.lines):  # noqa: ASYNC110 (told by the build)
        await asyncio.sleep(0.05)
    running.cancel()

    # `build` itself finds that no process and no file is left.
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_sandbox_ends_with_the_process_that_started_it(building: Building) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from quayside.builds.sandboxed import Place, Sandbox\n"
        "from resolvers.builds.builder import BuildLimits\n"
        "async def tell(lines): print('running', flush=True)\n"
        "box = Sandbox([Place(Path(sys.argv[1]), '/build')], int(sys.argv[2]),"
        " BuildLimits(60, 1 << 30, 1 << 30), {'PATH': '/usr/bin:/bin'})\n"
        "steps = [{'run': ['sh', '-c', 'echo on; sleep 99'], 'in': '/build'}]\n"
        "asyncio.run(box.run(steps, tell))\n"
    )
    place = building.directory / "alone"
    place.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(place), str(IDS + 65_536)),
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"running\n"
    assert list(processes_of(IDS + 65_536, 65_536))
    process.kill()
    await process.wait()

    async with asyncio.timeout(10):
        while list(processes_of(IDS + 65_536, 65_536)):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        (archive("RUN true\n"), "The Dockerfile has no FROM instruction."),
        (b"\0not an archive", "The context cannot be unpacked."),
        (archive("FROM base\nRUN exit 3\n"), "The build ended with an error; its log says which."),
        (archive("FROM base\n")[:-20], "The context cannot be unpacked."),
    ],
    ids=["no FROM", "no archive", "fails", "cut"],
)
async def test_what_cannot_be_built_is_said(context: bytes, sentence: str, building: Building) -> None:
    with pytest.raises(BuildFailed, match=f"^{sentence}$"):
        await building.build(context)


async def test_links_in_a_context_lead_nowhere(building: Building) -> None:
    order = building.order(b"")
    await building.driver.prepare(order)
    try:
        (order.layout.parent / "context" / "Dockerfile").symlink_to("/etc/passwd")
        with pytest.raises(BuildFailed, match=r"^The context has no Dockerfile at Dockerfile\.$"):
            await building.driver.bases(order)
        (order.directory / "build" / "image").symlink_to("/etc")
        with pytest.raises(BuildFailed, match=r"^The build left no image that can be read\.$"):
            Layout.open(order.layout)
    finally:
        await building.driver.remove(order)


async def test_a_base_is_fetched_to_where_no_step_could_put_a_link(building: Building) -> None:
    order = building.order(b"")
    await building.driver.prepare(order)
    try:
        box = Sandbox([Place(order.layout.parent, "/build")], order.ids, order.limits, {"PATH": PATH})
        links = "rm -rf /build/bases && ln -s /etc /build/bases"
        assert await box.run([{"run": ["sh", "-c", links], "in": "/build"}], building.tell) == 0

        assert order.base(0).parent.resolve() == order.base(0).parent
    finally:
        await building.driver.remove(order)


async def test_no_step_makes_user_namespaces(building: Building, tmp_path: Path) -> None:
    building.lines = []
    limits = building.order(b"").limits
    box = Sandbox([Place(tmp_path, "/build")], IDS + 65_536, limits, {"PATH": PATH})

    status = await box.run([{"run": ["unshare", "--user", "true"], "in": "/"}], building.tell)

    assert (status, building.lines) == (1, ["unshare: unshare failed: No space left on device"])


def test_what_the_machine_has_in_memory_is_not_of_a_build() -> None:
    command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt && echo ready && sleep 9"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            found = [one for one in descendants_of(os.getpid()) if one.pid == process.pid]
            assert files_in_memory(found, most=10_000).bytes == 0
            Path(f"/proc/{process.pid}/root/mnt/file").write_bytes(bytes(1 << 20))
            assert files_in_memory(found, most=10_000).bytes == 1 << 20
        finally:
            process.kill()


def test_files_without_a_name_count_as_memory() -> None:
    me = [found for found in descendants_of(os.getppid()) if found.pid == os.getpid()]
    before = files_in_memory(me, most=10_000)
    descriptor = os.memfd_create("memory")
    try:
        os.write(descriptor, b"x" * (1 << 20))
        after = files_in_memory(me, most=10_000)
        assert files_in_memory(me, most=1).files == 2
    finally:
        os.close(descriptor)

    assert (after.bytes - before.bytes, after.files - before.files) == (1 << 20, 1)

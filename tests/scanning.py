"""Layers as tests make them, and scans of images by the jobs that pushes leave."""

import base64
import gzip
import io
import json
import tarfile
from collections.abc import AsyncIterable, Mapping

from quayside.scan import bill as bills
from quayside.scan.answer import HEADER, Answer, write_found
from quayside.scan.bill import ChildBillReader
from quayside.scan.driver import ChildScanner
from quayside.scan.limits import Limits
from quayside.scan.parsers import collected
from quayside.scan.walk import Walk
from resolvers.job_kinds import KINDS, Run, Tools
from resolvers.manifests.examination import SCAN
from resolvers.sbom.bill import Bill, Bounds, bill
from resolvers.scan import jobs
from resolvers.scan.scanner import LayerContents
from storage.statements import decode_json, execute, fetch
from tests.factories import Factory
from tests.quayside.registry import kit

OPAQUE = ".wh..wh..opq"
RELEASE = {"usr/lib/os-release": b"ID=debian\nVERSION_ID=12\n"}
"""What tells that an image is of Debian 12."""

STATUS = "var/lib/dpkg/status"
"""Where dpkg notes its packages."""


def archive(files: Mapping[str, bytes | str | tarfile.TarInfo], form: int = tarfile.DEFAULT_FORMAT) -> bytes:
    """A tar archive: of files by path, of symbolic links (text), and of entries of any kind."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for path, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(path)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            elif isinstance(content, bytes):
                member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def layer(files: Mapping[str, bytes | str | tarfile.TarInfo]) -> bytes:
    """A layer: the archive compressed by gzip."""
    return gzip.compress(archive(files), mtime=0)


def status(**versions: str) -> bytes:
    """The status file of dpkg with packages in these versions."""
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
        for name, version in versions.items()
    ).encode()


def python_package(name: str, version: str) -> dict[str, bytes]:
    """The file by which a Python package is known."""
    path = f"usr/lib/python3/site-packages/{name}-{version}.dist-info/METADATA"
    return {path: f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()}


class NearScanner(ChildScanner):
    """Reads layers as the child does, and without one: what a test has many small layers for."""

    async def scan(self, content: AsyncIterable[bytes], size_bytes: int) -> LayerContents:
        """Read a layer."""
        assert size_bytes < 1_000_000
        source, output, answer = (
            io.BytesIO(b"".join([piece async for piece in content])),
            io.BytesIO(),
            Answer(),
        )
        walk = Walk(source, Limits(), collected())
        write_found(output, walk.run(), walk.size_bytes)
        output.seek(0)
        while header := output.read(HEADER):
            answer.take(header[:1], output.read(int.from_bytes(header[1:], "big")))
        return answer.contents()


class NearBillReader(ChildBillReader):
    """Reads bills as the child does, and without one."""

    async def read(self, content: bytes, subject: str) -> Bill:
        """Read a bill."""
        return bill(content, subject, Bounds(bills.LIMITS.packages, bills.LIMITS.entries))


def tools(factory: Factory, limits: Limits | None = None, *, is_near: bool = False) -> Tools:
    """What jobs of scans work with."""
    return Tools(
        context=factory.context(),
        scanner=NearScanner() if is_near else ChildScanner(limits),
        bill_reader=NearBillReader() if is_near else ChildBillReader(),
    )


async def work_off(
    factory: Factory, kind: str, limits: Limits | None = None, *, is_near: bool = False
) -> list[str | None]:
    """Do the jobs of a kind that are queued, in their order; what came of them."""
    rows = await fetch("SELECT id, payload FROM job WHERE kind = ? ORDER BY id", kind)
    await execute("DELETE FROM job WHERE kind = ?", kind)
    handler = KINDS[kind].handler
    made = tools(factory, limits, is_near=is_near)
    return [await handler(Run(decode_json(row["payload"]), made)) for row in rows]


async def scan_pushed(
    factory: Factory, limits: Limits | None = None, *, is_near: bool = False
) -> list[str | None]:
    """Do the jobs that pushes left, in their order; what came of them."""
    return await work_off(factory, SCAN, limits, is_near=is_near)


async def attach(factory: Factory, image: str, content: bytes, media_type: str, **annotations: str) -> str:
    """Push a document about an image in `ada/app` as a referrer; the digest of that."""
    await factory.blob("ada/app", kit.EMPTY)
    await factory.blob("ada/app", content)
    subject = await factory.descriptor(image)
    document = kit.artifact_document(
        media_type, layers=[kit.descriptor(content, media_type)], subject=subject, annotations=annotations
    )
    return await factory.manifest("ada/app", document)


def envelope(predicate_type: str, predicate: object, subject: str, *, version: str = "v1") -> bytes:
    """An attestation on a digest in an envelope of DSSE, whose signature is none."""
    statement = {
        "_type": f"https://in-toto.io/Statement/{version}",
        "subject": [{"name": "app", "digest": {"sha256": subject.removeprefix("sha256:")}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    signed = {"payloadType": "application/vnd.in-toto+json", "payload": payload}
    return json.dumps({**signed, "signatures": [{"sig": "AAAA"}]}).encode()


async def scan_others(factory: Factory) -> str | None:
    """Do the job that scans what no push left a job for."""
    return await jobs.scan_others(Run({}, tools(factory)))

"""Contexts of builds, as archives."""

import io
import tarfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
"""A program that needs nothing else, from the package busybox-static."""
BASE = b"""FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
CMD ["/bin/sh"]
"""


def archive(dockerfile: bytes | str, **files: bytes) -> bytes:
    """A compressed tar archive with a Dockerfile and other files."""
    content = dockerfile.encode() if isinstance(dockerfile, str) else dockerfile
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in ({"Dockerfile": content} | files).items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o755
            tar.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def base() -> bytes:
    """The context of an image with a shell."""
    return archive(BASE, busybox=BUSYBOX.read_bytes())

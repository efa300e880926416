"""Fault injection: named points where tests make the process fail, to prove crash safety.

The environment variable ``QUAYSIDE_FAULT=<name>:<kind>`` arms one point for the life of the process. It is
read once, when this module is imported. Without it, `fault` compares one string and returns.
"""

import errno
import os
import signal
from typing import NamedTuple


class FaultPoint(NamedTuple):
    """One fault point: its name, and the state when it is reached."""

    name: str
    meaning: str


FAULT_POINTS: tuple[FaultPoint, ...] = (
    FaultPoint("append.before_write", "A batch of upload bytes was received and none of it is written."),
    FaultPoint("append.after_write", "The batch is written, and the client has not been told."),
    FaultPoint("commit.before_verify", "The upload is locked, and its digest is not yet compared."),
    FaultPoint("commit.before_rename", "The bytes are verified and synced, and the blob is not yet visible."),
    FaultPoint(
        "commit.before_copy_end", "The bytes are verified, and the last of them is not yet in the blob."
    ),
    FaultPoint("commit.after_copy", "The blob is visible, and the objects of its upload are still there."),
    FaultPoint("commit.after_rename", "The blob is visible, and its directory is not yet synced."),
    FaultPoint(
        "upload.before_removal", "The upload is about to be removed: cancelled, refused or a duplicate."
    ),
    FaultPoint("backup.before_blobs", "The database is copied, and none of the blobs that it names."),
    FaultPoint(
        "backup.before_manifest", "Everything is copied, and the manifest is that of the former backup."
    ),
    FaultPoint("restore.before_database", "The blobs are restored, and there is no database."),
    FaultPoint(
        "restore.after_database", "Everything is restored, and the target still marked as unfinished."
    ),
    FaultPoint("push.before_commit", "A push wrote its rows, and its transaction is not yet committed."),
    FaultPoint("collection.after_give_up", "Manifests are given up, and all that they had is still there."),
    FaultPoint(
        "collection.after_take_back", "Rights to blobs are taken back, and the blobs are still there."
    ),
    FaultPoint(
        "collection.before_bytes", "Blobs are marked as being deleted, and their bytes are still there."
    ),
    FaultPoint("quarantine.before_row", "Damaged bytes are set aside, and their row does not say so yet."),
    FaultPoint(
        "notification.before_commit", "Deliveries are noted, and their transaction is not yet committed."
    ),
    FaultPoint("notification.after_send", "A receiver has taken an event, and nothing tells of it yet."),
    FaultPoint(
        "rename.before_commit",
        "A namespace has its new name, and its transaction is not yet committed.",
    ),
    FaultPoint(
        "advisories.before_commit",
        "A batch of advisories is written, and its transaction is not yet committed.",
    ),
    FaultPoint("advisories.after_commit", "A batch of advisories is imported, and the next one is not."),
    FaultPoint("prune.before_commit", "A batch of tags is ended, and its transaction is not yet committed."),
    FaultPoint("prune.after_commit", "A batch of tags is ended, and the next one is not."),
    FaultPoint(
        "scan.before_layer", "What is in a layer is written, and its transaction is not yet committed."
    ),
    FaultPoint(
        "push.after_commit", "The transaction of a push is committed, and the client has not been told."
    ),
)

KINDS: tuple[str, ...] = ("kill", "stop", "error", "enospc")

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def parse_fault(text: str) -> tuple[str, str]:
    """Return ``(name, kind)`` of a ``QUAYSIDE_FAULT`` value; ``("", "")`` for an empty one.

    Raises ValueError for an unknown point or kind: with a misspelt one, a test would pass vacuously.
    """
    if not text:
        return "", ""
    name, _, kind = text.rpartition(":")
    if name not in {point.name for point in FAULT_POINTS}:
        raise ValueError(f"QUAYSIDE_FAULT names an unknown fault point: {name!r}")
    if kind not in KINDS:
        raise ValueError(f"QUAYSIDE_FAULT must end in one of {', '.join(KINDS)}, not {kind!r}")
    return name, kind


_ARMED_NAME, _ARMED_KIND = parse_fault(os.environ.get("QUAYSIDE_FAULT", ""))


def fault(name: str) -> None:
    """Fail if this point is armed: kill the process (SIGKILL), or raise OSError with EIO or ENOSPC.

    Or stop it (SIGSTOP) until it is told to go on.
    """
    if name != _ARMED_NAME:
        return
    if _ARMED_KIND in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[_ARMED_KIND])
        return
    code = errno.ENOSPC if _ARMED_KIND == "enospc" else errno.EIO
    raise OSError(code, f"fault injected at {name}")

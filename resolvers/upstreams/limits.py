"""How much one use of another registry may ask of it, and how long it waits."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLimits:
    """The bounds of one client of a registry.

    tries           how often a request is sent that fails in a way that may pass
    backoff_s       the wait after the first failure; it doubles with each, and a part of it is left to chance
    wait_s          the longest wait before a request is sent again; a registry that wants a longer one is
                    left, and the error says when to come back
    request_s       the time for one request whose answer is short
    blob_s          the time for one blob, all resumptions included
    stall_s         the longest silence within an answer
    at_once         how many requests are under way at the same time
    turn_s          the longest wait to be among them; None to wait until it is one's turn
    manifest_bytes  the longest manifest, or index of referrers
    list_bytes      the longest page of a list of tags
    pages           the most pages of one list
    """

    tries: int = 5
    backoff_s: float = 1.0
    wait_s: float = 60.0
    request_s: float = 30.0
    blob_s: float = 6 * 3600.0
    stall_s: float = 60.0
    at_once: int = 4
    turn_s: float | None = None
    manifest_bytes: int = 4 * MIB
    list_bytes: int = 16 * MIB
    pages: int = 10_000


DEFAULT = RegistryLimits()

PROMPT = RegistryLimits(tries=2, backoff_s=0.2, wait_s=1.0, request_s=10.0, stall_s=20.0, turn_s=10.0)
"""For a client who waits: what takes longer had better be answered from what is stored.

A blob may take its time as long as bytes come.
"""

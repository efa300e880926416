"""Records of advisories for tests."""

from typing import Any

import orjson

from resolvers.advisories import imports, osv

SCORE_9_8 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
SCORE_7_5 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
SCORE_9_3 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


def record(identity: str = "TEST-1", **changes: Any) -> dict[str, Any]:
    """A record, with changes; None takes a field away."""
    made: dict[str, Any] = {
        "schema_version": "1.6.0",
        "id": identity,
        "modified": "2026-01-02T03:04:05Z",
        "published": "2026-01-01T00:00:00Z",
        "aliases": [f"CVE-{identity}"],
        "summary": "A flaw.",
        "details": "It is bad.",
        "severity": [{"type": "CVSS_V3", "score": SCORE_9_8}],
        "references": [{"type": "WEB", "url": "https://example.com/flaw"}],
        "affected": [concerned()],
    } | changes
    return {field: value for field, value in made.items() if value is not None}


def concerned(
    ecosystem: str = "Debian:12", name: str = "libflaw", *events: tuple[str, str], **more: Any
) -> dict[str, Any]:
    """One package that a record concerns, by default all its versions before 1.2-3."""
    listed = events or (("introduced", "0"), ("fixed", "1.2-3"))
    ranges = [{"type": "ECOSYSTEM", "events": [{kind: version} for kind, version in listed]}]
    return {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges} | more


def stream(*records: dict[str, Any]) -> bytes:
    """Records as lines."""
    return b"".join(orjson.dumps(one) + b"\n" for one in records)


async def write(*records: dict[str, Any]) -> None:
    """Import records, without noting that for anybody."""
    await imports.write([osv.parse(osv.outline(orjson.dumps(one))) for one in records])

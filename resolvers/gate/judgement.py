"""Judgements on pulls: what the policies that hold in a repository say of one of its manifests.

The registry and `explainPull` both ask `judgement_on`, so that they cannot disagree. An index passes, and so
does what is about an image, such as its signature; the image of an index is judged when it is pulled itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from resolvers.advisories.severity import SEVERITIES, Severity
from resolvers.advisories.vulnerability import aliases_of
from resolvers.gate.policy import EXCEPTION_COLUMNS, POLICIES, ExceptionRecord, PolicyRecord, PullMode
from resolvers.manifests.content import IMAGE_CONFIG_MEDIA_TYPES
from resolvers.scan.packages import DOWNWARDS, IS_JOINED, IS_SHOWN
from resolvers.scan.state import ScanState
from storage.clock import now_ms
from storage.statements import Row, fetch, fetch_one, placeholders

SHOWN: Final = 20
"""Advisories that a ruling names, the worst first."""


class PullOutcome(StrEnum):
    """What comes of a pull, the best first."""

    ALLOWED = "allowed"
    NOTED = "noted"
    WARNED = "warned"
    REFUSED = "refused"


_OUTCOMES: Final = {
    PullMode.AUDIT: PullOutcome.NOTED,
    PullMode.WARN: PullOutcome.WARNED,
    PullMode.ENFORCE: PullOutcome.REFUSED,
}
_STATES: Final = {
    ScanState.QUEUED: "not scanned yet",
    ScanState.UNSUPPORTED: "none that can be scanned",
    ScanState.FAILED: "one whose scan failed",
    ScanState.LAYER_TOO_LARGE: "too large to be scanned",
}


@dataclass(frozen=True, slots=True)
class Pulled:
    """A manifest that is pulled. `state` is None for what policies do not judge."""

    manifest_id: int
    state: ScanState | None


@dataclass(frozen=True, slots=True)
class Finding:
    """An advisory that a policy is about, with the worst severity in a package of the image."""

    name: str
    severity: Severity
    is_fixable: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one policy says of a manifest.

    `lacks_scan`: it is not scanned, and would have to be. `count` is the number of advisories for which it
    is not allowed, of which `findings` has the worst. `exceptions` are those without which there were more.
    """

    policy: PolicyRecord
    state: ScanState | None
    lacks_scan: bool = False
    count: int = 0
    findings: tuple[Finding, ...] = ()
    exceptions: tuple[ExceptionRecord, ...] = ()

    @property
    def outcome(self) -> PullOutcome:
        """What it makes of the pull."""
        is_violated = self.lacks_scan or self.count > 0
        return _OUTCOMES[self.policy.mode] if is_violated else PullOutcome.ALLOWED

    def sentence(self, path: str) -> str:
        """Why it does not allow the pull from the repository at `path`."""
        owner = path if self.policy.repository_id is not None else path.partition("/")[0]
        if self.lacks_scan and self.state is not None:
            return f"the pull policy of {owner} wants scanned images, and this is {_STATES[self.state]}"
        first = self.findings[0]
        more = f" and {self.count - 1} more" if self.count > 1 else ""
        least = self.policy.minimum
        return f"the pull policy of {owner} is against {least.value} or worse: {first.name}{more}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all policies say of a manifest, and when that may change by itself."""

    rulings: tuple[Ruling, ...] = field(default=())
    until_ms: int | None = None

    @property
    def worst(self) -> Ruling | None:
        """The first ruling with the worst outcome; None if all allow the pull."""
        against = [one for one in self.rulings if one.outcome is not PullOutcome.ALLOWED]
        order = list(PullOutcome)
        return max(against, key=lambda one: order.index(one.outcome), default=None)

    @property
    def outcome(self) -> PullOutcome:
        """What comes of the pull."""
        return self.worst.outcome if self.worst else PullOutcome.ALLOWED


async def judgement_on(manifest_id: int, *, namespace_id: int, repository_id: int) -> Judgement:
    """What the policies that hold in a repository say of one of its manifests; at most five statements."""
    policies = await POLICIES.holding_in(namespace_id=namespace_id, repository_id=repository_id)
    policies.sort(key=lambda one: one.repository_id is not None)
    return await judge(policies, await _pulled(manifest_id)) if policies else Judgement()


async def _pulled(manifest_id: int) -> Pulled:
    row = await fetch_one(
        "SELECT m.is_index, m.config_media_type, m.subject_digest, m.artifact_kind, s.state FROM manifest m"
        " LEFT JOIN manifest_scan s ON s.manifest_id = m.id WHERE m.id = ?",
        manifest_id,
    )
    if row is None or row["is_index"]:
        return Pulled(manifest_id, None)
    is_image = row["config_media_type"] in IMAGE_CONFIG_MEDIA_TYPES
    if not is_image and (row["subject_digest"] is not None or row["artifact_kind"] is not None):
        return Pulled(manifest_id, None)
    if row["state"] is not None:
        return Pulled(manifest_id, ScanState(row["state"]))
    return Pulled(manifest_id, ScanState.QUEUED if is_image else ScanState.UNSUPPORTED)


async def judge(policies: Sequence[PolicyRecord], image: Pulled) -> Judgement:
    """What policies say of a manifest; at most three statements, none unless it is scanned."""
    if image.state is not ScanState.SCANNED:
        is_judged = image.state is not None
        return Judgement(
            tuple(Ruling(one, image.state, lacks_scan=is_judged and one.requires_scan) for one in policies)
        )
    rows = await _concerning(image.manifest_id, max(one.severity for one in policies))
    exceptions = await _exceptions([one.id for one in policies]) if rows else []
    names = await aliases_of([row["advisory_id"] for row in rows]) if exceptions else {}
    rulings = tuple(
        _rule(one, rows, names, [item for item in exceptions if item.policy_id == one.id]) for one in policies
    )
    ends = [item.ends_at_ms for ruling in rulings for item in ruling.exceptions]
    return Judgement(rulings, min(ends, default=None))


async def _concerning(manifest_id: int, severity: int) -> list[Row]:
    """The advisories about packages of an image: the worst severity of each, and the worst that is fixed."""
    return await fetch(
        "SELECT v.advisory_id, a.osv_id, MIN(v.severity) AS worst,"
        " MIN(CASE WHEN v.fixed_version IS NOT NULL THEN v.severity END) AS worst_fixed"
        f" FROM {DOWNWARDS} CROSS JOIN vulnerability v CROSS JOIN advisory a"
        f" WHERE b.manifest_id = ? AND {IS_JOINED}"
        f" AND v.package_id = fp.package_id AND a.id = v.advisory_id AND v.severity <= ? AND {IS_SHOWN}"
        " GROUP BY v.advisory_id, a.osv_id ORDER BY worst, a.osv_id",
        manifest_id,
        severity,
    )


async def _exceptions(policy_ids: Sequence[int]) -> list[ExceptionRecord]:
    rows = await fetch(
        f"SELECT {EXCEPTION_COLUMNS} FROM pull_exception e"
        f" WHERE e.policy_id IN ({placeholders(policy_ids)}) AND e.ends_at_ms > ? ORDER BY e.id",
        *policy_ids,
        now_ms(),
    )
    return [EXCEPTION_COLUMNS.record(row) for row in rows]


def _rule(
    policy: PolicyRecord,
    rows: Iterable[Row],
    names: Mapping[int, Sequence[str]],
    exceptions: Sequence[ExceptionRecord],
) -> Ruling:
    overlooked = {item.advisory.upper(): item for item in exceptions}
    findings: list[Finding] = []
    applied: dict[int, ExceptionRecord] = {}
    for row in rows:
        severity = row["worst_fixed"] if policy.allows_unfixed else row["worst"]
        if severity is None or severity > policy.severity:
            continue
        own = [row["osv_id"], *names.get(row["advisory_id"], ())] if overlooked else []
        exception = next((overlooked[name.upper()] for name in own if name.upper() in overlooked), None)
        if exception is not None:
            applied[exception.id] = exception
        else:
            is_fixable = row["worst_fixed"] is not None
            findings.append(Finding(row["osv_id"], SEVERITIES[severity], is_fixable))
    findings.sort(key=lambda one: one.severity.number)
    return Ruling(
        policy,
        ScanState.SCANNED,
        count=len(findings),
        findings=tuple(findings[:SHOWN]),
        exceptions=tuple(applied.values()),
    )

"""Events that notifications tell of: one table for what feeds them, what is asked of them, what they say.

A row names the kinds of the event log that feed it (`resolvers.event_kinds`). Whoever fires a kind makes its
notifications work; nothing here needs to change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final

from resolvers import byte_size
from resolvers.advisories.severity import SEVERITIES
from resolvers.errors import Invalid
from resolvers.patterns import compile_pattern, search_of

Facts = dict[str, Any]
"""Metadata of an event of the log, or what a payload says beside the place."""

FIELD: Final = "eventConfig"
MAXIMUM_DAYS: Final = 36_500


class NotificationEvent(StrEnum):
    """The events; the last two are of namespaces, all others of repositories."""

    REPO_PUSH = "repo_push"
    BUILD_QUEUED = "build_queued"
    BUILD_START = "build_start"
    BUILD_SUCCESS = "build_success"
    BUILD_FAILURE = "build_failure"
    BUILD_CANCELLED = "build_cancelled"
    VULNERABILITY_FOUND = "vulnerability_found"
    REPO_MIRROR_SYNC_STARTED = "repo_mirror_sync_started"
    REPO_MIRROR_SYNC_SUCCESS = "repo_mirror_sync_success"
    REPO_MIRROR_SYNC_FAILED = "repo_mirror_sync_failed"
    REPO_IMAGE_EXPIRY = "repo_image_expiry"
    QUOTA_WARNING = "quota_warning"
    QUOTA_ERROR = "quota_error"


class Tone(StrEnum):
    """How good or bad the news is, as chat services colour it."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class EventConfig:
    """What a notification may ask of an event: `check` judges it, `wants` compares it with metadata.

    `check` raises `Invalid`; what it does not know it leaves alone, as clients send more than they need.
    """

    sentence: str
    check: Callable[[Facts], None]
    wants: Callable[[Facts, Facts], bool]


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event.

    `sources` are the kinds of the event log. `facts` makes of their metadata what the payload says beside the
    place; `sample` is that for a test. `summary` is a sentence with keys of the payload in braces, and
    `subpage` the page below the home page of the repository.
    """

    event: NotificationEvent
    sentence: str
    sources: tuple[str, ...]
    facts: Callable[[Facts], Facts]
    sample: Facts
    summary: str
    tone: Tone = Tone.INFO
    config: EventConfig | None = None
    is_of_namespace: bool = False
    subpage: str = ""
    feature: str | None = None
    """The feature without which it cannot be chosen."""

    def check(self, config: Facts) -> None:
        """Raise `Invalid` for a configuration that the event cannot have."""
        if self.config is not None:
            self.config.check(config)

    def wants(self, config: Facts, metadata: Facts) -> bool:
        """Whether a notification with this configuration is told of an event with this metadata."""
        return self.config is None or self.config.wants(config, metadata)


REF_REGEX: Final = "ref-regex"


def _check_ref(config: Facts) -> None:
    pattern = config.get(REF_REGEX)
    if pattern is not None and not isinstance(pattern, str):
        raise Invalid(f"{FIELD}: {REF_REGEX} must be a text.", field=FIELD)
    if pattern:
        compile_pattern(pattern, field=FIELD)


def _wants_ref(config: Facts, metadata: Facts) -> bool:
    """Whether the whole of the ref fits from its start, as with other servers of this API."""
    pattern = config.get(REF_REGEX)
    if not pattern:
        return True
    ref = (metadata.get("trigger_metadata") or {}).get("ref")
    return isinstance(ref, str) and bool(search_of(f"^(?:{pattern})")(ref))


def severity(value: Any) -> int | None:
    """The number of a severity that is written as a number, its digit, or its name; None if it is none."""
    text = str(value).strip().lower()
    names = [name.lower() for name in SEVERITIES]
    if text in names:
        return names.index(text)
    return int(text) if text in {str(number) for number in range(len(names))} else None


def _check_level(config: Facts) -> None:
    if "level" in config and severity(config["level"]) is None:
        offered = ", ".join(f"{number} ({name})" for number, name in enumerate(SEVERITIES))
        raise Invalid(f"{FIELD}: level must be one of {offered}.", field=FIELD)


def _wants_level(config: Facts, metadata: Facts) -> bool:
    found = severity((metadata.get("vulnerability") or {}).get("priority"))
    wanted = severity(config.get("level", len(SEVERITIES) - 1))
    return found is not None and wanted is not None and found <= wanted


def days_of(config: Facts) -> int | None:
    """The number of days of a notification about expirations; None if it is none."""
    value = config.get("days")
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text) if 1 <= int(text) <= MAXIMUM_DAYS else None


def _check_days(config: Facts) -> None:
    if days_of(config) is None:
        raise Invalid(f"{FIELD}: days must be a whole number from 1 to {MAXIMUM_DAYS}.", field=FIELD)


_BY_REF = EventConfig(
    f"`{REF_REGEX}`: only builds of a ref that a regular expression fits from its start",
    _check_ref,
    _wants_ref,
)
_BY_LEVEL = EventConfig(
    "`level`: only vulnerabilities of this severity or worse, from 0 (Critical) to 5 (Unknown)",
    _check_level,
    _wants_level,
)
_BY_DAYS = EventConfig(
    "`days`: how many days before the expiration", _check_days, lambda config, metadata: True
)


def _some(names: str, metadata: Facts) -> Facts:
    return {name: metadata[name] for name in names.split() if name in metadata}


def _push(metadata: Facts) -> Facts:
    return {"updated_tags": [metadata["tag"]], "tags": [metadata["tag"]]} | {
        "digest": metadata.get("manifest_digest"),
        "media_type": metadata.get("mediaType"),
    }


def _quota(metadata: Facts) -> Facts:
    return _some("threshold_percent usage_bytes limit_bytes usage_percent", metadata) | {
        "usage_formatted": byte_size.display(metadata["usage_bytes"]),
        "limit_formatted": byte_size.display(metadata["limit_bytes"]),
    }


def _expiry(metadata: Facts) -> Facts:
    days = metadata["days"]
    return {"tags": metadata["tags"], "expiring_in": f"{days} day{'' if days == 1 else 's'}"} | _some(
        "expirations", metadata
    )


_BUILD: Final = "build_id build_name docker_tags trigger_id trigger_kind trigger_metadata"
_BUILD_ID: Final = "00000000-0000-4000-8000-000000000000"
_TRIGGER: Final[Facts] = {
    "trigger_id": "00000000-0000-4000-8000-000000000001",
    "trigger_kind": "github",
    "trigger_metadata": {
        "default_branch": "main",
        "ref": "refs/heads/sample",
        "commit": "0" * 40,
        "commit_info": {
            "url": "https://git.example.com/acme/app/commit/" + "0" * 40,
            "message": "A sample of a commit",
            "date": "2026-01-31T12:00:00Z",
            "author": {"username": "sample", "url": "https://git.example.com/sample"},
        },
    },
}
_DIGEST: Final = "sha256:" + "0" * 64
_SAMPLE_QUOTA: Final = {
    "threshold_percent": 80,
    "usage_bytes": 8_589_934_592,
    "limit_bytes": 10_737_418_240,
    "usage_percent": 80,
}


def _build(
    event: NotificationEvent, done: str, more: str = "", tone: Tone = Tone.INFO, **sample: Any
) -> EventRow:
    """The row of an event of builds: `more` are keys of its payload beside those of all builds."""
    return EventRow(
        event=event,
        sentence=f"A build {done}.",
        sources=(event.value,),
        facts=partial(_some, f"{_BUILD} {more}"),
        sample={"build_id": _BUILD_ID, "docker_tags": ["latest", "foo"]} | _TRIGGER | sample,
        summary=f"A build of {{repository}} {done}",
        tone=tone,
        config=_BY_REF,
        subpage="/build/{build_id}",
    )


def _mirror(event: NotificationEvent, done: str, tone: Tone) -> EventRow:
    return EventRow(
        event=event,
        sentence=f"The synchronisation of a mirror {done}.",
        sources=(event.value,),
        facts=partial(_some, "message"),
        sample={"message": "TEST NOTIFICATION"},
        summary=f"The synchronisation of {{repository}} {done}: {{message}}",
        tone=tone,
        feature="REPO_MIRROR",
    )


def _filling(event: NotificationEvent, sentence: str, summary: str, tone: Tone, percent: int) -> EventRow:
    return EventRow(
        event=event,
        sentence=sentence,
        sources=(event.value,),
        facts=_quota,
        sample=_quota(_SAMPLE_QUOTA | {"threshold_percent": percent}),
        summary=summary,
        tone=tone,
        is_of_namespace=True,
        feature="QUOTA_NOTIFICATIONS",
    )


_ROWS: Final = (
    EventRow(
        event=NotificationEvent.REPO_PUSH,
        sentence="A tag was pushed.",
        sources=("push_repo",),
        facts=_push,
        sample={
            "updated_tags": ["latest", "foo"],
            "pruned_image_count": 3,
            "tags": ["latest", "foo"],
            "digest": _DIGEST,
            "media_type": "application/vnd.oci.image.manifest.v1+json",
        },
        summary="{repository} was pushed to: {updated_tags}",
    ),
    _build(NotificationEvent.BUILD_QUEUED, "was queued", "is_manual", is_manual=False),
    _build(NotificationEvent.BUILD_START, "started", build_name="sample build"),
    _build(
        NotificationEvent.BUILD_SUCCESS,
        "succeeded",
        "image_id manifest_digests",
        Tone.SUCCESS,
        build_name="sample build",
        image_id="0123456789",
        manifest_digests=[_DIGEST],
    ),
    _build(
        NotificationEvent.BUILD_FAILURE,
        "failed",
        "error_message",
        Tone.ERROR,
        build_name="sample build",
        error_message="A sample of an error.",
    ),
    _build(
        NotificationEvent.BUILD_CANCELLED,
        "was cancelled",
        "image_id",
        Tone.WARNING,
        build_name="sample build",
        image_id="0123456789",
    ),
    EventRow(
        event=NotificationEvent.VULNERABILITY_FOUND,
        sentence="A new advisory tells of a vulnerability in an image.",
        sources=("vulnerability_found",),
        facts=partial(_some, "tags vulnerability vulnerable_index_report_created digest"),
        sample={
            "tags": ["latest", "foo"],
            "digest": _DIGEST,
            "vulnerability": {
                "id": "CVE-0000-0000",
                "description": "A sample of a vulnerability.",
                "link": "https://cve.example.com/CVE-0000-0000",
                "priority": "Critical",
                "has_fix": True,
            },
        },
        summary="{vulnerability[priority]} vulnerability {vulnerability[id]} in {repository}: {tags}",
        tone=Tone.WARNING,
        config=_BY_LEVEL,
        subpage="?tab=tags",
    ),
    _mirror(NotificationEvent.REPO_MIRROR_SYNC_STARTED, "started", Tone.INFO),
    _mirror(NotificationEvent.REPO_MIRROR_SYNC_SUCCESS, "succeeded", Tone.SUCCESS),
    _mirror(NotificationEvent.REPO_MIRROR_SYNC_FAILED, "failed", Tone.ERROR),
    EventRow(
        event=NotificationEvent.REPO_IMAGE_EXPIRY,
        sentence="A tag expires soon.",
        # A job finds them: see `resolvers.retention.expiry_notice`.
        sources=(),
        facts=_expiry,
        sample={"tags": ["latest", "v1"], "expiring_in": "7 days"},
        summary="Tags of {repository} expire in {expiring_in}: {tags}",
        tone=Tone.WARNING,
        config=_BY_DAYS,
        feature="IMAGE_EXPIRY_TRIGGER",
    ),
    _filling(
        NotificationEvent.QUOTA_WARNING,
        "The namespace reached a Warning limit of its quota.",
        "{namespace} stores {usage_formatted} of {limit_formatted}, more than {threshold_percent}%",
        Tone.WARNING,
        80,
    ),
    _filling(
        NotificationEvent.QUOTA_ERROR,
        "The namespace reached a Reject limit of its quota.",
        "{namespace} stores {usage_formatted} of {limit_formatted}, and pushes that need more are refused",
        Tone.ERROR,
        100,
    ),
)

EVENTS: Final[Mapping[NotificationEvent, EventRow]] = {row.event: row for row in _ROWS}
"""All events by name."""

BY_SOURCE: Final[Mapping[str, EventRow]] = {source: row for row in _ROWS for source in row.sources}
"""The event that a kind of the event log feeds."""


def is_told(kind: str, metadata: Facts) -> bool:
    """Whether an event of the log feeds a notification: only a push by a tag does, not one by digest."""
    return kind in BY_SOURCE and (kind != "push_repo" or metadata.get("tag") is not None)

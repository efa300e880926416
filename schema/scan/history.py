"""How bad the vulnerabilities of repositories and namespaces were, day by day, for charts."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE
from resolvers.access.permissions import administers_own
from resolvers.access.roles import TeamRole
from resolvers.accounts.account import AccountRecord
from resolvers.manifests.examination import is_on
from resolvers.repositories.activity import DAY_MS, check_days
from resolvers.repositories.repository import RepositoryRecord
from resolvers.scan.figures import Figures
from resolvers.scan.history import MOST_COUNTED, SeverityDay, up_to_now
from schema.context import Info
from schema.scalars import to_datetime
from schema.scan.advisory import VulnerabilityCount, to_vulnerability_counts
from schema.scan.scan import ScanCount
from schema.scan.severity import Severity

HISTORY = (
    "How bad the vulnerabilities of {} are: the last days, at most 365, newest first, from the first day that"
    " is known. A day without a count has that of the day before it. Null without the feature"
    " SECURITY_SCANNER."
)
WEIGHED = 50
"""Rows as which a history counts, since that of today is counted when it is asked for."""


@strawberry.type(description="How many scanned images have a severity as their worst.")
class WorstCount:
    severity: Severity | None = strawberry.field(
        description="The severity; null for images without vulnerabilities."
    )
    count: int = strawberry.field(description="How many images that is the worst of.")


@strawberry.type(
    description="What was known on a day of the images that had a tag, by the last of the counts taken every"
    f" six hours; of today, what is known now, where there are at most {MOST_COUNTED:,} tags to look at. An"
    " index counts by its images."
)
class VulnerabilityDay:
    record: strawberry.Private[SeverityDay]

    @strawberry.field(description="The beginning of the day, in UTC.")
    def starts_at(self) -> datetime:
        return to_datetime(self.record.day * DAY_MS)

    @strawberry.field(description="When that was counted.")
    def counted_at(self) -> datetime:
        return to_datetime(self.record.counted_at_ms)

    @strawberry.field(description="How many images there were, whether scanned or not.")
    def image_count(self) -> int:
        return sum(self.record.figures.states.values())

    @strawberry.field(description="How many of them were in which state, at most one entry for each state.")
    def scans(self) -> list[ScanCount]:
        return [ScanCount(state=state, count=count) for state, count in self.record.figures.states.items()]

    @strawberry.field(
        description="How many advisories concerned scanned images, each counted once, without those that"
        " documents of VEX suppress; null if none of the images was scanned."
    )
    def count(self) -> int | None:
        figures = self.record.figures
        return sum(one.count for one in figures.advisories) if figures.is_known else None

    @strawberry.field(
        description="How many of them other versions fix in all of the images; null if none was scanned."
    )
    def fixable_count(self) -> int | None:
        figures = self.record.figures
        return sum(one.fixable for one in figures.advisories) if figures.is_known else None

    @strawberry.field(
        description="Advisories by the worst severity that they have in an image, the worst first, at most"
        " one entry for each that there is; null if none of the images was scanned."
    )
    def severities(self) -> list[VulnerabilityCount] | None:
        figures = self.record.figures
        return to_vulnerability_counts(figures.advisories) if figures.is_known else None

    @strawberry.field(
        description="Scanned images by the worst severity in them, the worst first, at most one entry for"
        " each that there is."
    )
    def images(self) -> list[WorstCount]:
        return [WorstCount(severity=one, count=count) for one, count in self.record.figures.worst.items()]


async def history_of_namespace(info: Info, record: AccountRecord, days: int) -> list[VulnerabilityDay] | None:
    """The history of all repositories of a namespace together, for those who may see all of them.

    None without SECURITY_SCANNER. Raises `Unauthenticated`, `Forbidden`, and `BadRequest`.
    """
    check_days(days)
    context, loaders = info.context.context, info.context.loaders
    viewer = context.viewer
    if not (viewer.sees_site or administers_own(viewer, record.id)) and (
        await loaders.namespace_roles.load(record.id) is not TeamRole.ADMIN
    ):
        raise viewer.refusal(ADMINISTER_OWN_NAMESPACE)
    if not is_on(context.site):
        return None
    found = await loaders.namespace_severities.load((record.id, days))
    return _to_days(found, await loaders.namespace_severities_now.load(record.id))


async def history_of_repository(
    info: Info, record: RepositoryRecord, days: int
) -> list[VulnerabilityDay] | None:
    """The history of a repository that the viewer may see. None without SECURITY_SCANNER.

    Raises `BadRequest`.
    """
    check_days(days)
    if not is_on(info.context.context.site):
        return None
    loaders = info.context.loaders
    found = await loaders.repository_severities.load((record.id, days))
    return _to_days(found, await loaders.repository_severities_now.load(record.id))


def _to_days(history: Sequence[SeverityDay], now: Figures | None) -> list[VulnerabilityDay]:
    return [VulnerabilityDay(record=one) for one in up_to_now(history, now)]

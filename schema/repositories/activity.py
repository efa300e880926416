"""Activity: counts of pulls and pushes."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.repositories.activity import DAY_MS, ActorKind, Counts, DayRecord, PullsRecord
from schema.scalars import optional_datetime, to_datetime

strawberry.enum(
    ActorKind,
    name="ActorKind",
    description="Who pulls or pushes: a user by password, a robot, a token that stands for a user, or nobody"
    " known.",
)

MAX_INT = 2**31 - 1
"""The largest GraphQL Int; larger counts are capped."""

Days = Annotated[
    int,
    strawberry.argument(
        description="How many days to return, today the first of them, 1 to 365; 30 if not given."
    ),
]


@strawberry.interface(description="What was counted.")
class ActivityCounts:
    counts: strawberry.Private[Counts]

    @strawberry.field(description="How many manifests were pulled; an index and its images count each.")
    def pulls(self) -> int:
        return self.counts.pulls

    @strawberry.field(description="How often somebody asked whether a manifest is there or has changed.")
    def checks(self) -> int:
        return self.counts.checks

    @strawberry.field(description="How many manifests were pushed.")
    def pushes(self) -> int:
        return self.counts.pushes


@strawberry.type(description="What actors of one kind did on a day.")
class ActorActivity(ActivityCounts):
    actor_kind: ActorKind = strawberry.field(description="Who did it.")


@strawberry.type(description="What was done on one day.")
class ActivityDay(ActivityCounts):
    record: strawberry.Private[DayRecord]

    @strawberry.field(description="The beginning of the day, in UTC.")
    def starts_at(self) -> datetime:
        return to_datetime(self.record.day * DAY_MS)

    @strawberry.field(
        description="The same by the kind of actor: every kind, at most four, also those that did nothing."
    )
    def by_actor(self) -> list[ActorActivity]:
        found = self.record.by_actor
        return [ActorActivity(counts=found.get(kind, Counts()), actor_kind=kind) for kind in ActorKind]


def to_day(record: DayRecord) -> ActivityDay:
    """A day as a GraphQL value."""
    return ActivityDay(counts=record.total, record=record)


@strawberry.type(description="How often something was pulled. Counts appear about a second after the pull.")
class Pulls:
    record: strawberry.Private[PullsRecord]

    @strawberry.field(description="How often, counted up to 2,147,483,647.")
    def count(self) -> int:
        return min(self.record.pulls, MAX_INT)

    @strawberry.field(description="When last; null for never.")
    def last_pulled_at(self) -> datetime | None:
        return optional_datetime(self.record.last_pulled_at_ms)

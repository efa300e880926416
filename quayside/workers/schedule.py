"""What is to be done again and again: one row for each kind of recurring job."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recurring:
    """A job to enqueue every so many seconds, and a sentence on what it does."""

    kind: str
    every_s: int
    description: str


SCHEDULE: tuple[Recurring, ...] = (
    Recurring("upload.expire", 3600, "Removes uploads that nobody has continued for two days."),
    Recurring("job.forget", 86_400, "Removes the records of jobs that were done a week ago."),
)

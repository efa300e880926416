"""What is to be done again and again: one row for each kind of recurring job."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recurring:
    """A job to enqueue every so many seconds, and a sentence on what it does."""

    kind: str
    every_s: int
    description: str


SCHEDULE: tuple[Recurring, ...] = (
    Recurring("audit.roll_up", 60, "Counts the entries of the audit log by day and kind."),
    Recurring("audit.prune", 3600, "Removes what the setting LOG_RETENTION does not keep."),
    Recurring("sign_in.forget", 3600, "Removes sessions, codes sent by mail and failures that are over."),
    Recurring("upload.expire", 3600, "Removes uploads that nobody has continued for two days."),
    Recurring("activity.prune", 86_400, "Removes counts of pulls that nothing shows any more."),
    Recurring("popularity.update", 3600, "Notes what is pulled most, which searches look at first."),
    # Windows are days long, and a run reads every manifest and walks all bytes.
    Recurring("content.collect", 86_400, "Removes manifests and blobs that nothing keeps any more."),
    Recurring("mail.forget", 86_400, "Removes mails that were written a month ago."),
    Recurring("job.forget", 86_400, "Removes the records of jobs that were done a week ago."),
)

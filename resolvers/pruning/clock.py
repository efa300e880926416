"""The time that auto-prune judges ages by: that of the clock, unless the clock has just jumped ahead.

A clock that is wrong by years would make every tag too old. The hourly schedule notes the time, and so does
`quayside prune`, which may be all that runs. Where the clock is suddenly more than a day ahead of that note,
time goes on from the note instead, at its usual pace, until the clock has been right by itself for a day;
then it is believed. That is time to see it and to put it right. A registry that was switched off for long
waits for that day as well. A clock that goes back only makes tags younger.
"""

import logging
from dataclasses import asdict, dataclass

import orjson

from storage.clock import DAY_MS, HOUR_MS, now_ms
from storage.site_settings import set_site_setting, site_setting

logger = logging.getLogger("quayside.pruning")

SETTING = "prune_clock"
LONGEST_GAP_MS = DAY_MS + HOUR_MS
"""A clock further ahead of the last note is not believed. What runs daily may be late."""
LONGEST_DOUBTED_GAP_MS = 8 * DAY_MS
"""The same while it is not believed: a weekly note is enough to see that it has been right since."""
DOUBT_MS = DAY_MS
"""How long it is not believed."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the schedule noted of the clock at `noted_at_ms`, by itself.

    While the clock is doubted, `doubted_since_ms` is when that began, by the clock, and `believed_ms` the
    time that it was taken to be then.
    """

    noted_at_ms: int
    doubted_since_ms: int | None = None
    believed_ms: int | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether ages are judged by another time than that of the clock."""
        return self.doubted_since_ms is not None and self.believed_ms is not None

    @property
    def judged_ms(self) -> int:
        """The time that ages are judged by at the time of the note."""
        if self.doubted_since_ms is None or self.believed_ms is None:
            return self.noted_at_ms
        return self.believed_ms + self.noted_at_ms - self.doubted_since_ms


def following(last: Note | None, now: int) -> Note:
    """What to note now, given the last note."""
    if last is None:
        return Note(now)
    if now - last.noted_at_ms > (LONGEST_DOUBTED_GAP_MS if last.is_doubted else LONGEST_GAP_MS):
        return Note(now, doubted_since_ms=now, believed_ms=last.judged_ms)
    if last.doubted_since_ms is None or last.believed_ms is None:
        return Note(now)
    if now < last.doubted_since_ms:
        # It was put back, maybe to where it should have been all the time.
        return following(Note(last.believed_ms), now)
    if now - last.doubted_since_ms >= DOUBT_MS:
        return Note(now)
    return Note(now, last.doubted_since_ms, last.believed_ms)


async def judged_now() -> int:
    """The time to judge ages by, in milliseconds."""
    return (await current()).judged_ms


async def current() -> Note:
    """What would be noted now."""
    return following(await _noted(), now_ms())


async def note() -> Note:
    """Note the time; the schedule does it every hour."""
    last = await _noted()
    made = following(last, now_ms())
    if made.doubted_since_ms == made.noted_at_ms and last is not None:
        logger.warning(
            "the clock has jumped ahead; auto-prune does not believe it for a day",
            extra={"noted_at_ms": last.noted_at_ms, "now_ms": made.noted_at_ms},
        )
    await set_site_setting(SETTING, orjson.dumps(asdict(made)).decode())
    return made


async def _noted() -> Note | None:
    text = await site_setting(SETTING)
    return None if text is None else Note(**orjson.loads(text))

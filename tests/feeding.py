"""Reading the event log for notifications to its end."""

import asyncio

from quayside.workers.runner import Runner
from resolvers.context import Context
from resolvers.notifications.feed import CURSOR, feed
from storage.events import has_unreadable
from storage.site_settings import site_setting


async def feed_all(context: Context) -> int:
    """Note the deliveries of all events, also of those that an older transaction of the server holds back.

    Returns how many steps had another one after them.
    """
    number = 0
    while (goes_on := await feed(context)) or await _is_held_back():
        number += goes_on
    return number


async def settle(runner: Runner) -> None:
    """Let the runner work until nothing is due, and no event is held back by an older transaction."""
    while await step(runner) or await _is_held_back():
        pass


async def step(runner: Runner) -> bool:
    """Let the runner do what is due; whether anything was."""
    fed = await runner.feed_due()
    started = await runner.start_due()
    await runner.wind_down()
    return fed or started


async def _is_held_back() -> bool:
    """Whether events wait for the end of an older transaction, which another database may have open."""
    position = await site_setting(CURSOR)
    if position is None:
        return False
    transaction_id, _, identity = position.partition(":")
    held_back = await has_unreadable((int(transaction_id), int(identity)))
    if held_back:
        await asyncio.sleep(0.02)
    return held_back

"""Reacts to the signal that stops the server while requests are still served.

An event stream does not end by itself, and uvicorn waits for running requests before it ends the application.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(callback: Callable[[], None]) -> Iterator[None]:
    """Call back in the event loop on SIGINT or SIGTERM, before the server's own handler.

    Does nothing where no Python handler is installed, such as in tests.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    handlers = {number: handler for number, handler in before.items() if callable(handler)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        handlers[signal.Signals(number)](number, frame)

    for number, handler in handlers.items():
        if handler is not signal.default_int_handler:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)

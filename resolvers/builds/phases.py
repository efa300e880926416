"""Phases of a build: where it is between the order and the end."""

from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where a build is. The names are those of the REST API."""

    WAITING = "waiting"
    BUILD_SCHEDULED = "build-scheduled"
    UNPACKING = "unpacking"
    PULLING = "pulling"
    BUILDING = "building"
    PUSHING = "pushing"
    COMPLETE = "complete"
    ERROR = "error"
    INTERNALERROR = "internalerror"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({Phase.COMPLETE, Phase.ERROR, Phase.INTERNALERROR, Phase.CANCELLED})
"""The phases that no other follows."""

LAST: Final = frozenset({Phase.PUSHING, *ENDED})
"""The phases in which a build cannot be cancelled: what is being pushed may already be there."""

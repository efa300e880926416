"""What an execution of the schema carries: the resolvers' context, and the loaders of this one request."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import strawberry

from resolvers.context import Context, Viewer
from resolvers.record.fanout import Fanout
from schema.loaders import Loaders
from schema.response import PUBLIC_RESPONSE, ResponseLimits


@dataclass(slots=True)
class GraphContext:
    """The context value of one execution. Loaders cache, so it must not be shared between requests.

    `live` is where subscriptions get their events; None at doors that have no subscriptions.
    """

    context: Context
    live: Fanout | None = None
    response_limits: ResponseLimits = PUBLIC_RESPONSE
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.context)

    def renew(self, viewer: Viewer) -> None:
        """Forget what the loaders know, and go on for a viewer: the next events of a subscription come."""
        self.context = replace(self.context, viewer=viewer)
        self.loaders = Loaders(self.context)


Info: TypeAlias = strawberry.Info[GraphContext, None]

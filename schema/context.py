"""The context of one GraphQL execution: the resolvers' context and the DataLoaders."""

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import strawberry

from resolvers.context import Context, Viewer
from resolvers.record.fanout import Fanout
from schema.loaders import Loaders
from schema.response import PUBLIC_RESPONSE, ResponseLimits


@dataclass(slots=True)
class GraphContext:
    """The context value of one execution. Loaders cache, so requests must not share it.

    `live` is the source of events for subscriptions; None where there are no subscriptions.
    """

    context: Context
    live: Fanout | None = None
    response_limits: ResponseLimits = PUBLIC_RESPONSE
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.context)

    def for_events(self, viewer: Viewer) -> "GraphContext":
        """The context of the next events of a subscription: the viewer as they are now, and new loaders."""
        return GraphContext(replace(self.context, viewer=viewer), self.live, self.response_limits)


Info: TypeAlias = strawberry.Info[GraphContext, None]

"""What an execution of the schema carries: the resolvers' context, and the loaders of this one request."""

from dataclasses import dataclass, field
from typing import TypeAlias

import strawberry

from resolvers.context import Context
from schema.loaders import Loaders


@dataclass(slots=True)
class GraphContext:
    """The context value of one execution. Loaders cache, so it must not be shared between requests."""

    context: Context
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.context)


Info: TypeAlias = strawberry.Info[GraphContext, None]

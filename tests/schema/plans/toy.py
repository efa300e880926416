"""A schema whose objects are made of numbers, and do what a schema can do to an executor.

What a field does follows from the number of its object and from its name alone, so that two executions of a
document meet the same: values, nulls where null may be and where it may not, errors, values of a wrong type,
lists of these, and resolvers that wait for some turns of the loop. `calls` tells in which order they ran.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from schema.guards import Guarded, open_up
from schema.limits import Limits
from schema.response import PUBLIC_RESPONSE, ResponseLimits
from schema.scalars import SCALARS, JSONObject

LIMITS = Limits(depth=30)


@dataclass
class Toy:
    """The context of an execution. `harm`: of a hundred fields, how many go wrong."""

    harm: int = 20
    response_limits: ResponseLimits = PUBLIC_RESPONSE
    calls: list[str] = field(default_factory=list)
    waiting: dict[str, asyncio.Future[int]] = field(default_factory=dict)


HARM = 20
"""The harm to attributes, which know no context."""


class Unwell(Exception):
    """What goes wrong."""


def chance(number: int, name: str) -> int:
    """What a field does: a number below 2³²."""
    return zlib.crc32(f"{number}.{name}".encode())


def below(number: int, name: str) -> int:
    """The number of an object below another."""
    return chance(number, f"{name}!") % 1_000_003


def spoilt(number: int, name: str, value: Any, *, harm: int = HARM) -> Any:
    """The value of a field, or what is there instead of it. Raises Unwell."""
    drawn = chance(number, name)
    if drawn % 100 >= harm:
        return value
    match drawn // 100 % 5:
        case 0:
            raise Unwell(f"{name} of {number}")
        case 1:
            return None
        case 2:
            return Unwell(f"a value of {number}")
        case 3:
            return object if isinstance(value, str | int) else 7
        case _:
            return value


async def turns(number: int, name: str) -> None:
    """Wait for none to three turns of the loop."""
    for _ in range(chance(number, f"{name}?") % 4):
        await asyncio.sleep(0)


@strawberry.enum
class Colour(Enum):
    """An enum; two of its values are equal to numbers."""

    RED = 1
    GREEN = 2
    BLUE = "blue"


@strawberry.input
class Wish:
    """An input with a default."""

    amount: int = 3
    names: list[str] = strawberry.field(default_factory=list)


def attribute(number: int, name: str, value: Any) -> Any:
    """The value of an attribute, where nothing can be raised."""
    try:
        return spoilt(number, name, value)
    except Unwell as error:
        return error


@strawberry.interface
class Thing:
    """What has a number."""

    number: int
    label: str

    @strawberry.field
    def double(self) -> int:
        """A method."""
        return spoilt(self.number, "double", 2 * self.number)


def children(number: int, name: str, harm: int) -> list[Any]:
    """Some objects, and what is there instead of them."""
    found: list[Any] = []
    for index in range(chance(number, f"{name}#") % 4):
        try:
            found.append(spoilt(number, f"{name}{index}", make(below(number, f"{name}{index}")), harm=harm))
        except Unwell as error:
            found.append(error)
    return found


@strawberry.type
class Leaf(Thing):
    """An object with fields of all scalars."""

    colour: Colour
    maybe_colour: Colour | None
    flag: bool
    ratio: float | None
    when: datetime
    words: list[str]
    maybe_words: list[str | None] | None
    document: JSONObject | None
    huge: int | None

    @strawberry.field
    async def patient(self, info: strawberry.Info[Toy, None], times: int = 1) -> str | None:
        """A resolver that waits."""
        info.context.calls.append(f"patient {self.number} {times}")
        await turns(self.number, "patient")
        return spoilt(self.number, "patient", f"{info.field_name} {times}", harm=info.context.harm)

    @strawberry.field
    def sooner(self, info: strawberry.Info[Toy, None], wish: Wish | None = None) -> str:
        """A resolver with an input."""
        info.context.calls.append(f"sooner {self.number}")
        keys = ".".join(map(str, info.path.as_list()))
        return spoilt(self.number, "sooner", f"{keys} {wish}", harm=info.context.harm)


@strawberry.type
class Branch(Thing):
    """An object with others below it."""

    @strawberry.field
    def leaf(self) -> Leaf:
        """One that is always there."""
        return spoilt(self.number, "leaf", make_leaf(below(self.number, "leaf")))

    @strawberry.field
    def maybe_leaf(self) -> Leaf | None:
        """One that can be missing."""
        return spoilt(self.number, "maybe_leaf", make_leaf(below(self.number, "maybe_leaf")))

    @strawberry.field
    async def branch(self, info: strawberry.Info[Toy, None]) -> Branch:
        """One to wait for."""
        info.context.calls.append(f"branch {self.number}")
        await turns(self.number, "branch")
        found = make_branch(below(self.number, "branch"))
        return spoilt(self.number, "branch", found, harm=info.context.harm)

    @strawberry.field
    async def things(
        self, info: strawberry.Info[Toy, None], first: int = 3, colours: list[Colour] | None = None
    ) -> list[Thing]:
        """A list of several types, of which none can be missing."""
        info.context.calls.append(f"things {self.number} {first} {colours}")
        await turns(self.number, "things")
        found = children(self.number, "things", info.context.harm)[:first]
        return spoilt(self.number, "things", found, harm=info.context.harm)

    @strawberry.field
    def either(self, info: strawberry.Info[Toy, None]) -> list[Either | None] | None:
        """A list of a union, of which each can be missing."""
        info.context.calls.append(f"either {self.number}")
        return spoilt(self.number, "either", children(self.number, "either", info.context.harm))

    @strawberry.field
    async def batched(self, info: strawberry.Info[Toy, None]) -> int | None:
        """A value that several wait for together, as of a loader."""
        info.context.calls.append(f"batched {self.number}")
        loop = asyncio.get_running_loop()
        if (future := info.context.waiting.get("batch")) is None:
            future = info.context.waiting["batch"] = loop.create_future()
            loop.call_soon(_deliver, info.context, future)
        return spoilt(self.number, "batched", await future, harm=info.context.harm)


def _deliver(context: Toy, future: asyncio.Future[int]) -> None:
    context.calls.append("delivered")
    del context.waiting["batch"]
    future.set_result(len(context.calls))


Either = Annotated[Leaf | Branch, strawberry.union("Either")]


@strawberry.type
class Vault(Guarded):
    """An object that some may not see."""

    open_fields = frozenset({"number"})
    number: int
    is_judged: strawberry.Private[bool]

    async def is_visible(self, info: Any) -> bool:
        """Whether it is seen."""
        info.context.calls.append(f"judged {self.number}")
        await turns(self.number, "judged")
        if self.number % 3 == 0:
            raise Unwell(f"no door to {self.number}")
        return True

    @strawberry.field
    def gold(self) -> int:
        """What is in it."""
        return spoilt(self.number, "gold", self.number)

    @strawberry.field
    async def branch(self, info: strawberry.Info[Toy, None]) -> Branch:
        """What is behind it."""
        info.context.calls.append(f"behind {self.number}")
        return make_branch(below(self.number, "branch"))


def make_leaf(number: int) -> Leaf:
    """The leaf of a number."""
    values = {
        "label": f"leaf {number}",
        "colour": list(Colour)[number % 3],
        "maybe_colour": Colour.GREEN,
        "flag": number % 2 == 0,
        "ratio": number / 4,
        "when": datetime(2026, 1, 1 + number % 28, tzinfo=UTC),
        "words": [attribute(number, f"word{index}", f"w{index}") for index in range(number % 3)],
        "maybe_words": [attribute(number, f"maybe{index}", f"m{index}") for index in range(number % 4)],
        "document": {"of": number},
        "huge": number * 5_000,
    }
    return Leaf(number=number, **{name: attribute(number, name, value) for name, value in values.items()})


def make_branch(number: int) -> Branch:
    """The branch of a number."""
    return Branch(number=number, label=attribute(number, "label", f"branch {number}"))


def make(number: int) -> Thing:
    """A leaf or a branch."""
    return make_leaf(number) if number % 2 else make_branch(number)


@strawberry.type
class Query:
    """The root."""

    @strawberry.field
    async def branch(self, info: strawberry.Info[Toy, None], number: int) -> Branch:
        """Waits, and can be refused."""
        info.context.calls.append(f"root {number}")
        await turns(number, "root")
        return spoilt(number, "root", make_branch(number), harm=info.context.harm)

    @strawberry.field
    def thing(self, number: int = 4) -> Thing | None:
        """Does not wait."""
        return spoilt(number, "thing", make(number))

    @strawberry.field
    def sure(self) -> Branch:
        """Has no arguments, so that the whole answer is lost with it."""
        return make_branch(12)

    @strawberry.field
    def vaults(self, numbers: list[int]) -> list[Vault]:
        """Objects of which every second is known to be seen."""
        return [Vault(number=number, is_judged=number % 2 == 0) for number in numbers]


@strawberry.type
class Mutation:
    """What is done in turn."""

    @strawberry.mutation
    async def grow(self, info: strawberry.Info[Toy, None], number: int, wish: Wish) -> Branch:
        """Something that takes turns of the loop."""
        info.context.calls.append(f"grow {number} {wish}")
        await turns(number, "grow")
        info.context.calls.append(f"grown {number}")
        return spoilt(number, "grow", make_branch(number), harm=info.context.harm)

    @strawberry.mutation
    def cut(self, info: strawberry.Info[Toy, None], number: int) -> Leaf | None:
        """Something that does not."""
        info.context.calls.append(f"cut {number}")
        return spoilt(number, "cut", make_leaf(number), harm=info.context.harm)


@strawberry.type
class Subscription:
    """What goes on."""

    @strawberry.subscription
    async def numbers(self) -> AsyncIterator[int]:
        """One number."""
        yield 1


toy = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Leaf, Branch],
    config=strawberry.schema.config.StrawberryConfig(scalar_map=SCALARS),
)
open_up(toy._schema)

"""Which documents have plans."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import DocumentNode, ExecutionResult

from schema.plans.plan import Plan
from schema.plans.run import Unplannable

if TYPE_CHECKING:
    from schema.context import GraphContext


class _Uses:
    """How often the operations of a document were used, and their plans; None where there can be none."""

    def __init__(self, document: DocumentNode, forget: Any) -> None:
        self.document = weakref.ref(document, forget)
        self.counts: dict[str | None, int] = {}
        self.plans: dict[str | None, Plan | None] = {}


class Plans:
    """The plans of documents, which last as long as the documents do.

    A plan is made at the use `after` of an operation, since making it takes as long as some executions.
    `fields`, of about 2 KB each, bounds all plans together; those used longest ago are forgotten, and made
    again when used.
    """

    def __init__(self, schema: strawberry.Schema, *, after: int = 1, fields: int = 5_000) -> None:
        self._schema = schema
        self._after = after
        self._fields = fields
        self._uses: OrderedDict[int, _Uses] = OrderedDict()

    async def execute(
        self, document: DocumentNode, variables: dict[str, Any], context: GraphContext, name: str | None
    ) -> ExecutionResult | None:
        """Execute an operation by its plan; None if it has none, and nothing was done."""
        if (plan := self._plan(document, name)) is None:
            return None
        fields = plan.fields
        try:
            return await plan.execute(variables, context)
        except Unplannable:
            # Most often it is known at the first use, and then forever.
            return None
        finally:
            if plan.fields != fields:
                self._bound()

    @property
    def fields(self) -> int:
        """The compiled fields of all plans."""
        return sum(plan.fields for uses in self._uses.values() for plan in uses.plans.values() if plan)

    def _plan(self, document: DocumentNode, name: str | None) -> Plan | None:
        key = id(document)
        uses = self._uses.get(key)
        if uses is None or uses.document() is not document:
            uses = self._uses[key] = _Uses(document, partial(self._forget, key))
        self._uses.move_to_end(key)
        if name in uses.plans:
            return uses.plans[name]
        uses.counts[name] = count = uses.counts.get(name, 0) + 1
        if count < self._after:
            return None
        try:
            made: Plan | None = Plan(self._schema, document, name)
        except Unplannable:
            made = None
        uses.plans[name] = made
        return made

    def _forget(self, key: int, document: weakref.ref[DocumentNode]) -> None:
        if (uses := self._uses.get(key)) is not None and uses.document is document:
            del self._uses[key]

    def _bound(self) -> None:
        total = self.fields
        for key in list(self._uses)[:-1]:
            if total <= self._fields:
                return
            total -= sum(plan.fields for plan in self._uses.pop(key).plans.values() if plan)

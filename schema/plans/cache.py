"""Which documents have plans."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import DocumentNode, ExecutionResult

from schema.plans.plan import Plan
from schema.plans.run import Unplannable

if TYPE_CHECKING:
    from schema.context import GraphContext


class _Use:
    """How often an operation of a document was used, and its plan; None where there can be none."""

    def __init__(self, document: DocumentNode, forget: Any) -> None:
        self.document = weakref.ref(document, forget)
        self.count = 0
        self.plan: Plan | None = None
        self.is_decided = False

    @property
    def fields(self) -> int:
        """The compiled fields of the plan."""
        return self.plan.fields if self.plan else 0


_Key = tuple[int, str | None]


class Plans:
    """The plans of the operations of documents, which last as long as the documents do.

    A plan is made at the use `after` of an operation, since making it takes as long as some executions.
    `fields`, of about 2 KB each, bounds all plans together; those used longest ago are forgotten, and made
    again when used.
    """

    def __init__(self, schema: strawberry.Schema, *, after: int = 1, fields: int = 5_000) -> None:
        self._schema = schema
        self._after = after
        self._fields = fields
        self._uses: OrderedDict[_Key, _Use] = OrderedDict()

    async def execute(
        self, document: DocumentNode, variables: dict[str, Any], context: GraphContext, name: str | None
    ) -> ExecutionResult | None:
        """Execute an operation by its plan; None if it has none, and nothing was done."""
        if (plan := self._plan(document, name)) is None:
            return None
        fields = plan.fields
        try:
            prepared = plan.prepared(variables)
        except Unplannable:
            return None
        if plan.fields != fields:
            self._bound(plan)
        return await plan.execute(prepared, context)

    @property
    def fields(self) -> int:
        """The compiled fields of all plans."""
        return sum(use.fields for use in self._uses.values())

    def _plan(self, document: DocumentNode, name: str | None) -> Plan | None:
        key = (id(document), name)
        use = self._uses.get(key)
        if use is None or use.document() is not document:
            use = self._uses[key] = _Use(document, partial(self._forget, key))
        self._uses.move_to_end(key)
        if not use.is_decided:
            use.count += 1
            if use.count < self._after:
                return None
            use.is_decided = True
            with suppress(Unplannable):
                use.plan = Plan(self._schema, document, name)
        return use.plan

    def _forget(self, key: _Key, document: weakref.ref[DocumentNode]) -> None:
        if (use := self._uses.get(key)) is not None and use.document is document:
            del self._uses[key]

    def _bound(self, latest: Plan) -> None:
        """Forget plans until the rest is within the bound. The latest may be over it by itself."""
        total = self.fields
        for key, use in list(self._uses.items()):
            if total <= self._fields:
                return
            if use.fields and use.plan is not latest:
                total -= use.fields
                del self._uses[key]

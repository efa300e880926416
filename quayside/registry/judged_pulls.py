"""Judgements on pulls that were made a short while ago, and what was told of them."""

from collections import OrderedDict

from resolvers.gate.judgement import Judgement, judgement_on
from resolvers.gate.policy import PullMode
from storage.clock import now_ms
from storage.database import Database
from storage.hot import HotFindings, HotRepository

SIZE = 4096
KEPT_MS = 10 * 60 * 1000
"""How long a judgement is kept at most."""


class JudgedPulls:
    """The judgements used last, and when pulls against policies were told of, at most `SIZE` each."""

    def __init__(self) -> None:
        self._judged: OrderedDict[int, tuple[HotFindings, int, Judgement]] = OrderedDict()
        self._told: OrderedDict[tuple[int, PullMode], int] = OrderedDict()

    async def judgement(
        self, database: Database, repository: HotRepository, manifest_id: int, findings: HotFindings
    ) -> Judgement:
        """What policies say of a manifest of a repository, given what was just read of it."""
        known = self._judged.get(manifest_id)
        if known is not None and known[0] == findings and now_ms() < known[1]:
            self._judged.move_to_end(manifest_id)
            return known[2]
        with database.current():
            found = await judgement_on(
                manifest_id, namespace_id=repository.namespace_id, repository_id=repository.id
            )
        until_ms = now_ms() + KEPT_MS
        if found.until_ms is not None:
            until_ms = min(until_ms, found.until_ms)
        # `findings` were read before what this was judged by, and so never tell of something newer.
        self._judged[manifest_id] = (findings, until_ms, found)
        self._judged.move_to_end(manifest_id)
        if len(self._judged) > SIZE:
            self._judged.popitem(last=False)
        return found

    def is_told(self, manifest_id: int, mode: PullMode) -> bool:
        """Whether this process has told of pulls of a manifest a short while ago."""
        return now_ms() < self._told.get((manifest_id, mode), 0)

    def tell(self, manifest_id: int, mode: PullMode, *, until_ms: int) -> None:
        """Tell of no more pulls of a manifest before a time."""
        self._told[manifest_id, mode] = until_ms
        self._told.move_to_end((manifest_id, mode))
        if len(self._told) > SIZE:
            self._told.popitem(last=False)

"""Auto-prune policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.owed.given import OWN_PRUNING, PLAN_TO_PRUNE, PRUNING, PRUNING_OF_ACME
from tests.contract.owed.rows import Entry, Request, Row, at_acme, at_app, at_own, row

_BY_AGE = 'input: { method: CREATION_DATE, value: "7d", tagPattern: "^v", hasTagPatternMatch: false }'
_RULE = {
    "method": "creation_date",
    "value": "7d",
    "tag_pattern": "^v",
    "tag_pattern_matches": False,
}


@dataclass(frozen=True)
class _Place:
    """One kind of owner: the end of its rows' names, and what differs between them."""

    variant: str
    argument: str
    noun: str
    rights: tuple[str, str]
    """Who is refused making one, and who changing one."""
    given: Request
    by: str

    def entry(self, verb: str, **metadata: Any) -> Entry:
        """The entry of what is done to a policy."""
        kind = f"{verb}_{self.noun}_autoprune_policy"
        if not self.variant:
            return at_app(kind, **metadata)
        if self.argument:
            return at_acme(kind, namespace="acme", **metadata)
        return at_own(kind, namespace="owner", **metadata)


_PLACES = (
    _Place("", 'owner: { repository: "acme/app" }, ', "repository", ("administer",) * 2, PRUNING, "keeper"),
    _Place(
        ":of an organization",
        'owner: { namespace: "acme" }, ',
        "namespace",
        ("organization",) * 2,
        PRUNING_OF_ACME,
        "org",
    ),
    _Place(":own", "", "namespace", ("own account", "own robot"), OWN_PRUNING, "user"),
)

_PLANS = (
    row(
        "autoPrunePlan",
        'owner: { repository: "acme/app" }, policy: { draft: { method: CREATION_DATE, value: "7d" } }',
        "administer",
        "+plan",
        by="keeper",
    ),
    row(
        "autoPrunePlan:of a stored policy",
        'owner: { namespace: "acme" }, policy: { uuid: "<policy>" }',
        "organization",
        "+plan",
        by="org",
        given=(PRUNING_OF_ACME,),
    ),
    row(
        "autoPrune",
        'owner: { repository: "acme/app" }, plan: "<plan>"',
        "plan of keeper",
        "~plan ~tag",
        at_app("delete_tag", username="keeper", tag="v1"),
        by="keeper",
        given=(PLAN_TO_PRUNE,),
    ),
)

ROWS: tuple[Row, ...] = _PLANS + tuple(
    made
    for place in _PLACES
    for made in (
        row(
            f"prunePolicyCreate{place.variant}",
            f"{place.argument}{_BY_AGE}",
            place.rights[0],
            "+job +prune_policy",
            place.entry("create", **_RULE),
            by=place.by,
            policy="policy.uuid",
        ),
        row(
            f"prunePolicyUpdate{place.variant}",
            f'{place.argument}policy: "<policy>", {_BY_AGE}',
            place.rights[1],
            "~prune_policy",
            place.entry("update", **_RULE),
            by=place.by,
            given=(place.given,),
        ),
        row(
            f"prunePolicyDelete{place.variant}",
            f'{place.argument}policy: "<policy>"',
            place.rights[1],
            "-prune_policy",
            place.entry("delete", policy_uuid="<policy>"),
            by=place.by,
            given=(place.given,),
        ),
    )
)

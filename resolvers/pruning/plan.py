"""Plans of auto-prune policies: a preview that can be carried out while it is true.

A plan is of a stored policy or of a draft. It is applied in batches, as a run works: what it says is compared
before the first, and each tag is looked at again, so that one that was moved or locked meanwhile stays. Ages
are judged by the time at which the plan was made, so that time alone does not change what it says.
"""

from dataclasses import asdict, dataclass
from typing import Any

from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.pruning.clock import judged_now
from resolvers.pruning.deletion import BATCH, Deletion, Outdated
from resolvers.pruning.history import RunLog
from resolvers.pruning.policy import POLICIES, PruneMethod, PrunePolicyRecord, PruneRule, require_place
from resolvers.pruning.preview import DRAFT_ID, Preview, drafted, preview
from resolvers.repositories.policies import Place
from resolvers.tags import event as tag_event
from resolvers.tags import kept_plan
from resolvers.tags.kept_plan import KeptPlan
from storage.statements import batches

KIND = "policy.prune"


@dataclass(frozen=True, slots=True)
class PrunePlanRecord:
    """A plan and what it does; `deleted_count` is None until it is applied."""

    uuid: str
    expires_at_ms: int
    preview: Preview
    deleted_count: int | None = None


async def prepare(
    context: Context, owner: Owner, *, identity: str | None = None, rule: PruneRule | None = None
) -> PrunePlanRecord:
    """Make a plan of what a policy would delete now: a stored one by its uuid, or a draft.

    Requires what changing policies does. Raises `Invalid` unless one of both is given, and `NotFound`.
    """
    place = await require_place(context, owner)
    context.viewer.require_account()
    if (identity is None) is (rule is None):
        raise Invalid("policy: give either the uuid of a policy or a draft.", field="policy")
    judged_at_ms = await judged_now()
    policy = drafted(place, rule) if rule else await POLICIES.require(place, identity or "")
    found = await preview(context, policy, judged_at_ms=judged_at_ms)
    arguments = {
        "namespace_id": place.namespace_id,
        "place_id": place.repository_id,
        "policy": identity,
        "rule": _rule_of(policy),
        "judged_at_ms": judged_at_ms,
    }
    kept = await kept_plan.keep(context, KIND, arguments, _outcome(policy, found))
    return PrunePlanRecord(kept.uuid, kept.expires_at_ms, found)


async def apply(context: Context, owner: Owner, identity: str) -> PrunePlanRecord:
    """Delete the tags of a plan of the viewer, once. Requires what changing policies does.

    Raises `NotFound` for an unknown plan or one of another account or owner, `Conflict` for one that was
    applied, that expired or that is not true any more.
    """
    place = await require_place(context, owner)
    kept = await kept_plan.find(context, identity)
    if kept is None or kept.kind != KIND or not _is_of(kept, place):
        raise NotFound(f"You have no plan '{identity[:64]}' of this kind for this owner.", field="plan")
    kept_plan.require_open(kept)
    policy = await _policy_of(kept, place)
    judged_at_ms = kept.arguments["judged_at_ms"]
    found = await preview(context, policy, judged_at_ms=judged_at_ms)
    if kept_plan.fingerprint(_outcome(policy, found)) != kept.fingerprint:
        raise kept_plan.stale()
    await kept_plan.mark_applied(kept)
    log = None if policy.id == DRAFT_ID else RunLog()
    deleted = 0
    for record, chosen in found.chosen:
        policies = await POLICIES.holding_in(namespace_id=record.namespace_id, repository_id=record.id)
        deletion = Deletion(
            context,
            record,
            policies,
            judged_at_ms,
            lambda repository, name: tag_event.deleted(context, repository, name),
            log=log,
        )
        for batch in batches(chosen, BATCH):
            try:
                done = await deletion.delete(batch)
            except Outdated:
                break
            if done is None:
                break
            deleted += len(done)
    if log is not None:
        await log.finish([policy.id])
    return PrunePlanRecord(kept.uuid, kept.expires_at_ms, found, deleted)


def _is_of(kept: KeptPlan, place: Place) -> bool:
    return (kept.arguments["namespace_id"], kept.arguments["place_id"]) == (
        place.namespace_id,
        place.repository_id,
    )


async def _policy_of(kept: KeptPlan, place: Place) -> PrunePolicyRecord:
    """The policy of a plan. Raises `Conflict` for one that was changed or deleted meanwhile."""
    rule, identity = kept.arguments["rule"], kept.arguments["policy"]
    if identity is None:
        return drafted(place, PruneRule(**(rule | {"method": PruneMethod(rule["method"])})))
    try:
        policy = await POLICIES.require(place, identity)
    except NotFound as error:
        raise kept_plan.stale() from error
    if _rule_of(policy) != rule:
        raise kept_plan.stale()
    return policy


def _rule_of(policy: PruneRule) -> dict[str, Any]:
    return {
        "method": policy.method.value,
        "value": policy.value,
        "tag_pattern": policy.tag_pattern,
        "tag_pattern_matches": policy.tag_pattern_matches,
        "kept_if_pulled_within_days": policy.kept_if_pulled_within_days,
    }


def _outcome(policy: PrunePolicyRecord, found: Preview) -> Any:
    """All that a plan promises."""
    return [_rule_of(policy), found.unread, [asdict(item) for item in found.items]]

"""Auto-prune policies: rules by which tags of a namespace or a repository end, by number or by age.

All that hold in a repository apply, its own and its namespace's, those by age first.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from resolvers import events
from resolvers.access.needs import ADMINISTER_OWN_NAMESPACE
from resolvers.accounts.namespace import Owner
from resolvers.context import Context
from resolvers.errors import AlreadyExists, Invalid, TooMany
from resolvers.expiration import lifetime_ms
from resolvers.patterns import compile_pattern, search_of
from resolvers.pruning.queue import policy_changed
from resolvers.repositories.policies import Place, Policies
from storage.clock import DAY_MS, now_ms
from storage.models.policy import PrunePolicy
from storage.transactions import transaction

MAXIMUM_NUMBER = 2**31 - 1
MAXIMUM_AGE_MS = 1_000 * 365 * DAY_MS
MAXIMUM_DAYS = 36_500
MAXIMUM_POLICIES = 100
"""Of one owner. A run tries each on each tag."""
_CREATED = ("create_namespace_autoprune_policy", "create_repository_autoprune_policy")
_UPDATED = ("update_namespace_autoprune_policy", "update_repository_autoprune_policy")
_DELETED = ("delete_namespace_autoprune_policy", "delete_repository_autoprune_policy")
"""Kinds of events, for a policy of a namespace and of a repository."""
_NUMBER = re.compile(r"[0-9]{1,10}")


class PruneMethod(StrEnum):
    """What a policy goes by: the number of tags, or their age."""

    NUMBER_OF_TAGS = "number_of_tags"
    CREATION_DATE = "creation_date"


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRule:
    """What a policy says: which tags end, with the columns' values as they are stored.

    `value` is the number of the newest tags that stay, or the age at which tags end, such as `30d`. Only
    tags count in whose names `tag_pattern` is found, or is not found if not `tag_pattern_matches`. A tag that
    was pulled within `kept_if_pulled_within_days` stays.
    """

    method: PruneMethod
    value: str
    tag_pattern: str | None = None
    tag_pattern_matches: bool = True
    kept_if_pulled_within_days: int | None = None

    @property
    def keep_count(self) -> int | None:
        """How many of the newest tags stay; None for a rule by age."""
        return int(self.value) if self.method is PruneMethod.NUMBER_OF_TAGS else None

    @property
    def max_age_ms(self) -> int | None:
        """The age in milliseconds at which tags end; None for a rule by number."""
        return lifetime_ms(self.value) if self.method is PruneMethod.CREATION_DATE else None

    @property
    def parameter(self) -> int | str:
        """The value as clients write it: a number of tags, or the text of an age."""
        return self.value if self.keep_count is None else self.keep_count

    def applies_to(self, name: str) -> bool:
        """Whether the rule is for tags of this name."""
        return self.name_test()(name)

    def name_test(self) -> Callable[[str], bool]:
        """The same as a function, for many names."""
        if self.tag_pattern is None:
            return lambda name: True
        search, wanted = search_of(self.tag_pattern), self.tag_pattern_matches
        return lambda name: bool(search(name)) is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePolicyRecord(PruneRule):
    """A stored policy; without a repository it is for all of the namespace."""

    id: int
    uuid: str
    namespace_id: int
    repository_id: int | None
    created_at_ms: int


POLICIES = Policies(
    PrunePolicyRecord, "prune_policy", name="auto-prune policy", need=ADMINISTER_OWN_NAMESPACE
)
_RULE = tuple(field.name for field in fields(PruneRule))


def rule_of(
    method: PruneMethod,
    parameter: int | str,
    *,
    tag_pattern: str | None = None,
    tag_pattern_matches: bool = True,
    kept_if_pulled_within_days: int | None = None,
) -> PruneRule:
    """The rule of a user's input. Raises `Invalid`, naming the field."""
    pattern = None if tag_pattern is None else tag_pattern.strip()
    if pattern is not None:
        compile_pattern(pattern, field="tagPattern")
    days = kept_if_pulled_within_days
    if days is not None and not 1 <= days <= MAXIMUM_DAYS:
        raise Invalid(
            f"keptIfPulledWithinDays: must be from 1 to {MAXIMUM_DAYS}, or null if pulls do not matter.",
            field="keptIfPulledWithinDays",
        )
    return PruneRule(
        method=method,
        value=_value(method, parameter),
        tag_pattern=pattern,
        tag_pattern_matches=tag_pattern_matches,
        kept_if_pulled_within_days=days,
    )


def _value(method: PruneMethod, parameter: int | str) -> str:
    text = str(parameter)
    if method is PruneMethod.NUMBER_OF_TAGS:
        # Digits in a text are a number too: the reference's own examples send them so.
        if _NUMBER.fullmatch(text) and 1 <= int(text) <= MAXIMUM_NUMBER:
            return str(int(text))
        raise Invalid(
            f"value: must be a whole number of tags to keep, from 1 to {MAXIMUM_NUMBER}.", field="value"
        )
    age = lifetime_ms(text)
    if age is None or age > MAXIMUM_AGE_MS:
        raise Invalid(
            "value: must be an age of at most 1000 years: a whole number and one of the units s, m (minutes),"
            " h, d, w, y, such as 30d.",
            field="value",
        )
    return text


async def require_place(context: Context, owner: Owner) -> Place:
    """Where an argument says that policies hold, for whoever may change them there. Raises `Invalid`."""
    place = await POLICIES.place(context, owner)
    if not context.site.has("AUTO_PRUNE"):
        raise Invalid("Auto-prune is not enabled on this registry.", field="owner")
    return place


async def create(context: Context, owner: Owner, rule: PruneRule) -> PrunePolicyRecord:
    """Create a policy. Requires `org:admin` or `repo:admin`; `user:admin` in the viewer's own namespace.

    Raises `AlreadyExists` for a duplicate, whatever the two say of pulls; `TooMany`, `NotFound`.
    """
    place = await require_place(context, owner)
    async with transaction("pruning.create"):
        await place.lock()
        values = asdict(rule)
        del values["kept_if_pulled_within_days"]
        what = "namespace" if place.repository is None else "repository"
        if await POLICIES.has_equal(place, values):
            raise AlreadyExists(
                f"Existing policy with same values for this {what}, duplicate policies are not permitted",
                field="value",
            )
        if await POLICIES.count(place) >= MAXIMUM_POLICIES:
            raise TooMany(
                f"The {what} has {MAXIMUM_POLICIES} auto-prune policies, the most there can be; remove one.",
                field="owner",
            )
        made = await PrunePolicy.create(
            uuid=str(uuid.uuid4()),
            namespace_id=place.namespace_id,
            repository_id=place.repository_id,
            created_at_ms=now_ms(),
            **asdict(rule),
        )
        record = await POLICIES.require(place, made.uuid)
        await _record_event(context, _CREATED, place, rule_metadata(record))
        await policy_changed(place.namespace_id, place.repository_id)
    return record


async def update(context: Context, owner: Owner, identity: str, changes: dict[str, Any]) -> PrunePolicyRecord:
    """Change fields of a policy's rule, `parameter` being its value. Requires and raises as `create`.

    It may become the duplicate of another one, which then has no effect of its own.
    """
    place = await require_place(context, owner)
    async with transaction("pruning.update"):
        await place.lock()
        before = await POLICIES.require(place, identity)
        known = {name: getattr(before, name) for name in (*_RULE, "parameter") if name != "value"}
        rule = rule_of(**(known | changes))
        await POLICIES.change(before, asdict(rule))
        record = await POLICIES.require(place, identity)
        await _record_event(context, _UPDATED, place, rule_metadata(record))
        await policy_changed(place.namespace_id, place.repository_id)
    return record


async def delete(context: Context, owner: Owner, identity: str) -> PrunePolicyRecord:
    """Delete a policy; what it ended stays ended. Requires as `create`. Raises `NotFound`."""
    place = await require_place(context, owner)
    async with transaction("pruning.delete"):
        await place.lock()
        record = await POLICIES.require(place, identity)
        await POLICIES.remove(record)
        await _record_event(context, _DELETED, place, {"policy_uuid": record.uuid})
        # The others count now what it would have deleted.
        await policy_changed(place.namespace_id, place.repository_id)
    return record


async def _record_event(
    context: Context, kinds: tuple[str, str], place: Place, metadata: dict[str, Any]
) -> None:
    await events.record(
        context,
        kinds[place.repository is not None],
        metadata | place.metadata,
        namespace_id=place.namespace_id,
        repository_id=place.repository_id,
    )


def rule_metadata(rule: PruneRule) -> dict[str, Any]:
    """Metadata about a rule in events; that of pulls only if it says something of them."""
    days = rule.kept_if_pulled_within_days
    return {
        "method": rule.method.value,
        "value": rule.parameter,
        "tag_pattern": rule.tag_pattern,
        "tag_pattern_matches": rule.tag_pattern_matches,
    } | ({} if days is None else {"kept_if_pulled_within_days": days})

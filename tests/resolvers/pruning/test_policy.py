"""Rules of auto-prune policies: what they say, what is refused, and what is recorded of changes."""

from typing import Any

import pytest

from resolvers.accounts.namespace import Owner
from resolvers.errors import Invalid
from resolvers.expiration import lifetime_ms
from resolvers.pruning import policy
from resolvers.pruning.policy import MAXIMUM_AGE_MS, PruneMethod, PruneRule, rule_of
from storage.clock import DAY_MS
from storage.statements import decode_json, fetch
from tests.factories import Factory

NUMBER, AGE = PruneMethod.NUMBER_OF_TAGS, PruneMethod.CREATION_DATE


@pytest.mark.parametrize(
    ("method", "parameter", "expected"),
    [
        (NUMBER, 1, ("1", 1, None, 1)),
        (NUMBER, 2**31 - 1, ("2147483647", 2**31 - 1, None, 2**31 - 1)),
        (NUMBER, "10", ("10", 10, None, 10)),
        (NUMBER, "010", ("10", 10, None, 10)),
        (AGE, "90s", ("90s", None, 90_000, "90s")),
        (AGE, "5m", ("5m", None, 300_000, "5m")),
        (AGE, "2h", ("2h", None, 7_200_000, "2h")),
        (AGE, "07d", ("07d", None, 7 * DAY_MS, "07d")),
        (AGE, "2w", ("2w", None, 14 * DAY_MS, "2w")),
        (AGE, "1000y", ("1000y", None, MAXIMUM_AGE_MS, "1000y")),
        (AGE, "0d", ("0d", None, 0, "0d")),
    ],
)
def test_a_rule_says_how_many_tags_stay_or_at_which_age_they_end(
    method: PruneMethod, parameter: int | str, expected: tuple[str, int | None, int | None, int | str]
) -> None:
    rule = rule_of(method, parameter)

    assert (rule.value, rule.keep_count, rule.max_age_ms, rule.parameter) == expected


@pytest.mark.parametrize(
    ("method", "parameter"),
    [
        *((NUMBER, value) for value in (0, -1, 2**31, "x", "", "1.5", " 1", "1٢", "7d", "9" * 5000)),
        *((AGE, value) for value in (5, 0, "", "d", "5", "1x", "-1d", "1.5d", "7D", " 7d", "7 d", "1d2h")),
        *((AGE, value) for value in ("1001y", "999999999y", "1000000000s", "١d")),
    ],
)
def test_a_value_that_does_not_fit_the_method_is_refused(method: PruneMethod, parameter: int | str) -> None:
    with pytest.raises(Invalid) as refused:
        rule_of(method, parameter)

    assert refused.value.field == "value"


@pytest.mark.parametrize(
    ("pattern", "matches", "names"),
    [
        (None, True, ["v1", "v1-rc", "dev"]),
        ("v", True, ["v1", "v1-rc", "dev"]),
        ("^v", True, ["v1", "v1-rc"]),
        (" ^v ", True, ["v1", "v1-rc"]),
        ("^v[0-9]$", True, ["v1"]),
        ("^v", False, ["dev"]),
        (".", False, []),
        ("x", True, []),
        ("x", False, ["v1", "v1-rc", "dev"]),
    ],
)
def test_a_pattern_is_looked_for_anywhere_in_a_name(
    pattern: str | None, matches: bool, names: list[str]
) -> None:
    rule = rule_of(NUMBER, 1, tag_pattern=pattern, tag_pattern_matches=matches)

    assert [name for name in ("v1", "v1-rc", "dev") if rule.applies_to(name)] == names


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"tag_pattern": ""}, "tagPattern"),
        ({"tag_pattern": "  "}, "tagPattern"),
        ({"tag_pattern": "a" * 257}, "tagPattern"),
        ({"tag_pattern": "("}, "tagPattern"),
        ({"tag_pattern": "(?=v)"}, "tagPattern"),
        ({"kept_if_pulled_within_days": 0}, "keptIfPulledWithinDays"),
        ({"kept_if_pulled_within_days": 36_501}, "keptIfPulledWithinDays"),
    ],
)
def test_a_pattern_or_a_number_of_days_that_means_nothing_is_refused(
    arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        rule_of(NUMBER, 1, **arguments)

    assert refused.value.field == field


def test_a_lifetime_is_a_number_and_a_unit() -> None:
    assert [lifetime_ms(text) for text in ("1y", "1d\n", "soon")] == [365 * DAY_MS, None, None]


@pytest.mark.parametrize(
    ("owner", "kinds", "place"),
    [
        (
            Owner(repository="ada/app"),
            [
                "create_repository_autoprune_policy",
                "update_repository_autoprune_policy",
                "delete_repository_autoprune_policy",
            ],
            {"namespace": "ada", "repo": "app"},
        ),
        (
            Owner(),
            [
                "create_namespace_autoprune_policy",
                "update_namespace_autoprune_policy",
                "delete_namespace_autoprune_policy",
            ],
            {"namespace": "ada"},
        ),
    ],
)
async def test_what_happens_to_a_policy_is_recorded(
    owner: Owner, kinds: list[str], place: dict[str, str], factory: Factory
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    ada = await factory.as_account("ada")

    made = await policy.create(ada, owner, PruneRule(method=NUMBER, value="10"))
    changed = await policy.update(
        ada, owner, made.uuid, {"method": AGE, "parameter": "7d", "kept_if_pulled_within_days": 30}
    )
    gone = await policy.delete(ada, owner, made.uuid)

    assert changed == gone
    rows = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE '%autoprune%' ORDER BY id")
    rule = {"tag_pattern": None, "tag_pattern_matches": True}
    assert [(row["kind"], decode_json(row["metadata"])) for row in rows] == list(
        zip(
            kinds,
            [
                {"method": "number_of_tags", "value": 10, **rule, **place},
                {
                    "method": "creation_date",
                    "value": "7d",
                    **rule,
                    "kept_if_pulled_within_days": 30,
                    **place,
                },
                {"policy_uuid": made.uuid, **place},
            ],
            strict=True,
        )
    )
    assert await fetch("SELECT id FROM prune_policy") == []

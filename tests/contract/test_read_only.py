"""Read-only mode: every write of the tables is refused at its door, and changes nothing at all."""

from __future__ import annotations

from collections import defaultdict

import pytest

from quayside.settings.settings import Settings
from storage import readonly
from storage.readonly import SENTENCE
from storage.transactions import transaction
from tests.contract.owed import registry, signing_in
from tests.contract.owed.engine import _changes as changes
from tests.contract.owed.mutations import FAMILIES
from tests.contract.owed.place import Place, place
from tests.contract.owed.requests import Answer, send
from tests.contract.owed.rows import Door, Row
from tests.contract.test_owed import FIRST, REST
from tests.factories import Factory
from tests.state import dump, keep, restore

REASON = "the disk is moved"
REFUSED: dict[str, tuple[Row, ...]] = {
    "mutations": tuple(row for rows in FAMILIES.values() for row in rows if row.name != "siteReadOnlySet"),
    "REST": REST,
    "/v2": registry.ROWS,
}
GOING_ON = signing_in.REGISTRY + signing_in.BROWSER
UNTOUCHED = {"GET token:for a new repository", "POST token:for a new repository"}
"""What is answered without the write that it would make."""


async def switch(*, is_on: bool) -> None:
    """Switch the mode, at once known to all of this process."""
    async with transaction("test.switch"):
        await readonly.switch(REASON if is_on else None, is_on=is_on)
    readonly._known.clear()


def is_refusal(row: Row, answer: Answer) -> bool:
    """Whether an answer is what the door of a row says in read-only mode."""
    match row.door:
        case Door.GRAPHQL:
            (error,) = answer.body["errors"]
            return answer.outcome == "READ_ONLY" and error["message"] == f"{SENTENCE} Reason: {REASON}"
        case Door.REST:
            return answer.outcome == "503" and answer.body == {"message": SENTENCE, "is_readonly": True}
        case Door.REGISTRY:
            (error,) = answer.body["errors"]
            return (answer.outcome, error["code"], error["message"]) == (
                "405",
                "UNSUPPORTED",
                f"{SENTENCE} Reason: {REASON}",
            )


async def refusal_problems(populated: Place, rows: tuple[Row, ...]) -> list[str]:
    """The rows that are not refused, and what they change together."""
    # What a row needs there need not be: whether the mode is on is asked before all else.
    populated.facts = defaultdict(lambda: "1", populated.facts, location="/v2/acme/app/blobs/uploads/1")
    await switch(is_on=True)
    before = await dump()
    answers = [(row, await send(populated, row.request)) for row in rows]
    changed = changes(before, await dump(), but=())
    return [
        *(
            f"{row.name}: {answer.outcome} {answer.body}"
            for row, answer in answers
            if not is_refusal(row, answer)
        ),
        *([f"they change {changed}"] if changed else []),
    ]


@pytest.mark.parametrize("door", REFUSED)
async def test_every_write_is_refused_and_changes_nothing(
    door: str, factory: Factory, settings_with_files: Settings
) -> None:
    async with place(factory, settings_with_files) as populated:
        found = await refusal_problems(populated, REFUSED[door])
    assert not found, "\n".join(found)


async def test_the_first_user_waits(factory: Factory, settings_with_files: Settings) -> None:
    async with place(factory, settings_with_files, is_empty=True) as empty:
        found = await refusal_problems(empty, FIRST)
    assert not found, "\n".join(found)


async def test_signing_in_goes_on(factory: Factory, settings_with_files: Settings) -> None:
    async with place(factory, settings_with_files) as populated:
        await keep()
        first = await dump()
        await switch(is_on=True)
        for row in GOING_ON:
            before = await dump()
            answer = await send(populated, row.request)
            after = await dump()

            assert answer.outcome == (row.outcome or "200"), (row.name, answer.body)
            done = "" if row.name in UNTOUCHED else row.changes
            assert changes(before, after) == done, row.name
            names = (name for name in first if "_search" not in name and before[name] != after[name])
            await restore(*(name for name in names if name != "site_setting"))
            await switch(is_on=True)

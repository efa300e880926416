"""Events of changes of tags."""

from storage.clock import now_ms
from storage.statements import decode_json, fetch
from tests.factories import Factory
from tests.schema.client import GraphQL
from tests.schema.tags.test_tags import UPDATE, iso


async def test_events_of_expirations_and_locks_have_the_old_value(factory: Factory, ada: GraphQL) -> None:
    await factory.repository("ada/app")
    await factory.image("ada/app", b"layer", tag="v1")
    first, second = ((now_ms() // 1000 + hours * 3_600) * 1000 for hours in (2, 3))
    for change in ({"expiresAt": iso(first)}, {"expiresAt": iso(second)}, {"expiresAt": None}):
        await ada.payload(UPDATE, tag="v1", input=change)
    for is_immutable in (True, False):
        await ada.payload(UPDATE, tag="v1", input={"isImmutable": is_immutable})

    rows = await fetch("SELECT kind, metadata FROM event WHERE kind LIKE 'change_tag%' ORDER BY id")

    told = [(row["kind"], decode_json(row["metadata"])) for row in rows]
    place = {"username": "ada", "namespace": "ada", "repo": "app", "tag": "v1"}
    assert [(kind, {key: data[key] for key in place}) for kind, data in told] == [
        *[("change_tag_expiration", place)] * 3,
        *[("change_tag_immutability", place)] * 2,
    ]
    assert [(data["expiration_date"], data["old_expiration_date"]) for _, data in told[:3]] == [
        (first // 1000, None),
        (second // 1000, first // 1000),
        (None, second // 1000),
    ]
    assert [(data["immutable"], data["previous_immutable"]) for _, data in told[3:]] == [
        (True, False),
        (False, True),
    ]

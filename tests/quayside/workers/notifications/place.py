"""A registry whose jobs run when a test says so, and a receiver of notifications."""

import re
from dataclasses import dataclass
from typing import Any

from quayside.workers.runner import Runner
from resolvers.content import push
from resolvers.repositories import repository
from tests.docs import DOCS
from tests.factories import Factory
from tests.feeding import settle
from tests.quayside.registry import kit
from tests.receiver import Receiver
from tests.schema.client import GraphQL, Json

PATH = "acme/app"
OWNER = 'owner: { repository: "acme/app" }'
CREATE = f"""mutation ($input: NotificationCreateInput!) {{ notificationCreate({OWNER}, input: $input) {{
  notification {{ uuid }} errors {{ code field message }} }} }}"""
LOG = """query ($uuid: String!, $statuses: [NotificationDeliveryStatus!]) {
  repository(path: "acme/app") { notification(uuid: $uuid) { numberOfFailures
    deliveries(first: 100, statuses: $statuses) { nodes {
      id eventId isTest status attempts httpStatus response error payload } } } } }"""


async def push_image(factory: Factory, path: str, *tags: str) -> str:
    """Push one image as `ada` by several tags; its digest."""
    found = await repository.find(path)
    assert found is not None
    document = kit.image_document(b"layer")
    pushed = await push.put_manifest(
        await factory.as_account("ada"),
        found,
        kit.encode(document),
        content_type=document["mediaType"],
        tags=tags,
    )
    return pushed.digest


@dataclass(frozen=True)
class Place:
    """A registry whose jobs run when a test says so, its owner, and a receiver."""

    factory: Factory
    runner: Runner
    owner: GraphQL
    receiver: Receiver

    async def notify(
        self, path: str, *, event: str = "REPO_PUSH", method: str = "WEBHOOK", **more: Any
    ) -> str:
        """A notification of the repository that is sent to a path of the receiver; its uuid."""
        config = {"url": self.receiver.url(path)} | more.pop("config", {})
        made = await self.owner.payload(
            CREATE, input={"event": event, "method": method, "config": config, **more}
        )
        uuid: str = made["notification"]["uuid"]
        return uuid

    async def push(self, *tags: str) -> str:
        """Push one image by several tags; its digest."""
        return await push_image(self.factory, PATH, *tags)

    async def settle(self) -> None:
        """Let the runner work until nothing is due."""
        await settle(self.runner)

    async def act(self, mutation: str, uuid: str, more: str = "") -> Json:
        """Call a mutation about a notification."""
        return await self.owner.payload(
            f"""mutation {{ notification{mutation}({OWNER}, notification: "{uuid}"{more}) {{
              errors {{ code field message }} }} }}"""
        )

    async def log(self, uuid: str, *statuses: str) -> Json:
        """The notification with its deliveries, newest first."""
        found = await self.owner.data(LOG, uuid=uuid, statuses=list(statuses) or None)
        notification: Json = found["repository"]["notification"]
        return notification


def tags_of(found: list[Any]) -> list[str]:
    """The tags that requests tell of, in their order."""
    return [tag for one in found for tag in one.json["updated_tags"]]


def documented() -> dict[str, Any]:
    """What the example of the page on notifications defines."""
    page = (DOCS / "notifications.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    defined: dict[str, Any] = {}
    exec(example, defined)
    waits = [int(number) for number in re.findall(r"\d+", re.findall(r"again after (.*?) seconds", page)[0])]
    return defined | {"waits": tuple(waits)}

"""The latest pushes to a namespace, as its members see them."""

from datetime import datetime

import strawberry

from resolvers.repositories.latest_pushes import PushRecord
from schema.accounts.account import Account
from schema.accounts.robot import load_account
from schema.context import Info
from schema.repositories.repository import Repository, to_judged_repository
from schema.scalars import Digest, to_datetime


@strawberry.type(description="A push of an image or index by a tag.")
class Push:
    record: strawberry.Private[PushRecord]

    @strawberry.field(description="When it was pushed.")
    def pushed_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)

    @strawberry.field(description="Who pushed it; null if the account is gone.")
    async def pushed_by(self, info: Info) -> Account | None:
        return await load_account(info, self.record.performer_id)

    @strawberry.field(description="Where it was pushed to; null if that was deleted just now.")
    async def repository(self, info: Info) -> Repository | None:
        record = await info.context.loaders.repositories.load(self.record.repository_id)
        return to_judged_repository(record) if record else None

    @strawberry.field(description="The tag by which it was pushed; it may point elsewhere by now.")
    def tag_name(self) -> str:
        return str(self.record.metadata["tag"])

    @strawberry.field(description="The manifest that was pushed; it may have been deleted since.")
    def digest(self) -> Digest:
        return Digest(self.record.metadata["manifest_digest"])

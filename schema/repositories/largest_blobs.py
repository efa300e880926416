"""The largest blobs of a namespace, as its members see them."""

from collections.abc import Sequence

import strawberry

from resolvers.repositories.largest_blobs import LargeBlob as LargeBlobRecord
from schema.context import Info
from schema.repositories.repository import Repository, to_judged_repository
from schema.scalars import BigInt, Digest


@strawberry.type(description="A blob that repositories of a namespace hold; the namespace stores it once.")
class LargeBlob:
    record: strawberry.Private[LargeBlobRecord]

    @strawberry.field(
        description="Its digest; null unless the viewer may see a repository of the namespace that holds it."
    )
    async def digest(self, info: Info) -> Digest | None:
        return Digest(self.record.digest) if await self._seen_in(info) else None

    @strawberry.field(description="Its size in bytes.")
    def size_bytes(self) -> BigInt:
        return BigInt(self.record.size_bytes)

    @strawberry.field(description="How many repositories of the namespace hold it.")
    def repository_count(self) -> int:
        return self.record.holders

    @strawberry.field(
        description="Those of them that the viewer may see, oldest first; at most the first 20."
    )
    async def repositories(self, info: Info) -> list[Repository]:
        records = await info.context.loaders.repositories.load_many(list(await self._seen_in(info)))
        return [to_judged_repository(record) for record in records if record is not None]

    async def _seen_in(self, info: Info) -> Sequence[int]:
        key = (self.record.digest, self.record.namespace_id)
        return await info.context.loaders.repositories_with.load(key)

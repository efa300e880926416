"""The installation: what it is, what it stores, its first user, its read-only mode."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers import operations, readonly, site
from resolvers.advisories import advisory
from resolvers.mirrors.mirror import Architecture
from resolvers.scan import queue
from resolvers.sizes import recount
from schema.accounts.account import User, to_user
from schema.context import Info
from schema.errors import Payload, mutation
from schema.guards import REFUSABLE
from schema.operations import Operations
from schema.record.site import SiteRecord
from schema.scalars import BigInt, optional_datetime
from schema.scan.queue import ScanQueue, to_scan_queue
from schema.setting import SiteConfiguration


@strawberry.type(description="What the registry stores. A job counts it daily, and when it is asked to.")
class RegistryStorage:
    record: strawberry.Private[recount.RegistrySize]

    @strawberry.field(
        description="Bytes of all blobs, each stored once, and of the manifests of all repositories; null"
        " before they were first counted."
    )
    def stored_bytes(self) -> BigInt | None:
        return None if self.record.stored_bytes is None else BigInt(self.record.stored_bytes)

    @strawberry.field(description="When it was counted; null if never.")
    def counted_at(self) -> datetime | None:
        return optional_datetime(self.record.counted_at_ms)

    @strawberry.field(description="Whether it will be counted as soon as there is room for the job.")
    def is_recount_queued(self) -> bool:
        return self.record.is_queued

    @strawberry.field(description="Whether it is being counted.")
    def is_recount_running(self) -> bool:
        return self.record.is_running


@strawberry.type(description="The advisories of vulnerabilities that operators imported.")
class SiteAdvisories:
    count: int = strawberry.field(description="How many there are, without those that were withdrawn.")
    imported_at: datetime | None = strawberry.field(
        description="When advisories were last imported, be it that none was new; null if never."
    )


@strawberry.type(description="The installation.")
class Site(SiteRecord, SiteConfiguration):
    @strawberry.field(description="The address that web clients reach it by.")
    def public_url(self, info: Info) -> str:
        return info.context.context.site.public_url

    @strawberry.field(description="What image names begin with, such as `registry.example.com`.")
    def registry_host(self, info: Info) -> str:
        return info.context.context.site.registry_host

    @strawberry.field(
        description="Whether mail goes out. If not, mails stay in the outbox, and what needs a code from one"
        " needs the operator."
    )
    def has_mail_server(self, info: Info) -> bool:
        return info.context.context.site.has_mail_server

    @strawberry.field(
        description="Whether an index may be pushed or mirrored without all of its images: the feature"
        " `SPARSE_INDEX`."
    )
    def has_sparse_indexes(self, info: Info) -> bool:
        return info.context.context.site.has("SPARSE_INDEX")

    @strawberry.field(
        description="The architectures by which a mirror may choose images of an index, at most four."
    )
    def mirror_architectures(self) -> list[Architecture]:
        return list(Architecture)

    @strawberry.field(
        description="Whether the registry is in read-only mode, in which nothing changes content, accounts or"
        " settings; mutations are refused with `READ_ONLY`."
    )
    async def is_read_only(self) -> bool:
        return await readonly.current() is not None

    @strawberry.field(description="Why it is in read-only mode; null if it is not, or nobody said why.")
    async def read_only_reason(self) -> str | None:
        mode = await readonly.current()
        return mode.reason if mode else None

    @strawberry.field(description="Since when it is in read-only mode; null if it is not.")
    async def read_only_since(self) -> datetime | None:
        mode = await readonly.current()
        return optional_datetime(mode.since_ms if mode else None)

    @strawberry.field(
        description="How the registry does: health, jobs, event lag, sign-ins, storage by namespace. Refused"
        " to others than superusers.",
        metadata=REFUSABLE,
    )
    async def operations(self, info: Info) -> Operations:
        return Operations(record=operations.look(info.context.context))

    @strawberry.field(
        description="What the registry stores, as the last recount found. Refused to others than superusers.",
        metadata=REFUSABLE,
    )
    async def storage(self, info: Info) -> RegistryStorage:
        return RegistryStorage(record=await recount.registry_size(info.context.context))

    @strawberry.field(
        description="The advisories that packages are compared with. Refused to others than superusers.",
        metadata=REFUSABLE,
    )
    async def advisories(self, info: Info) -> SiteAdvisories:
        found = await advisory.imported(info.context.context)
        return SiteAdvisories(count=found.count, imported_at=optional_datetime(found.imported_at_ms))

    @strawberry.field(
        description="The scans of images that are to be made; null where nothing is scanned. Refused to"
        " others than superusers.",
        metadata=REFUSABLE,
    )
    async def scan_queue(self, info: Info) -> ScanQueue | None:
        return to_scan_queue(await queue.scan_queue(info.context.context))


@strawberry.type
class SiteQuery:
    @strawberry.field(description="The installation. Anybody may look.")
    def site(self) -> Site:
        return Site()


@strawberry.input(description="The first user of the installation.")
class UserInitializeInput:
    username: str = strawberry.field(description="The name to sign in with.")
    password: str = strawberry.field(description="At least 8 characters without white space.")
    email: str | None = strawberry.field(default=None, description="An e-mail address.")
    include_access_token: bool = strawberry.field(
        default=False, description="Whether to make an access token with every scope as well."
    )
    code: str | None = strawberry.field(
        default=None, description="The one-time code printed at the first start; needed from other machines."
    )


@strawberry.type(description="What came of creating the first user.")
class UserInitializePayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user, a superuser; null if refused.")
    email: str | None = strawberry.field(default=None, description="The address on record.")
    encrypted_password: str | None = strawberry.field(
        default=None, description="A text that may stand for the password in `docker login`."
    )
    access_token: str | None = strawberry.field(
        default=None, description="The access token, shown this once; null if not asked for."
    )


@strawberry.type(description="What came of ordering a recount of the registry.")
class StorageRecountPayload(Payload):
    is_started: bool | None = strawberry.field(
        default=None,
        description="Whether it was ordered now; false if one was queued or running. Null if refused.",
    )


@strawberry.input(description="Whether the registry is to be in read-only mode.")
class SiteReadOnlySetInput:
    is_read_only: bool = strawberry.field(description="Whether it is to be.")
    reason: str | None = strawberry.field(
        default=None,
        description="Why, in one line of at most 500 characters; everybody who is refused reads it.",
    )


@strawberry.type(description="What came of switching read-only mode.")
class SiteReadOnlySetPayload(Payload):
    site: Site | None = strawberry.field(default=None, description="The installation; null if refused.")
    open_writes: int | None = strawberry.field(
        default=None,
        description="How many transactions and jobs that began before the switch were still open after"
        " waiting up to ten seconds for them. 0: from now on nothing changes. Null if refused.",
    )


@strawberry.type
class SiteMutation:
    @mutation(
        StorageRecountPayload,
        description="Count anew what the registry stores, unless that is queued or running already. For"
        " superusers; needs a fresh login of a session.",
    )
    async def storage_recount(self, info: Info) -> Any:
        return StorageRecountPayload(is_started=await recount.order(info.context.context))

    @mutation(
        UserInitializePayload,
        description="Create the first user, a superuser, while there is none: from the server's own machine,"
        " or with the code that it printed at its first start.",
    )
    async def user_initialize(
        self,
        info: Info,
        input: Annotated[UserInitializeInput, strawberry.argument(description="The first user.")],
    ) -> Any:
        made = await site.initialize(
            info.context.context,
            username=input.username,
            password=input.password,
            email=input.email,
            with_access_token=input.include_access_token,
            code=input.code,
        )
        return UserInitializePayload(
            user=to_user(made.account),
            email=made.account.email,
            encrypted_password=made.encrypted_password,
            access_token=made.access_token,
        )

    @mutation(
        SiteReadOnlySetPayload,
        description="Switch read-only mode on or off, for upgrades and backups; it lasts over restarts."
        " Switching it on waits until no write that began before is open. For superusers; needs a fresh login"
        " of a session.",
    )
    async def site_read_only_set(
        self,
        info: Info,
        input: Annotated[SiteReadOnlySetInput, strawberry.argument(description="The mode.")],
    ) -> Any:
        switched = await readonly.set_read_only(
            info.context.context, is_read_only=input.is_read_only, reason=input.reason
        )
        return SiteReadOnlySetPayload(site=Site(), open_writes=switched.open_writes)

"""Labels of manifests."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

import resolvers.manifests.label
from resolvers.manifests.label import LabelRecord, LabelSource
from schema.context import Info
from schema.errors import DeletionPayload, Payload, mutation
from schema.inputs import PathArgument
from schema.node_id import Node, encode_id
from schema.scalars import Digest, to_datetime

strawberry.enum(
    LabelSource,
    name="LabelSource",
    description="Where a label comes from: the image itself, the API, or this registry. Only what the"
    " API made can be deleted.",
)


@strawberry.type(description="A key and value on a manifest. Several labels may have one key.")
class Label(Node):
    record: strawberry.Private[LabelRecord]

    @strawberry.field(description="What it is deleted by.")
    def uuid(self) -> str:
        return self.record.uuid

    @strawberry.field(description="The key, such as `org.example.release`.")
    def key(self) -> str:
        return self.record.key

    @strawberry.field(description="The value, in the format of its media type.")
    def value(self) -> str:
        return self.record.value

    @strawberry.field(description="`text/plain` or `application/json`, as whoever made it says.")
    def media_type(self) -> str:
        return self.record.media_type.value

    @strawberry.field(description="Where it comes from.")
    def source(self) -> LabelSource:
        return self.record.source

    @strawberry.field(description="When it was added.")
    def created_at(self) -> datetime:
        return to_datetime(self.record.created_at_ms)


def to_label(record: LabelRecord) -> Label:
    """A label as a GraphQL value."""
    return Label(id=encode_id("Label", record.id), record=record)


@strawberry.input(description="A new label.")
class ManifestLabelCreateInput:
    key: str = strawberry.field(
        description="Lower-case letters, digits, and single `-` and `.` between them; not beginning with a"
        " reserved prefix such as `org.opencontainers.`."
    )
    value: str = strawberry.field(description="At most 65,536 characters.")
    media_type: str | None = strawberry.field(
        default=None,
        description="`text/plain` or `application/json`; told from the value if not given.",
    )


@strawberry.type(description="What came of adding a label.")
class ManifestLabelCreatePayload(Payload):
    label: Label | None = strawberry.field(default=None, description="The label; null if refused.")


@strawberry.type(description="What came of deleting a label.")
class ManifestLabelDeletePayload(DeletionPayload):
    uuid: str | None = strawberry.field(default=None, description="What was deleted; null if refused.")


_Manifest = Annotated[Digest, strawberry.argument(description="The manifest's digest.")]


@strawberry.type
class LabelMutation:
    @mutation(
        ManifestLabelCreatePayload,
        description="Add a label to a manifest; the same again makes another one. Requires `repo:write`.",
    )
    async def manifest_label_create(
        self,
        info: Info,
        repository: PathArgument,
        manifest: _Manifest,
        input: Annotated[ManifestLabelCreateInput, strawberry.argument(description="The new label.")],
    ) -> Any:
        record = await resolvers.manifests.label.create(
            info.context.context,
            repository,
            manifest,
            key=input.key,
            value=input.value,
            media_type=input.media_type,
        )
        return ManifestLabelCreatePayload(label=to_label(record))

    @mutation(
        ManifestLabelDeletePayload,
        description="Delete a label that the API made; those of the image itself stay. Requires"
        " `repo:write`.",
    )
    async def manifest_label_delete(
        self,
        info: Info,
        repository: PathArgument,
        manifest: _Manifest,
        label: Annotated[str, strawberry.argument(description="The label, by its `uuid`.")],
    ) -> Any:
        record = await resolvers.manifests.label.delete(info.context.context, repository, manifest, label)
        return ManifestLabelDeletePayload(uuid=record.uuid, deleted_id=encode_id("Label", record.id))

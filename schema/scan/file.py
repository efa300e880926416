"""Files of images."""

import strawberry

from resolvers.scan.files import FileType
from resolvers.scan.files import ImageFile as ImageFileRecord
from schema.scalars import BigInt, Digest

strawberry.enum(FileType, name="FileType", description="What a file of an image is.")


@strawberry.type(description="A file of an image, or a directory.")
class ImageFile:
    record: strawberry.Private[ImageFileRecord]

    @strawberry.field(description="Its path, without a `/` in front; bytes that are no UTF-8 are replaced.")
    def path(self) -> str:
        return self.record.path

    @strawberry.field(description="The last step of its path.")
    def name(self) -> str:
        return self.record.path.rpartition("/")[2]

    @strawberry.field(description="What it is.")
    def type(self) -> FileType:
        return self.record.type

    @strawberry.field(
        description="Its permissions, such as 420, which is `rw-r--r--`; null for a directory that no layer"
        " lists, but what is in it."
    )
    def mode(self) -> int | None:
        return self.record.mode

    @strawberry.field(description="The size of its content in bytes; null for what is no regular file.")
    def size_bytes(self) -> BigInt | None:
        return None if self.record.size_bytes is None else BigInt(self.record.size_bytes)

    @strawberry.field(description="The digest of its content; null for what is no regular file.")
    def digest(self) -> Digest | None:
        return Digest(self.record.digest) if self.record.digest else None

    @strawberry.field(
        description="Where a link leads: that of a hard link is a path of the image; null for anything else."
    )
    def link_target(self) -> str | None:
        return self.record.target

    @strawberry.field(
        description="The digest of the layer that it comes from; of a directory the topmost that lists it, or"
        " where none does, what is in it."
    )
    def layer_digest(self) -> Digest:
        return Digest(self.record.layer_digest)


def to_image_file(record: ImageFileRecord) -> ImageFile:
    """A file as a GraphQL value."""
    return ImageFile(record=record)

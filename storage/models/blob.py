"""Blobs, the right of a repository to a blob, and open uploads."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Blob(Model):
    """Bytes that the blob store holds, known by their digest.

    `storage.blob_rows` keeps rows and bytes in step. `committed_at_ms` is when the bytes were committed last,
    or found without a row; until they are there for the first time, `size_bytes` is 0. `state` is `stored`,
    `deleting` or `absent`; in the second, the bytes may vanish at any time until `deleting_until_ms`. In the
    third they are lost since then, and rights to them count for nothing until they are pushed again.
    """

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=140, unique=True)
    size_bytes = fields.BigIntField()
    created_at_ms = fields.BigIntField()
    committed_at_ms = fields.BigIntField(null=True)
    state = fields.CharField(max_length=16, default="stored", db_default="stored")
    deleting_until_ms = fields.BigIntField(null=True)

    class Meta:
        table = "blob"


class RepositoryBlob(Model):
    """The right of one repository to one blob. Without this row the blob does not exist there."""

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    blob: Any = fields.ForeignKeyField(
        "models.Blob", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "repository_blob"
        unique_together = (("repository", "blob"),)


class Upload(Model):
    """An upload under way. Its bytes and its offset live in the blob store under `uuid`.

    `used_at_ms` is when a client last asked about it, to the hour; null until the first hour is over.
    `size_bytes` is how much it holds, to some megabytes. `reserved_bytes` of the quota of the namespace
    `namespace_id` are kept free for it; both are written where a quota may refuse.

    With a `digest` it is no client's: the registry fetches that blob from an upstream, once for a repository.
    The process `holder` does so until `held_until_ms`; after that another one goes on.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    created_at_ms = fields.BigIntField()
    used_at_ms = fields.BigIntField(null=True)
    size_bytes = fields.BigIntField(default=0, db_default=0)
    namespace_id = fields.BigIntField(null=True)
    reserved_bytes = fields.BigIntField(default=0, db_default=0)
    digest = fields.CharField(max_length=140, null=True)
    holder = fields.CharField(max_length=36, null=True)
    held_until_ms = fields.BigIntField(null=True)

    class Meta:
        table = "upload"


class StrayUpload(Model):
    """An upload that the blob store holds and no row of `upload` speaks of, and when it was first found."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    found_at_ms = fields.BigIntField()

    class Meta:
        table = "stray_upload"

"""Blobs, the right of a repository to a blob, and open uploads."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Blob(Model):
    """Bytes that the blob store holds, known by their digest."""

    id = fields.BigIntField(primary_key=True)
    digest = fields.CharField(max_length=140, unique=True)
    size_bytes = fields.BigIntField()
    created_at_ms = fields.BigIntField()

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
    """An upload under way. Its bytes and its offset live in the blob store under `uuid`."""

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "upload"

"""Stored bytes of repositories and namespaces, which triggers keep, and their history.

No foreign keys: counting never waits for a deletion, and what leaves with a deleted row is still counted.
"""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class NamespaceContent(Model):
    """A blob or the body of a manifest to which repositories of a namespace have a right, each digest once.

    `holders` is the number of repositories that have it; the row goes with the last of them.
    """

    id = fields.BigIntField(primary_key=True)
    namespace_id = fields.BigIntField()
    digest = fields.CharField(max_length=140)
    is_manifest = fields.BooleanField()
    size_bytes = fields.BigIntField()
    holders = fields.BigIntField()

    class Meta:
        table = "namespace_content"
        unique_together = (("namespace_id", "digest", "is_manifest"),)
        indexes = (Index(fields=("namespace_id", "size_bytes", "id")),)


class NamespaceSize(Model):
    """The stored bytes of a namespace: the sum over its rows of `namespace_content`.

    The row is also the lock under which content enters and leaves a namespace.
    """

    namespace_id = fields.BigIntField(primary_key=True, generated=False)
    stored_bytes = fields.BigIntField(default=0)

    class Meta:
        table = "namespace_size"


class RepositorySize(Model):
    """The stored bytes of a repository: blobs to which it has a right, and bodies of its manifests."""

    repository_id = fields.BigIntField(primary_key=True, generated=False)
    namespace_id = fields.BigIntField()
    stored_bytes = fields.BigIntField(default=0)

    class Meta:
        table = "repository_size"
        indexes = (Index(fields=("namespace_id", "stored_bytes", "repository_id")),)


class StorageSample(Model):
    """The stored bytes of a repository at the end of a day (days since the epoch, UTC).

    `repository_id` is 0 in the samples of the namespace as a whole.
    """

    id = fields.BigIntField(primary_key=True)
    namespace_id = fields.BigIntField()
    repository_id = fields.BigIntField(default=0)
    day = fields.IntField()
    stored_bytes = fields.BigIntField()

    class Meta:
        table = "storage_sample"
        unique_together = (("namespace_id", "repository_id", "day"),)
        indexes = (Index(fields=("day",)),)

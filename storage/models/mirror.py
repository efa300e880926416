"""Mirrors: repositories whose tags come from another registry."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class RepositoryMirror(Model):
    """Where the tags of a repository come from, as whom they are fetched, which, and when.

    `robot` writes what is fetched. The user name, the password and the proxy, whose address may hold one, are
    encrypted. `sync_starts_at_ms` is when the next run begins, if the mirror is enabled and has
    `retries_remaining`; null after a run that was cancelled. `claimed_until_ms` is when a run that goes on
    counts as dead.
    """

    id = fields.BigIntField(primary_key=True)
    repository: Any = fields.OneToOneField("models.Repository", related_name=False, on_delete=fields.CASCADE)
    robot: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True, db_index=True
    )
    source = fields.CharField(max_length=512)
    username_encrypted = fields.TextField(null=True)
    password_encrypted = fields.TextField(null=True)
    proxy_encrypted = fields.TextField(null=True)
    verifies_tls = fields.BooleanField(default=True)
    accepts_unsigned = fields.BooleanField(default=False)
    extra_cas = fields.TextField(null=True)
    tag_patterns: Any = fields.JSONField(default=list)
    architectures: Any = fields.JSONField(default=list)
    is_enabled = fields.BooleanField(default=True)
    follows_deletions = fields.BooleanField(default=False)
    sync_starts_at_ms = fields.BigIntField(null=True)
    sync_interval_s = fields.BigIntField()
    tag_timeout_s = fields.BigIntField()
    status = fields.CharField(max_length=16)
    retries_remaining = fields.IntField()
    claimed_until_ms = fields.BigIntField(null=True)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "repository_mirror"
        indexes = (Index(fields=("sync_starts_at_ms", "id")),)


class MirrorRun(Model):
    """One run of a mirror: how far it has come, what it fetched, and what failed.

    `job_id` is the job that does it; another one that finds it open goes on with it. `tag_count` is null
    until the tags of the source are known. `failures` lists the first tags that failed, each with the reason.
    """

    id = fields.BigIntField(primary_key=True)
    mirror: Any = fields.ForeignKeyField(
        "models.RepositoryMirror", related_name=False, on_delete=fields.CASCADE
    )
    job_id = fields.BigIntField(null=True)
    status = fields.CharField(max_length=16)
    started_at_ms = fields.BigIntField()
    ended_at_ms = fields.BigIntField(null=True)
    tag_count = fields.BigIntField(null=True)
    done_count = fields.BigIntField(default=0)
    changed_count = fields.BigIntField(default=0)
    removed_count = fields.BigIntField(default=0)
    failed_count = fields.BigIntField(default=0)
    fetched_bytes = fields.BigIntField(default=0)
    message = fields.TextField(null=True)
    failures: Any = fields.JSONField(default=list)

    class Meta:
        table = "mirror_run"
        indexes = (Index(fields=("mirror_id", "id")),)


class OrganizationMirror(Model):
    """Which repositories of another registry an organization follows, as whom, and when it looks.

    `catalog` is the API by which the registry lists them, `source` its host with the namespace, as sources of
    mirrors begin. Credentials, proxy, robot, timeout and switch are those of all its repositories' mirrors.
    `job_id` is the job that looks; `message` is what came of it last.
    """

    id = fields.BigIntField(primary_key=True)
    organization: Any = fields.OneToOneField("models.Account", related_name=False, on_delete=fields.CASCADE)
    robot: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True, db_index=True
    )
    catalog = fields.CharField(max_length=16)
    registry_url = fields.CharField(max_length=512)
    upstream_namespace = fields.CharField(max_length=255)
    source = fields.CharField(max_length=512)
    username_encrypted = fields.TextField(null=True)
    password_encrypted = fields.TextField(null=True)
    proxy_encrypted = fields.TextField(null=True)
    verifies_tls = fields.BooleanField(default=True)
    accepts_unsigned = fields.BooleanField(default=False)
    extra_cas = fields.TextField(null=True)
    repository_patterns: Any = fields.JSONField(default=list)
    visibility = fields.CharField(max_length=16)
    is_enabled = fields.BooleanField(default=True)
    sync_starts_at_ms = fields.BigIntField(null=True)
    sync_interval_s = fields.BigIntField()
    tag_timeout_s = fields.BigIntField()
    status = fields.CharField(max_length=16)
    retries_remaining = fields.IntField()
    job_id = fields.BigIntField(null=True)
    message = fields.TextField(null=True)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "organization_mirror"
        indexes = (Index(fields=("sync_starts_at_ms", "id")),)


class DiscoveredRepository(Model):
    """A repository of another registry that an organization follows, with its mirror.

    `seen_at_ms` is when the registry listed it last. `problem` says why it has no mirror.
    """

    id = fields.BigIntField(primary_key=True)
    organization_mirror: Any = fields.ForeignKeyField(
        "models.OrganizationMirror", related_name=False, on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=255)
    mirror: Any = fields.OneToOneField(
        "models.RepositoryMirror", related_name=False, on_delete=fields.SET_NULL, null=True
    )
    discovered_at_ms = fields.BigIntField()
    seen_at_ms = fields.BigIntField()
    problem = fields.TextField(null=True)

    class Meta:
        table = "discovered_repository"
        unique_together = (("organization_mirror", "name"),)

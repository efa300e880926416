"""Builds of images: the builds, what they print, and contexts that were uploaded for them."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Build(Model):
    """A build of an image from a Dockerfile: what was ordered, how far it is, and what came of it.

    `account` ordered it, and pushes its image; null once that account is gone. `robot` fetches base images
    instead, which `has_robot` still says when it is gone. The arguments, which may hold secrets, are
    encrypted JSON. The context comes from `archive_url`, or from the file `context_file_id`, or is the commit
    `git_commit` of the Git repository `git_url`, which a trigger had built; `trigger_metadata` is what the
    push told of it, `git_ref` what was pushed. `is_manual`: the account ordered it itself. `waits_because`
    says why a build that waits cannot begin, `counts` how far it has come. `digest` is that of its image,
    `provenance_digest` that of the manifest which says how it was made, `sbom_digest` that of the one which
    says what is in it.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    repository: Any = fields.ForeignKeyField(
        "models.Repository", related_name=False, on_delete=fields.CASCADE
    )
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True, db_index=True
    )
    robot: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True, db_index=True
    )
    has_robot = fields.BooleanField(default=False, db_default=False)
    job_id = fields.BigIntField(null=True)
    phase = fields.CharField(max_length=16)
    created_at_ms = fields.BigIntField()
    started_at_ms = fields.BigIntField(null=True)
    ended_at_ms = fields.BigIntField(null=True)
    display_name = fields.CharField(max_length=64)
    archive_url = fields.TextField(null=True)
    context_file_id = fields.BigIntField(null=True)
    dockerfile_path = fields.CharField(max_length=512)
    context_path = fields.CharField(max_length=512)
    tags: Any = fields.JSONField(default=list)
    arguments_encrypted = fields.TextField(null=True)
    waits_because = fields.CharField(max_length=500, null=True)
    error = fields.TextField(null=True)
    counts: Any = fields.JSONField(default=dict)
    digest = fields.CharField(max_length=140, null=True)
    provenance_digest = fields.CharField(max_length=140, null=True)
    sbom_digest = fields.CharField(max_length=140, null=True)
    trigger: Any = fields.ForeignKeyField(
        "models.BuildTrigger", related_name=False, on_delete=fields.CASCADE, null=True
    )
    trigger_metadata: Any = fields.JSONField(null=True)
    git_url = fields.TextField(null=True)
    git_commit = fields.CharField(max_length=64, null=True)
    git_ref = fields.TextField(null=True)
    is_manual = fields.BooleanField(default=True, db_default=True)

    class Meta:
        table = "build"
        indexes = (
            Index(fields=("repository_id", "created_at_ms", "id")),
            Index(fields=("phase", "id")),
            Index(fields=("repository_id", "digest", "id")),
            Index(fields=("trigger_id", "created_at_ms", "id")),
            Index(fields=("sbom_digest",), name="idx_build_sbom"),
        )


class BuildLogLine(Model):
    """A line that a build printed, or a phase that it entered.

    `number` counts from 0 within the build.
    """

    id = fields.BigIntField(primary_key=True)
    build: Any = fields.ForeignKeyField("models.Build", related_name=False, on_delete=fields.CASCADE)
    number = fields.IntField()
    kind = fields.CharField(max_length=8, null=True)
    text = fields.TextField()
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "build_log_line"
        unique_together = (("build", "number"),)


class BuildLogArchive(Model):
    """All that a build printed that has ended: its lines as JSON, compressed by gzip."""

    id = fields.BigIntField(primary_key=True)
    build: Any = fields.OneToOneField("models.Build", related_name=False, on_delete=fields.CASCADE)
    line_count = fields.IntField()
    content = fields.BinaryField()

    class Meta:
        table = "build_log_archive"


class ContextFile(Model):
    """A context that an account uploaded for a build. `uuid` names it until one takes it.

    Until the upload is through, `digest` is null. The bytes are in the blob store, where a job removes them.
    """

    id = fields.BigIntField(primary_key=True)
    uuid = fields.CharField(max_length=36, unique=True)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    created_at_ms = fields.BigIntField()
    digest = fields.CharField(max_length=140, null=True)
    size_bytes = fields.BigIntField(default=0, db_default=0)
    is_taken = fields.BooleanField(default=False, db_default=False)

    class Meta:
        table = "context_file"

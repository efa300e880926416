"""Counters of pulls and pushes, without foreign keys, so that counting never waits for a deletion."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class DailyActivity(Model):
    """What happened in a repository on one day (days since the epoch, UTC), by the kind of actor.

    `actor_kind` is user, robot, token or anonymous; `checks` are HEAD requests, which are not pulls.
    """

    id = fields.BigIntField(primary_key=True)
    repository_id = fields.BigIntField()
    namespace_id = fields.BigIntField()
    day = fields.IntField()
    actor_kind = fields.CharField(max_length=16)
    pulls = fields.BigIntField(default=0)
    checks = fields.BigIntField(default=0)
    pushes = fields.BigIntField(default=0)

    class Meta:
        table = "daily_activity"
        unique_together = (("repository_id", "day", "actor_kind"),)
        indexes = (Index(fields=("namespace_id", "day")),)


class ManifestPulls(Model):
    """How often a manifest was pulled, and when last."""

    manifest_id = fields.BigIntField(primary_key=True, generated=False)
    pulls = fields.BigIntField(default=0)
    last_pulled_at_ms = fields.BigIntField()

    class Meta:
        table = "manifest_pulls"


class TagPulls(Model):
    """How often a tag was pulled by its name, and when last.

    `life` is that of the tag (`Tag.life`): a tag that is made again starts at 0.
    """

    id = fields.BigIntField(primary_key=True)
    repository_id = fields.BigIntField()
    name = fields.CharField(max_length=128)
    pulls = fields.BigIntField(default=0)
    last_pulled_at_ms = fields.BigIntField()
    life = fields.IntField(default=0, db_default=0)

    class Meta:
        table = "tag_pulls"
        unique_together = (("repository_id", "name"),)

"""Notices: what the bell of web interfaces tells."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class InboxNotice(Model):
    """What a user, the members of a team, or the administrators of an organization are told.

    `account_id` is the user or organization; with neither it nor a team, superusers are told. `invite_id` is
    the invitation that it tells of, with which it ends. `source` names what caused it, so that causes that
    come twice tell once. `repository_id` is the repository that it tells of, which its readers must be able
    to read, null if it tells of none. It is no foreign key: what tells of a repository that is gone must not
    become what tells of none.
    """

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=64)
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, null=True
    )
    team: Any = fields.ForeignKeyField("models.Team", related_name=False, on_delete=fields.CASCADE, null=True)
    invite: Any = fields.ForeignKeyField(
        "models.TeamInvite", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    repository_id = fields.BigIntField(null=True)
    metadata: Any = fields.JSONField(default=dict)
    source = fields.CharField(max_length=64, null=True, unique=True)
    created_at_ms = fields.BigIntField(db_index=True)

    class Meta:
        table = "inbox_notice"
        indexes = (Index(fields=("account_id", "id")), Index(fields=("team_id", "id")))


class InboxDismissal(Model):
    """A notice that one of its readers has put away."""

    id = fields.BigIntField(primary_key=True)
    notice: Any = fields.ForeignKeyField("models.InboxNotice", related_name=False, on_delete=fields.CASCADE)
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )

    class Meta:
        table = "inbox_dismissal"
        unique_together = (("notice", "account"),)

"""Teams of organizations, their members and invitations."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Team(Model):
    """A named group of accounts with one role (member, creator, admin) in its organization."""

    id = fields.BigIntField(primary_key=True)
    organization: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    name = fields.CharField(max_length=255)
    role = fields.CharField(max_length=16)
    description = fields.TextField(default="")
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "team"
        unique_together = (("organization", "name"),)


class TeamMember(Model):
    """One user or robot in one team."""

    id = fields.BigIntField(primary_key=True)
    team: Any = fields.ForeignKeyField("models.Team", related_name=False, on_delete=fields.CASCADE)
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, db_index=True
    )

    class Meta:
        table = "team_member"
        unique_together = (("team", "account"),)


class TeamInvite(Model):
    """An invitation into a team, for a user or for an e-mail address. `code_hash` proves the latter."""

    id = fields.BigIntField(primary_key=True)
    team: Any = fields.ForeignKeyField("models.Team", related_name=False, on_delete=fields.CASCADE)
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    email = fields.CharField(max_length=254, null=True)
    inviter: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.SET_NULL, null=True
    )
    code_hash = fields.CharField(max_length=64, unique=True)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "team_invite"
        unique_together = (("team", "account"), ("team", "email"))

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0002_partial_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Application",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="organization_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("client_id", fields.CharField(unique=True, max_length=32)),
                ("client_secret_encrypted", fields.TextField(unique=False)),
                ("name", fields.CharField(max_length=255)),
                ("description", fields.TextField(default="", unique=False)),
                ("application_uri", fields.CharField(default="", max_length=2000)),
                ("redirect_uri", fields.CharField(default="", max_length=2000)),
                ("avatar_email", fields.CharField(null=True, max_length=254)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "application",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A client of the authorization server, owned by an organization. Its encrypted secret is shown again.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuthorizationCode",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("code_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "application",
                    fields.ForeignKeyField(
                        "models.Application",
                        source_field="application_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("scopes", fields.CharField(max_length=255)),
                ("redirect_uri", fields.CharField(max_length=2000)),
                ("code_challenge", fields.CharField(null=True, max_length=128)),
                ("code_challenge_method", fields.CharField(null=True, max_length=8)),
                ("expires_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "authorization_code",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A code that a client exchanges for a token, once, within minutes, and bound to its PKCE challenge.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EmailCode",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("code_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("purpose", fields.CharField(max_length=16)),
                ("email", fields.CharField(max_length=254)),
                ("expires_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "email_code",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A code sent by e-mail. `purpose` is verify (sign-up), change (to `email`) or recover (a password).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Mail",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("recipient", fields.CharField(max_length=254)),
                ("subject", fields.CharField(max_length=255)),
                ("body", fields.TextField(unique=False)),
                ("created_at_ms", fields.BigIntField()),
                ("sent_at_ms", fields.BigIntField(null=True)),
                ("error", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "mail",
                "app": "models",
                "indexes": [Index(fields=["sent_at_ms", "id"])],
                "pk_attr": "id",
                "table_description": "A message to one address. `sent_at_ms` stays null until a mail server has taken it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PermissionPrototype",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "organization",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="organization_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "activating_account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="activating_account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "delegate_account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="delegate_account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "delegate_team",
                    fields.ForeignKeyField(
                        "models.Team",
                        source_field="delegate_team_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("role", fields.CharField(max_length=16)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "permission_prototype",
                "app": "models",
                "indexes": [Index(fields=["organization_id", "id"])],
                "pk_attr": "id",
                "table_description": "A default permission: what an account or team gets on repositories created in an organization.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RobotFederation",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("issuer", fields.CharField(max_length=255)),
                ("subject", fields.CharField(max_length=255)),
            ],
            options={
                "table": "robot_federation",
                "app": "models",
                "unique_together": (("account", "issuer", "subject"),),
                "pk_attr": "id",
                "table_description": "An identity of an external OIDC issuer that may act as a robot.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("cookie_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("authenticated_at_ms", fields.BigIntField(null=True)),
                ("created_at_ms", fields.BigIntField()),
                ("expires_at_ms", fields.BigIntField(db_index=True)),
            ],
            options={
                "table": "session",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A browser in which somebody is signed in. Its cookie is stored as a hash.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TeamInvite",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "team",
                    fields.ForeignKeyField(
                        "models.Team",
                        source_field="team_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        null=True,
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("email", fields.CharField(null=True, max_length=254)),
                (
                    "inviter",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="inviter_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("code_hash", fields.CharField(unique=True, max_length=64)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "team_invite",
                "app": "models",
                "unique_together": (("team", "account"), ("team", "email")),
                "pk_attr": "id",
                "table_description": "An invitation into a team, for a user or for an e-mail address. `code_hash` proves the latter.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TokenAssignment",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("uuid", fields.CharField(unique=True, max_length=36)),
                (
                    "application",
                    fields.ForeignKeyField(
                        "models.Application",
                        source_field="application_id",
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_index=True,
                        db_constraint=True,
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("response_type", fields.CharField(max_length=16)),
                ("redirect_uri", fields.CharField(max_length=2000)),
                ("scopes", fields.CharField(max_length=255)),
                ("created_at_ms", fields.BigIntField()),
            ],
            options={
                "table": "token_assignment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A token that an administrator offers to another user, who has to accept it.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="AccessToken",
            name="application",
            field=fields.ForeignKeyField(
                "models.Application",
                source_field="application_id",
                null=True,
                db_index=True,
                db_constraint=True,
                to_field="id",
                related_name=False,
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AlterModelOptions(
            name="ManifestBody",
            options={
                "table": "manifest_body",
                "app": "models",
                "pk_attr": "manifest_id",
                "table_description": "The bytes of a manifest, exactly as pushed.",
            },
        ),
    ]

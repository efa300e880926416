"""Sessions of browsers, codes sent by e-mail, failed sign-ins and other counts (rate limits)."""

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Session(Model):
    """A browser in which somebody is signed in. Its cookie is stored as a hash.

    `authenticated_at_ms` is when the password was last given.
    """

    id = fields.BigIntField(primary_key=True)
    cookie_hash = fields.CharField(max_length=64, unique=True)
    account: Any = fields.ForeignKeyField(
        "models.Account", related_name=False, on_delete=fields.CASCADE, null=True, db_index=True
    )
    authenticated_at_ms = fields.BigIntField(null=True)
    created_at_ms = fields.BigIntField()
    expires_at_ms = fields.BigIntField(db_index=True)

    class Meta:
        table = "session"


class EmailCode(Model):
    """A code sent by e-mail. `purpose` is verify (sign-up), change (to `email`) or recover (a password)."""

    id = fields.BigIntField(primary_key=True)
    code_hash = fields.CharField(max_length=64, unique=True)
    account: Any = fields.ForeignKeyField("models.Account", related_name=False, on_delete=fields.CASCADE)
    purpose = fields.CharField(max_length=16)
    email = fields.CharField(max_length=254)
    expires_at_ms = fields.BigIntField(db_index=True)

    class Meta:
        table = "email_code"


class SignInFailure(Model):
    """How often signing in failed of late, for an account, a name that is none, or an address.

    Counts since the last reset of the back-off. `key` is a hash of the kind and the value, which bounds what
    strangers can store. Where it is a login at an address, `fingerprint` is a keyed hash of the last wrong
    secret, and `succeeded_at_ms` when it last signed in there, noted once a day.
    """

    key = fields.CharField(max_length=64, primary_key=True)
    failures = fields.IntField()
    last_failed_at_ms = fields.BigIntField(db_index=True)
    succeeded_at_ms = fields.BigIntField(null=True)
    fingerprint = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "sign_in_failure"


class RateCount(Model):
    """How often something happened within a window, for what a rate limit counts.

    `key` is a hash of the limit and of what it counts for, which bounds what strangers can store.
    """

    key = fields.CharField(max_length=64, primary_key=True)
    count = fields.IntField()
    began_at_ms = fields.BigIntField(db_index=True)

    class Meta:
        table = "rate_count"

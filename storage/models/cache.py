"""Organizations that are pull-through caches of other registries."""

from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class ProxyCache(Model):
    """The registry whose content an organization holds a cache of, with the encrypted login there.

    `upstream_registry` is a host, with its port and a namespace if there are any. A tag ends that was not
    confirmed there for `expiration_s`. `is_insecure` is plain HTTP.
    """

    id = fields.BigIntField(primary_key=True)
    organization: Any = fields.OneToOneField("models.Account", related_name=False, on_delete=fields.CASCADE)
    upstream_registry = fields.CharField(max_length=512)
    username_encrypted = fields.TextField(null=True)
    password_encrypted = fields.TextField(null=True)
    expiration_s = fields.IntField()
    is_insecure = fields.BooleanField(default=False)
    created_at_ms = fields.BigIntField()

    class Meta:
        table = "proxy_cache"


class HeldManifest(Model):
    """A manifest that a pull-through cache brought from its upstream, so that it may go again.

    It counts only while `cache_id` is the cache of the namespace: what an earlier cache left was perhaps
    pushed since, or is not in the new upstream. `used_at_ms` is no later than the last use; it is corrected
    from `manifest_pulls` when the manifest is next to go.
    """

    manifest: Any = fields.OneToOneField(
        "models.Manifest", related_name=False, on_delete=fields.CASCADE, primary_key=True
    )
    cache_id = fields.BigIntField()
    used_at_ms = fields.BigIntField()

    class Meta:
        table = "held_manifest"
        indexes = (Index(fields=("cache_id", "used_at_ms", "manifest_id")),)

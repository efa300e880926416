"""The context of a call: the viewer, the request, and the site."""

from dataclasses import dataclass, field, replace
from typing import Any

from resolvers.access.permit import Permit
from resolvers.access.uses import Uses
from resolvers.access.viewer import ANONYMOUS, Viewer
from resolvers.background import Background
from resolvers.configuration import Configuration
from resolvers.outbound.client import Outbound
from storage.blobs import BlobStore
from storage.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Site:
    """The settings of the installation that resolvers depend on. Times are seconds, or as their names say.

    `public_url` and `registry_host` are the address by which a request came, `configured_host` that of the
    setting PUBLIC_URL, and `allowed_hosts` other names of this registry, with or without a port.
    `features` holds the names of the enabled flags, `superusers` and `read_only_superusers` those of users,
    in small letters; `outbound` asks addresses that users name, for notifications none of
    `webhook_hostname_blacklist`. `tag_expiration_options_s` are the values that a namespace may choose for
    its time machine. Without a mail server, mail waits in the outbox. The limits of
    `resolvers/access/limits.py` are 0 where they are lifted. `default_reject_quota_bytes` is the quota of
    namespaces without one, 0 for none. `uploads_per_account` and `upload_bytes_per_account` bound the open
    uploads of an account, 0 for no bound. A tag of a cache is served for `proxy_cache_check_ms` after the
    upstream had it so. `uses` takes notes of used credentials; `background` holds work that outlives
    requests. `git` asks repositories of sources (`resolvers.builds.git.git_of`), None where that program is
    missing.
    """

    public_url: str
    registry_host: str
    features: frozenset[str]
    configured_host: str = ""
    allowed_hosts: frozenset[str] = frozenset()
    superusers: frozenset[str] = frozenset()
    read_only_superusers: frozenset[str] = frozenset()
    time_machine_default_s: int = 14 * 86_400
    outbound: Outbound = field(default_factory=Outbound, compare=False)
    webhook_hostname_blacklist: frozenset[str] = frozenset()
    tag_expiration_options_s: tuple[int, ...] = (0, 86_400, 604_800, 1_209_600, 2_419_200)
    has_mail_server: bool = False
    sign_ups_per_address: int = 20
    mails_per_recipient: int = 20
    mails_per_account: int = 200
    uploads_per_account: int = 0
    upload_bytes_per_account: int = 0
    default_reject_quota_bytes: int = 0
    proxy_cache_check_ms: int = 60_000
    builds_queued: int = 0
    version: str = ""
    uses: Uses = field(default_factory=Uses, compare=False)
    background: Background = field(default_factory=Background, compare=False)
    git: Any = field(default=None, compare=False)
    configuration: Configuration | None = field(default=None, compare=False)

    def has(self, feature: str) -> bool:
        """Whether a feature flag is on."""
        return feature in self.features

    def is_own_host(self, host: str) -> bool:
        """Whether a host, with its port if it has one, is this registry by one of its names."""
        host = host.lower()
        name, _, port = host.rpartition(":")
        return host in {self.registry_host.lower(), self.configured_host.lower()} | self.allowed_hosts or (
            port.isdecimal() and name in self.allowed_hosts
        )

    def names_superuser(self, name: str) -> bool:
        """Whether the name is in SUPERUSERS, so that a user of this name is a superuser."""
        return name.lower() in self.superusers

    def names_read_only_superuser(self, name: str) -> bool:
        """Whether the name is in GLOBAL_READONLY_SUPER_USERS, which outdoes all that makes superusers."""
        return name.lower() in self.read_only_superusers

    def reserves(self, name: str) -> bool:
        """Whether the settings give a user of this name rights, so that no stranger may take it."""
        return self.names_superuser(name) or self.names_read_only_superuser(name)


@dataclass(frozen=True, slots=True)
class Context:
    """The first argument of every resolver.

    `max_first` is the largest page size that the door allows; `is_cross_origin` says that a page of another
    site made the browser send the call. `permit` is what a mirror or a cache may write, which only the room
    `ingest` gives.
    """

    viewer: Viewer
    site: Site
    blobs: BlobStore
    secrets: Secrets
    request_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    max_first: int = 100
    is_cross_origin: bool = False
    permit: Permit | None = None

    @property
    def looking(self) -> "Context":
        """The context for checks of who may see, as `Viewer.looking`."""
        return replace(self, viewer=self.viewer.looking) if self.viewer.is_read_only_superuser else self

    @property
    def account_id(self) -> int | None:
        """The id of the account that asks, None for anonymous callers."""
        return self.viewer.account.id if self.viewer.account else None


__all__ = ["ANONYMOUS", "Context", "Site", "Viewer"]

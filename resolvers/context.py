"""The context of a call: the viewer, the request, and the site."""

from dataclasses import dataclass, field

from resolvers.access.uses import Uses
from resolvers.access.viewer import ANONYMOUS, Viewer
from resolvers.outbound.client import Outbound
from storage.blobs import BlobStore
from storage.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Site:
    """The settings of the installation that resolvers depend on. Times are seconds.

    `features` holds the names of the enabled flags, `superusers` those of users, in small letters; `outbound`
    asks addresses that users name. Times are seconds. `tag_expiration_options_s` are the values that a
    namespace may choose for its time machine. Without a mail server, mail waits in the outbox. The limits of
    `resolvers/access/limits.py` are 0 where they are lifted.
    `default_reject_quota_bytes` is the quota of namespaces without one, 0 for none.
    `uploads_per_account` and `upload_bytes_per_account` bound the open uploads of an account, 0 for no bound.
    `default_reject_quota_bytes` is the quota of namespaces without one, 0 for none.
    `uses` takes notes of used credentials.
    """

    public_url: str
    registry_host: str
    features: frozenset[str]
    superusers: frozenset[str] = frozenset()
    time_machine_default_s: int = 14 * 86_400
    outbound: Outbound = field(default_factory=Outbound, compare=False)
    tag_expiration_options_s: tuple[int, ...] = (0, 86_400, 604_800, 1_209_600, 2_419_200)
    has_mail_server: bool = False
    sign_ups_per_address: int = 20
    mails_per_recipient: int = 20
    mails_per_account: int = 200
    uploads_per_account: int = 0
    upload_bytes_per_account: int = 0
    default_reject_quota_bytes: int = 0
    uses: Uses = field(default_factory=Uses, compare=False)

    def has(self, feature: str) -> bool:
        """Whether a feature flag is on."""
        return feature in self.features

    def names_superuser(self, name: str) -> bool:
        """Whether the name is in SUPERUSERS, so that a user of this name is a superuser."""
        return name.lower() in self.superusers


@dataclass(frozen=True, slots=True)
class Context:
    """The first argument of every resolver.

    `max_first` is the largest page size that the door allows; `is_cross_origin` says that a page of another
    site made the browser send the call.
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

    @property
    def account_id(self) -> int | None:
        """The id of the account that asks, None for anonymous callers."""
        return self.viewer.account.id if self.viewer.account else None


__all__ = ["ANONYMOUS", "Context", "Site", "Viewer"]

"""The settings that resolvers use."""

from urllib.parse import urlsplit

from quayside.settings.settings import Settings
from quayside.version import __version__
from resolvers.context import Site
from resolvers.outbound.client import Outbound
from resolvers.record.shares import Shares


def site_of(settings: Settings) -> Site:
    """The `Site` of these settings."""
    return Site(
        public_url=settings.public_url,
        registry_host=urlsplit(settings.public_url).netloc,
        features=settings.features,
        configured_host=urlsplit(settings.public_url).netloc,
        allowed_hosts=settings.allowed_hosts,
        version=__version__,
        superusers=settings.superusers,
        read_only_superusers=settings.global_readonly_super_users,
        outbound=Outbound(settings.ssrf_allowed_hosts),
        webhook_hostname_blacklist=settings.webhook_hostname_blacklist,
        time_machine_default_s=round(settings.time_machine_default.total_seconds()),
        builds_queued=settings.builds_queued,
        proxy_cache_check_ms=round(settings.proxy_cache_check.total_seconds() * 1000),
        default_reject_quota_bytes=settings.default_system_reject_quota_bytes,
        sign_ups_per_address=settings.sign_ups_per_address,
        mails_per_recipient=settings.mails_per_recipient,
        mails_per_account=settings.mails_per_account,
        uploads_per_account=settings.uploads_per_account,
        upload_bytes_per_account=settings.upload_bytes_per_account,
        has_mail_server=settings.mail_url is not None and "MAILING" in settings.features,
    )


def shares_of(settings: Settings) -> Shares:
    """The shares of subscriptions, and of WebSockets, of these settings."""
    return Shares(
        total=settings.subscriptions,
        account=settings.subscriptions_per_account,
        address=settings.subscriptions_per_address,
        anonymous=settings.subscriptions_anonymous,
    )

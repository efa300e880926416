"""The settings that resolvers use."""

from urllib.parse import urlsplit

from quayside.settings.settings import Settings
from resolvers.context import Site
from resolvers.outbound.client import Outbound
from resolvers.record.shares import Shares


def site_of(settings: Settings) -> Site:
    """The `Site` of these settings."""
    return Site(
        public_url=settings.public_url,
        registry_host=urlsplit(settings.public_url).netloc,
        features=settings.features,
        superusers=settings.superusers,
        outbound=Outbound(settings.ssrf_allowed_hosts),
        time_machine_default_s=round(settings.time_machine_default.total_seconds()),
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

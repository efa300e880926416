"""What resolvers are told of the settings."""

from urllib.parse import urlsplit

from quayside.config import Settings
from resolvers.context import Site


def site_of(settings: Settings) -> Site:
    """The facts of this installation that rules depend on."""
    return Site(
        public_url=settings.public_url,
        registry_host=urlsplit(settings.public_url).netloc,
        features=settings.features,
        superusers=settings.superusers,
        time_machine_default_s=round(settings.time_machine_default.total_seconds()),
    )

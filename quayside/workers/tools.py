"""What jobs work with, and which there are, by the settings."""

from collections.abc import Mapping

from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from quayside.workers.mailer import Mailer
from resolvers.context import ANONYMOUS, Context
from resolvers.job_kinds import JobKind, Tools, collected
from storage.blobs import BlobStore
from storage.secrets import Secrets

MAX_FIRST = 1000


def tools_of(settings: Settings, blobs: BlobStore) -> Tools:
    """The tools of jobs: they act for the registry itself, in nobody's name."""
    mailer = Mailer.of(settings)
    return Tools(
        context=Context(
            viewer=ANONYMOUS,
            site=site_of(settings),
            blobs=blobs,
            secrets=Secrets(settings.secret_key),
            max_first=MAX_FIRST,
        ),
        log_retention_s=round(settings.log_retention.total_seconds()),
        hand_over=mailer.hand_over if mailer else None,
    )


def kinds_of(settings: Settings) -> Mapping[str, JobKind]:
    """The kinds that have what they need: mail waits until there is a server to take it."""
    site = site_of(settings)
    return {name: kind for name, kind in collected().items() if kind.needs(site)}

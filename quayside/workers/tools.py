"""What jobs work with, and which there are, by the settings."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from quayside.builds.builder import SandboxBuilder, builder_of
from quayside.builds.git.program import with_git
from quayside.scan.bill import ChildBillReader
from quayside.scan.driver import ChildScanner
from quayside.scan.limits import Limits
from quayside.settings.settings import Settings
from quayside.settings.site import site_of
from quayside.workers.mailer import Mailer
from resolvers.builds.builder import BuildLimits
from resolvers.context import ANONYMOUS, Context, Site
from resolvers.job_kinds import JobKind, Tools, collected
from resolvers.manifests.examination import is_on
from storage.blobs import BlobStore
from storage.secrets import Secrets

MAX_FIRST = 1000


def tools_of(settings: Settings, blobs: BlobStore) -> Tools:
    """The tools of jobs: they act for the registry itself, in nobody's name."""
    mailer, site = Mailer.of(settings), with_git(site_of(settings), settings)
    return Tools(
        context=Context(
            viewer=ANONYMOUS,
            site=site,
            blobs=blobs,
            secrets=Secrets(settings.secret_key),
            max_first=MAX_FIRST,
        ),
        log_retention_s=round(settings.log_retention.total_seconds()),
        hand_over=mailer.hand_over if mailer else None,
        builder=_builder(settings, site, blobs) if "BUILD_SUPPORT" in settings.features else None,
        scanner=ChildScanner(Limits(stored_bytes=settings.scan_layer_size)) if is_on(site) else None,
        bill_reader=ChildBillReader() if is_on(site) else None,
    )


def _builder(settings: Settings, site: Site, blobs: BlobStore) -> SandboxBuilder:
    own_url = settings.build_registry_url or settings.public_url
    return builder_of(
        directory=settings.data_dir / "builds",
        blobs=blobs,
        outbound=site.outbound,
        limits=BuildLimits(
            timeout_s=settings.build_timeout.total_seconds(),
            memory_bytes=settings.build_memory,
            disk_bytes=settings.build_disk,
        ),
        own_hosts=frozenset({site.registry_host, urlsplit(own_url).netloc}),
        own_url=own_url,
        has_network=settings.build_network == "host",
        may_be_root=settings.build_unsafe_root,
    )


def kinds_of(settings: Settings) -> Mapping[str, JobKind]:
    """The kinds that have what they need: mail waits until there is a server to take it."""
    site = site_of(settings)
    return {name: kind for name, kind in collected().items() if kind.needs(site)}

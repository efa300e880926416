"""`quayside serve`: the registry in one process, or in several under a supervisor that restarts them."""

import argparse
import asyncio
import functools
import gc
import logging
import signal
import sys
from collections.abc import Callable
from typing import cast

import uvicorn
from starlette.applications import Starlette

from quayside import logs
from quayside.app import create_app
from quayside.commands import CommandError, database, listening, settings_of, state
from quayside.commands.forks import in_process_of_its_own, supervise
from quayside.commands.memory import share_arenas
from quayside.commands.tls import check_tls
from quayside.graphql.ws import SocketLimits
from quayside.http.connections import Connections, raise_descriptor_limit
from quayside.http.protocol import BoundedHeadProtocol, CountedSocketProtocol
from quayside.settings.settings import Settings
from resolvers.accounts.account import superusers_without_user
from resolvers.site import first_start_code
from storage.database import Migration

logger = logging.getLogger("quayside.serve")

SHUTDOWN_TIMEOUT_S = 20
"""Seconds that running requests have to finish when the server stops."""

KEEP_ALIVE_S = 75
"""Seconds until an idle connection is closed; proxies should do it first, commonly after 60 s."""

WORKER_TIMEOUT_S = 30
"""Seconds without an answer after which the supervisor replaces a worker process."""


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    share_arenas()
    settings = settings_of(arguments)
    if arguments.workers < 1:
        raise CommandError("--workers must be at least 1.")
    if arguments.workers > 1 and settings.blob_url == "memory:":
        raise CommandError("BLOB_URL must not be memory: with several workers, since they share no memory.")
    check_tls(settings)
    # First: a server that is running on the port may be using the database that would be migrated.
    sockets = listening.bind(settings)
    logs.configure()
    raise_descriptor_limit()
    jobs = not arguments.no_jobs
    if arguments.workers > 1:
        settings = in_process_of_its_own(lambda: asyncio.run(prepare(settings)))
        report_address(settings)
        app = build_app(settings, jobs=jobs)
        is_well = supervise(server_config(settings, lambda: app, workers=arguments.workers), sockets)
        return 0 if is_well else 1
    if not sys.stdin.isatty():
        # A reload of its service must not end it; the end of its terminal does. Unlike SIG_IGN, programs that
        # it starts do not inherit this.
        signal.signal(signal.SIGHUP, lambda number, frame: None)
    settings = asyncio.run(prepare(settings))
    report_address(settings)
    server = uvicorn.Server(server_config(settings, functools.partial(build_app, settings, jobs=jobs)))
    try:
        server.run(sockets)
    except KeyboardInterrupt:
        # The server has shut down, and raises the signal again for its caller.
        return 130
    return 0 if server.started else 1


async def prepare(settings: Settings) -> Settings:
    """Make or migrate what is embedded, check the rest, and log what the operator should know.

    Returns the settings with their key. Runs once for all workers. Raises as `database.establish`.
    """
    if settings.is_sqlite:
        settings, _ = await database.establish(settings, functools.partial(_announce, settings))
    async with database.open_context(settings) as context:
        await check_state(settings)
        # A new code invalidates the previous one.
        code = await first_start_code()
        missing = await superusers_without_user(context.site)
    report_missing_users(code, missing)
    return settings


async def check_state(settings: Settings) -> None:
    """Check that key and blobs belong to the current database.

    Raises `CommandError` if the registry could not sign; what else is lost is logged, since the server is
    what mends it: robots get new tokens, and images are pushed again.
    """
    try:
        await state.check_secrets(settings)
    except state.OtherKey as error:
        if error.is_fatal:
            raise
        logger.error("%s", error)  # noqa: TRY400 - The sentence says it all.
    try:
        await state.check_blobs(settings)
    except CommandError as error:
        logger.error("%s", error)  # noqa: TRY400 - As above.


def report_address(settings: Settings) -> None:
    """Log where the server listens, and what clients will be told of its address."""
    extra = {
        "listens_on": listening.address(settings),
        "public_url": settings.public_url,
        "allowed_hosts": sorted(settings.allowed_hosts),
    }
    if settings.reaches_clients or settings.allowed_hosts:
        logger.info("serving; clients are told the address public_url", extra=extra)
        return
    logger.warning(
        "clients are told the address %s, which is none that they can reach; set PUBLIC_URL to the one that"
        " they use, or ALLOWED_HOSTS to its names",
        settings.public_url,
        extra=extra,
    )


def _announce(settings: Settings, migration: Migration) -> None:
    if migration.revision is None:
        logger.info("making a new registry", extra={"data_dir": str(settings.data_dir)})
        return
    logger.warning(
        "migrating the database, after keeping a copy of it",
        extra={"from": migration.revision, "to": migration.steps[-1], "copy": str(migration.copy)},
    )


def report_missing_users(code: str | None, missing: list[str]) -> None:
    """Log which users are missing: the first, with a one-time code, and superusers."""
    if code is not None:
        logger.warning(
            "there is no user yet; create the first with quayside admin create-user, or from another machine"
            " through POST /api/v1/user/initialize with this code",
            extra={"first_start_code": code},
        )
    if missing:
        logger.warning(
            "no user has some of the names in SUPERUSERS and GLOBAL_READONLY_SUPER_USERS; only quayside admin"
            " create-user, the first start and superusers can give these names to a user",
            extra={"names": missing},
        )


def server_config(settings: Settings, app: Callable[[], Starlette], *, workers: int = 1) -> uvicorn.Config:
    """The configuration of uvicorn for these settings."""
    # Each process counts for itself.
    admission = Connections(settings.connections_per_address, trusted_proxies=settings.trusted_proxies)
    protocol = functools.partial(BoundedHeadProtocol, admission=admission)
    return uvicorn.Config(
        app,
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="uvloop",
        http=cast(type[asyncio.Protocol], protocol),
        ws=CountedSocketProtocol,
        ws_max_size=SocketLimits().message_bytes,
        lifespan="on",
        log_config=logs.LOGGING,
        # The middleware logs requests and handles proxy headers.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
        timeout_worker_healthcheck=WORKER_TIMEOUT_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def build_app(settings: Settings, *, jobs: bool) -> Starlette:
    """The application, in the process that serves it or in the one that its workers are forked from."""
    logs.configure()
    app = create_app(settings, jobs=jobs)
    # Objects of imports and the schema live for ever; traversing them would delay requests by 0.1 s.
    gc.collect()
    gc.freeze()
    return app

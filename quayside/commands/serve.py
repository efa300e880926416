"""`quayside serve`: the registry in this process, or in several under a supervisor that restarts them."""

import argparse
import asyncio
import functools
import gc
import logging

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from quayside import logs
from quayside.app import create_app
from quayside.commands import CommandError, database, settings_of
from quayside.commands.tls import check_tls
from quayside.graphql.ws import SocketLimits
from quayside.http.protocol import BoundedHeadProtocol
from quayside.settings import secret_key
from quayside.settings.settings import Settings
from resolvers.accounts.account import superusers_without_user
from resolvers.site import first_start_code

logger = logging.getLogger("quayside.serve")

GRACE_S = 20
"""How long requests in flight may take to finish once the server is told to stop."""

KEEP_ALIVE_S = 75
"""Longer than the 60 s after which common proxies drop an idle connection, so that it is they who drop it."""

WORKER_SILENCE_S = 30
"""How long a worker process may leave the supervisor without an answer before it is replaced."""


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop by SIGINT or SIGTERM."""
    settings = settings_of(arguments)
    if arguments.workers < 1:
        raise CommandError("--workers must be at least 1.")
    if arguments.workers > 1 and settings.blob_url == "memory:":
        raise CommandError("BLOB_URL must not be memory: with several workers, since they share no memory.")
    check_tls(settings)
    settings = secret_key.ensure(settings)
    logs.configure()
    asyncio.run(announce(settings))
    config = server_config(settings, workers=arguments.workers, jobs=not arguments.no_jobs)
    server = uvicorn.Server(config)
    try:
        if config.workers > 1:
            Multiprocess(config, sockets=[config.bind_socket()]).run()
            return 0
        server.run()
    except KeyboardInterrupt:
        # The server has shut down in order by then, and raises the signal again for its caller.
        return 130
    return 0 if server.started else 1


async def announce(settings: Settings) -> None:
    """Prepare the database, and log which users are missing: the first, with a one-time code, and superusers.

    Once for all workers, since a new code ends the one before.
    """
    async with database.open_context(settings) as context:
        code = await first_start_code()
        missing = await superusers_without_user(context.site)
    if code is not None:
        logger.warning(
            "there is no user yet; create the first with quayside admin create-user, or from another machine"
            " through POST /api/v1/user/initialize with this code",
            extra={"first_start_code": code},
        )
    if missing:
        logger.warning(
            "no user has some of the names in SUPERUSERS; only quayside admin create-user, the first start"
            " and superusers can give these names to a user",
            extra={"names": missing},
        )


def server_config(settings: Settings, *, workers: int, jobs: bool) -> uvicorn.Config:
    """How uvicorn is to serve these settings."""
    return uvicorn.Config(
        # Worker processes get the settings with the factory, not through the environment.
        functools.partial(build_app, settings, jobs=jobs),
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        loop="uvloop",
        http=BoundedHeadProtocol,
        ws="websockets-sansio",
        ws_max_size=SocketLimits().message_bytes,
        lifespan="on",
        log_config=logs.LOGGING,
        # The middleware logs requests and judges proxy headers.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        timeout_worker_healthcheck=WORKER_SILENCE_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def build_app(settings: Settings, *, jobs: bool) -> Starlette:
    """The application, in the process that serves it."""
    logs.configure()
    app = create_app(settings, jobs=jobs)
    # What imports and the schema made stays for ever; looking through it would hold up requests for 0.1 s.
    gc.collect()
    gc.freeze()
    return app

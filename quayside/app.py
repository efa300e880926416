"""Builds the ASGI application from settings. Nothing is global, so a process can hold several.

RequestMiddleware           request id, access log, metrics, error 500
Dispatcher                  by the first part of the path, cheapest first:
  /v2                         RegistryApp
  /api/v1                     the REST engine   ┐ with the database current
  everything else             Starlette routes  ┘ (/graphql, signing in, /healthz, /readyz, /metrics)
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from quayside import web
from quayside.builds.git.program import with_git
from quayside.builds.webhook import webhook_routes
from quayside.configuration import ServerConfiguration
from quayside.graphql.http import GraphQLApp
from quayside.graphql.ws import GraphQLSocket, SocketLimits
from quayside.http.addresses import Addresses
from quayside.http.bodies import BodyTimes
from quayside.http.context_factory import ContextFactory
from quayside.http.health import health_routes
from quayside.http.metrics import Metrics
from quayside.http.middleware import RequestMiddleware, door_of
from quayside.http.proxies import UntrustedProxies
from quayside.http.readonly import ReadOnlyDoor
from quayside.http.representation import represent
from quayside.http.service_health import service_health_routes
from quayside.http.sessions import has_csrf_token
from quayside.http.stopping import stopping
from quayside.http.uses import writing
from quayside.keys.services import service_key_routes
from quayside.oauth import AuthorizationServer
from quayside.oauth.federation import federation_routes
from quayside.pages.authorized_email import authorized_email_routes
from quayside.pages.companions import companion_routes
from quayside.pages.context_files import context_file_routes
from quayside.pages.exports import export_routes
from quayside.pages.home import home_routes
from quayside.pages.invitation import invitation_routes
from quayside.pages.recovery import recovery_routes
from quayside.pages.sign_in import SignIn
from quayside.pages.trigger_setup import trigger_setup_routes
from quayside.registry.app import RegistryApp, RegistryServices
from quayside.registry.holds import Holds
from quayside.registry.pulls import PullRecorder
from quayside.settings import secret_key
from quayside.settings.settings import Settings
from quayside.settings.site import shares_of, site_of
from quayside.workers.runner import POOL_SIZE, Runner
from resolvers.access.registry_tokens import TokenSigner
from resolvers.accounts.oidc import Issuers
from resolvers.context import ANONYMOUS, Context
from resolvers.keys.ring import load_signer
from resolvers.outbound.client import Outbound
from resolvers.readonly import is_read_only
from resolvers.record.fanout import Fanout, FanoutLimits
from resolvers.record.shares import holder_of
from resolvers.site import node_key
from rest_compat.app import create_api
from schema import GraphContext, node_id, schema
from schema.execute import run, subscribe
from schema.limits import Limits
from storage.backends import measured
from storage.blobs import BlobStore, open_blob_store
from storage.database import Database, require_current
from storage.hot import open_hot_store
from storage.secrets import Secrets, noting_secrets
from storage.space import Space


class Application:
    """The services of an application: opened at its start, closed at its end."""

    database: Database
    blobs: BlobStore
    contexts: ContextFactory
    registry: RegistryApp
    signer: TokenSigner

    def __init__(self, settings: Settings, *, jobs: bool) -> None:
        self.settings = secret_key.ensure(settings)
        self.jobs = jobs
        self.metrics = Metrics()
        self.proxies = UntrustedProxies()
        site = replace(with_git(site_of(settings), settings), configuration=ServerConfiguration(settings))
        self.addresses = Addresses(site, settings.allowed_hosts)
        self.api = create_api(
            self.rest_context,
            features=settings.features,
            base_url=settings.public_url,
            basic_context_for=self.basic_rest_context,
            base_url_of=lambda request: self.addresses.site_for(request.scope).public_url,
            has_csrf_token=has_csrf_token,
            status_codes=settings.rest_status_codes,
            cors_origins=settings.cors_origins,
            represent=represent,
        )
        self.sign_in = SignIn(
            lambda: self.contexts,
            cors_origins=settings.cors_origins,
        )

    @asynccontextmanager
    async def open(self, _: Starlette) -> AsyncIterator[None]:
        """Open all services. Raises `DatabaseError` unless the database has this version's schema."""
        settings = self.settings
        async with AsyncExitStack() as stack:
            self.database = await Database.connect(settings.database_url)
            stack.push_async_callback(self.database.close)
            await stack.enter_async_context(self.proxies.noting(self.database))
            await require_current(self.database)
            self.blobs = open_blob_store(settings.blob_url, reserve_bytes=settings.disk_reserve)
            stack.push_async_callback(self.blobs.close)
            hot = await open_hot_store(settings.database_url)
            stack.push_async_callback(hot.close)
            site, secrets = self.addresses.site, Secrets(settings.secret_key)
            with self.database.current():
                self.signer = await load_signer(
                    Context(ANONYMOUS, site, self.blobs, secrets),
                    self.database.current,
                    audience=site.registry_host,
                    hot=hot,
                )
                node_id.use_key(await node_key())
            limits = FanoutLimits(subscriptions=shares_of(settings))
            live = Fanout(self.database, site=site, limits=limits)
            stack.push_async_callback(live.close)
            stack.enter_context(stopping(live.stop))
            self.metrics.watch_subscriptions(lambda: len(live.subscriptions))
            self.contexts = ContextFactory(site, self.blobs, secrets, live, self.addresses, self.signer)
            await stack.enter_async_context(writing(site.uses, self.database))
            stack.push_async_callback(site.background.close)
            pulls = PullRecorder(self.database)
            await stack.enter_async_context(pulls.running())
            self.registry = RegistryApp(
                RegistryServices(
                    database=self.database,
                    hot=hot,
                    blobs=self.blobs,
                    redirects_blobs=settings.blob_redirects,
                    signer=self.signer,
                    holds=Holds(),
                    pulls=pulls,
                    secrets=secrets,
                    site=site,
                    addresses=self.addresses,
                    reserve_bytes=settings.disk_reserve,
                    cors_origins=settings.cors_origins,
                )
            )
            measured.observers.append(self.metrics.statement)
            stack.callback(measured.observers.remove, self.metrics.statement)
            if self.jobs:
                await stack.enter_async_context(running_jobs(settings, self.blobs, self.metrics))
            yield

    async def graphql_context(self, request: Request) -> GraphContext:
        """The context of a GraphQL request. Raises `InvalidCredentials`."""
        return await self.contexts.graphql(request)

    async def socket_context(self, connection: HTTPConnection, authorization: str | None) -> GraphContext:
        """The context of an operation over a WebSocket. Raises `InvalidCredentials`."""
        return await self.contexts.socket(connection, authorization)

    def allows_origin(self, connection: HTTPConnection) -> bool:
        """Whether the origin of a WebSocket, if it has one, may connect."""
        return self.contexts.sessions.allows_origin(connection, others=self.settings.cors_origins)

    async def rest_context(self, request: Request) -> GraphContext:
        """The context of a REST request."""
        return await self.contexts.rest(request)

    async def basic_rest_context(self, request: Request) -> GraphContext:
        """The context of a REST request that may have a user name and a password instead of a token."""
        return await self.contexts.rest(request, accepts_basic=True)

    async def check_database(self) -> None:
        """Raise unless the database answers."""
        await self.database.ping()

    async def check_blobs(self) -> None:
        """Raise unless the blob store works."""
        await self.blobs.check()

    async def check_signer(self) -> None:
        """Raise unless there is a key that signs registry tokens."""
        self.signer  # noqa: B018 - It is an error to ask for it before it is loaded.

    async def spaces(self) -> dict[str, Space]:
        """The free space of the disks that are written to, by what is kept there."""
        reserve = self.settings.disk_reserve
        found = {"database": await self.database.free_bytes(), "blobs": await self.blobs.free_bytes()}
        return {name: Space(free, reserve) for name, free in found.items() if free is not None}


@asynccontextmanager
async def running_jobs(settings: Settings, blobs: BlobStore, metrics: Metrics) -> AsyncIterator[None]:
    """Run jobs in this process, on database connections of their own."""
    database = await Database.connect(settings.database_url, pool_size=POOL_SIZE)
    runner = Runner(database, settings, blobs, metrics)
    task = asyncio.create_task(runner.run())
    try:
        # Jobs have as long to finish as the requests in flight, and at the same time.
        with stopping(runner.stop):
            yield
    finally:
        runner.stop()
        await task
        await database.close()


class Dispatcher:
    """Sends each request to the door of its path; `/v2` first, since pulls must be fast."""

    def __init__(self, app: ASGIApp, *, application: Application) -> None:
        self._app = app
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if door_of(path) == "v2":
            await self._application.registry(scope, receive, send)
            return
        with self._application.database.current(), noting_secrets():
            is_api = path.startswith("/api/v1/") and not self._application.sign_in.serves(path)
            app = self._application.api if is_api else self._app
            await app(scope, receive, send)


def create_app(settings: Settings, *, jobs: bool = True, body_times: BodyTimes | None = None) -> Starlette:
    """The application for these settings. It opens the database, which must be migrated, when it starts.

    `jobs`: whether it runs background jobs. `body_times`: how long it waits for bodies.
    Raises `SettingsError` if there is no secret key and it cannot make one.
    """
    application = Application(settings, jobs=jobs)
    graphql = GraphQLApp(
        schema._schema,
        execute=run,
        context_for=application.graphql_context,
        limits=Limits(),
        graphiql_page=web.page,
        subscribe=subscribe,
        holder_for=lambda made: holder_of(made.context.viewer, made.context.ip),
    )
    socket = GraphQLSocket(
        graphql,
        context_for=application.socket_context,
        allows_origin=application.allows_origin,
        limits=SocketLimits(connections=shares_of(settings)),
    )
    checks = {"database": application.check_database, "blobs": application.check_blobs}
    return Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", socket),
            *web.assets,
            *application.sign_in.routes(),
            *home_routes(lambda: application.contexts),
            *export_routes(lambda: application.contexts),
            *context_file_routes(lambda: application.contexts),
            *webhook_routes(lambda: application.contexts),
            *trigger_setup_routes(lambda: application.contexts),
            *recovery_routes(lambda: application.contexts),
            *invitation_routes(lambda: application.contexts),
            *authorized_email_routes(lambda: application.contexts),
            *federation_routes(
                lambda: application.contexts,
                lambda: application.signer,
                Issuers(Outbound(settings.ssrf_allowed_hosts)),
            ),
            *service_key_routes(lambda: application.contexts),
            *AuthorizationServer(lambda: application.contexts).routes(),
            *companion_routes(lambda: application.contexts, cors_origins=settings.cors_origins),
            *service_health_routes({**checks, "signer": application.check_signer}, application.spaces),
            *health_routes(
                application.metrics,
                checks,
                application.spaces,
                is_read_only,
            ),
        ],
        middleware=[
            Middleware(
                RequestMiddleware,
                metrics=application.metrics,
                trusted_proxies=settings.trusted_proxies,
                body_times=body_times,
                on_untrusted_proxy=application.proxies.seen,
            ),
            Middleware(Dispatcher, application=application),
            Middleware(ReadOnlyDoor),
        ],
        lifespan=application.open,
    )

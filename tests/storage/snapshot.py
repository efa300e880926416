"""Snapshots: populated databases of earlier revisions, on which every upgrade is tested.

    python -m tests.storage.snapshot

run before a migration is added, writes two files to tests/storage/snapshots: the SQLite database of the
newest revision as SQL text, schema and all, and its rows as JSON, which load into PostgreSQL as well.
"""

import asyncio
import base64
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from tortoise.migrations.executor import MigrationTarget

from quayside.settings.settings import load_settings
from resolvers import site
from resolvers.access import limits
from resolvers.access.roles import RepositoryRole, TeamRole
from resolvers.accounts.namespace import Owner
from resolvers.advisories.severity import Severity
from resolvers.builds import build, context_file, log
from resolvers.builds.build import BuildRequest
from resolvers.builds.triggers import fire, trigger
from resolvers.builds.triggers.fire import Wanted
from resolvers.builds.triggers.services import TriggerService
from resolvers.context import Context
from resolvers.gate import policy as pull_policy
from resolvers.gate.policy import PullMode, PullTerms
from resolvers.inbox import notice
from resolvers.inbox.notice import NoticeKind, Target
from resolvers.keys import own_key
from resolvers.mirrors import mirror
from resolvers.mirrors import organization as organization_mirror
from resolvers.mirrors.mirror import MirrorChanges
from resolvers.mirrors.organization import OrganizationMirrorChanges
from resolvers.notifications import deliveries, notification
from resolvers.notifications.kinds import NotificationEvent
from resolvers.notifications.methods import NotificationMethod
from resolvers.oauth import token
from resolvers.pruning import policy
from resolvers.pruning.history import RunLog
from resolvers.pruning.policy import PruneMethod
from resolvers.quotas.quota import LimitKind
from resolvers.repositories import authorized_email, repository
from resolvers.repositories.repository import Visibility
from resolvers.scan import sampling as severities
from resolvers.tags import tag
from resolvers.tags.tag import TagChanges
from resolvers.upstreams.catalog import Catalog
from storage.blobs import open_blob_store
from storage.clock import now_ms
from storage.database import Database, _configuration, latest_revision, migrate
from storage.election import hold_lease
from storage.jobs import enqueue
from storage.models.blob import StrayUpload, Upload
from storage.models.cache import HeldManifest
from storage.models.expiry_notice import ExpiryNotice
from storage.models.gate import PullPolicyNotice
from storage.models.mirror import DiscoveredRepository, MirrorRun
from storage.models.quota import QuotaNotice
from storage.models.sbom import SbomDocument, SbomPackage
from storage.models.size import StorageSample
from storage.models.vex import VexDocument, VexStatement
from storage.models.vulnerability import VulnerabilityNotice
from storage.schema_states import Executor
from storage.statements import Row, execute, fetch, is_postgres
from storage.transactions import transaction
from tests.factories import Factory, image_config
from tests.fake_git import FakeGit
from tests.quayside.registry import kit
from tests.resolvers.advisories import records
from tests.scanning import layer, scan_pushed, status
from tests.state import dump

DIRECTORY = Path(__file__).parent / "snapshots"
BYTES = "$bytes"
DERIVED = (
    "repository_search",
    *(f"repository_search_{of}" for of in ("public_name", "public_description")),
    *(f"repository_search_{of}" for of in ("private_name", "private_description")),
    "account_search",
)
"""Virtual tables of SQLite, filled by triggers; also the prefixes of their shadow tables' names."""


def revisions() -> list[str]:
    """The revisions that have a snapshot, oldest first."""
    return sorted(path.stem for path in DIRECTORY.glob("*.sql"))


async def _follow(factory: Factory, owner: Context) -> None:
    """Let an organization follow another registry."""
    await factory.organization("followers", owner="ada")
    await factory.robot("followers+bot", by="ada")
    following = await organization_mirror.create(
        owner,
        "followers",
        OrganizationMirrorChanges(
            catalog=Catalog.CATALOG,
            registry_url="https://9.9.9.9",
            namespace="team",
            robot="followers+bot",
            visibility=Visibility.PRIVATE,
            sync_starts_at_ms=1,
            sync_interval_s=60,
            password="secret",
            username="ada",
        ),
    )
    await DiscoveredRepository.create(
        organization_mirror_id=following.id, name="app", discovered_at_ms=1, seen_at_ms=1
    )


async def populate(factory: Factory) -> None:
    """Put at least one row into every table, through the resolvers."""
    initialized = await site.initialize(
        factory.context(),
        username="ada",
        password="correct-horse",
        email=None,
        code=await site.first_start_code(),
    )
    assert initialized.account.name == "ada"
    await own_key.ensure(factory.context())
    await factory.user("bob")
    await factory.organization("acme", owner="ada")
    await factory.team("acme", "readers", TeamRole.MEMBER, ["bob"])
    await factory.robot("acme+bot", by="ada")
    await factory.token("bob")
    await token.create_app_token(await factory.as_account("bob"), title="laptop")
    for name, visibility in (("app", Visibility.PRIVATE), ("tools/base", Visibility.PUBLIC)):
        await factory.repository(f"acme/{name}", by="ada", visibility=visibility)
    await factory.grant("acme/app", "bob", RepositoryRole.WRITE, by="ada")
    await factory.grant("acme/app", "acme+bot", RepositoryRole.READ, by="ada")
    configs = [image_config("amd64"), image_config("arm64", variant="v8")]
    for config in configs:
        await factory.image("acme/app", b"layer", config=config, tag="latest")
    documents = [kit.encode(kit.image_document(b"layer", config=config)) for config in configs]
    index = await factory.manifest("acme/app", kit.index_document(*documents), tag="latest")
    await factory.manifest("acme/app", kit.index_document(*documents), tag="v1")
    owner = await factory.as_account("ada")
    await tag.update(owner, "acme/app", "v1", TagChanges(is_immutable=True))
    await tag.update(owner, "acme/app", "v2", TagChanges(manifest_digest=index))
    await tag.update(owner, "acme/app", "v2", TagChanges(expires_at_ms=now_ms() + 86_400_000))
    await factory.image("acme/tools/base", b"base", tag="1.0")
    await factory.repository("ada/gone", by="ada")
    await repository.delete(owner, "ada/gone")
    rule = await policy.create(
        owner, Owner(repository="acme/app"), policy.rule_of(PruneMethod.NUMBER_OF_TAGS, 10)
    )
    await RunLog().finish([rule.id])
    found = await repository.find("acme/app")
    assert found is not None
    await Upload.create(
        uuid="11111111-1111-4111-8111-111111111111",
        repository_id=found.id,
        account_id=initialized.account.id,
        created_at_ms=now_ms(),
    )
    followed = await mirror.create(
        owner,
        "acme/tools/base",
        MirrorChanges(
            source="9.9.9.9/tools/base",
            robot="acme+bot",
            patterns=["1.*"],
            sync_starts_at_ms=now_ms(),
            sync_interval_s=3600,
            tag_timeout_s=300,
            username="u",
            password="p",
        ),
    )
    await MirrorRun.create(mirror_id=followed.id, status="SUCCESS", started_at_ms=1, ended_at_ms=2)
    await QuotaNotice.create(namespace_id=found.namespace_id, kind="reject", percent=100, noted_at_ms=1)
    bell = NoticeKind.QUOTA_WARNING, {"namespace": "ada"}, Target(account_id=initialized.account.id)
    await notice.put(*bell)
    assert await notice.dismiss_all(owner) == 1
    await authorized_email.request(owner, Owner(repository="acme/app"), "crew@example.com")
    await ExpiryNotice.create(notification_id=1, expires_at_ms=1, tag_id=1)
    await limits.count_mail(owner, "eve@example.com")
    await StrayUpload.create(uuid="22222222-2222-4222-8222-222222222222", found_at_ms=now_ms())
    await StorageSample.create(namespace_id=found.namespace_id, day=20_000, stored_bytes=1)
    await factory.quota("acme", 10**12, (LimitKind.WARNING, 80))
    await factory.organization("mirrors", owner="ada")
    await factory.proxy_cache("mirrors", owner="ada", username="ada", password="secret")
    await HeldManifest.create(manifest_id=1, cache_id=1, used_at_ms=1)
    made = await notification.create(
        owner,
        Owner(repository="acme/app"),
        notification.Draft(
            event=NotificationEvent.REPO_PUSH,
            method=NotificationMethod.FLOWDOCK,
            config={"flow_api_token": "token"},
        ),
    )
    await deliveries.test(owner, Owner(repository="acme/app"), made.uuid)
    await _jobs_of_repositories(factory, owner)
    await enqueue("upload.expire", {})
    await hold_lease("job-runner", "elsewhere:1:1", duration_ms=1)


async def _advisories() -> None:
    """An advisory with another name, and the package that it concerns."""
    package = {"package": {"ecosystem": "Debian:12", "name": "curl"}, "versions": ["8.0-2"]}
    document = {"id": "A", "modified": "2026-01-01T00:00:00Z", "aliases": ["B"], "affected": [package]}
    await records.write(document)


async def _jobs_of_repositories(factory: Factory, owner: Context) -> None:
    """What jobs do for repositories (mirrors, builds, scans); and what images are compared with."""
    await _follow(factory, owner)
    await _build(owner)
    await _advisories()
    await _scan(factory)
    await _pull_policies(owner)
    await severities.sample()


async def _scan(factory: Factory) -> None:
    """A scanned image, of which one layer replaces what another one has, and its vulnerability."""
    release = {"etc/os-release": b"ID=debian\nVERSION_ID=12\n"}
    layers = [
        layer(release | {"var/lib/dpkg/status": status(curl=version)}) for version in ("8.0-1", "8.0-2")
    ]
    await factory.image("acme/app", *layers, tag="scanned")
    await scan_pushed(factory)
    (found,) = await fetch(
        "SELECT MIN(m.id) AS manifest, MIN(a.id) AS advisory, MIN(m.repository_id) AS repository,"
        " MIN(p.id) AS package FROM manifest m, advisory a, package p"
    )
    await VulnerabilityNotice.create(manifest_id=found["manifest"], advisory_id=found["advisory"])
    await PullPolicyNotice.create(manifest_id=found["manifest"], mode="enforce", noted_at_ms=now_ms())
    document = await VexDocument.create(manifest_id=found["manifest"], state="read")
    await VexStatement.create(
        document_id=document.id,
        name="A",
        ecosystem="",
        package_name="",
        package_version="",
        status="fixed",
        is_suppressing=True,
        stated_at_ms=0,
    )
    bill = await SbomDocument.create(
        manifest_id=found["manifest"],
        repository_id=found["repository"],
        subject_digest="sha256:1",
        state="read",
        format="spdx",
        version="2.3",
        package_count=1,
    )
    await SbomPackage.create(document_id=bill.id, package_id=found["package"])


async def _pull_policies(owner: Context) -> None:
    """A policy of a namespace, and one of a repository with an exception."""
    app = Owner(repository="acme/app")
    for place in (Owner(namespace="acme"), app):
        await pull_policy.set_policy(owner, place, PullTerms(PullMode.WARN, Severity.HIGH))
    await pull_policy.set_exception(owner, app, advisory="B", reason="r", ends_at_ms=now_ms() + 60_000)


async def _build(owner: Context) -> None:
    """Builds: one that waits, and one that has ended, with their logs."""
    await context_file.create(owner)
    wanted = BuildRequest(archive_url="https://9.9.9.9/context.tgz", arguments={"VERSION": "1.2.3"})
    for number in range(2):
        ordered, _ = await build.request(owner, "acme/app", wanted)
        await (await log.LogWriter.open(ordered.id)).write(["STEP 1/1: FROM scratch"])
        if number:
            await log.archive(ordered.id)
    reaching = replace(owner, site=replace(owner.site, git=FakeGit()))
    made, _ = await trigger.create(reaching, "acme/app", TriggerService.CUSTOM_GIT)
    config = {"build_source": "git@git.example.com:acme/app.git"}
    await trigger.activate(reaching, "acme/app", made.uuid, config)
    await fire.start(reaching, "acme/app", made.uuid, Wanted(commit="a" * 40))


async def migrate_to(database: Database, revision: str) -> None:
    """Migrate an empty database to a revision. The product itself migrates only to the newest."""
    with database.current():
        connection = database._context.db("default")
        executor = Executor(connection, _configuration(database.url, 1)["apps"])
        await executor.migrate([MigrationTarget("models", revision)], direction="forward")


async def load_rows(revision: str) -> None:
    """Insert the rows of a snapshot into the current database, which is empty and at its revision."""
    tables: dict[str, list[Row]] = orjson.loads((DIRECTORY / f"{revision}.json").read_bytes())
    booleans = await _boolean_columns()
    async with transaction("snapshot.load"):
        # Foreign keys are not checked, as in a restore: tables are in no order of references.
        await execute(
            "SET LOCAL session_replication_role = replica"
            if is_postgres()
            else "PRAGMA defer_foreign_keys = ON"
        )
        for table, rows in tables.items():
            for row in rows:
                columns, marks = ", ".join(row), ", ".join("?" * len(row))
                values = [_decoded(value, (table, column) in booleans) for column, value in row.items()]
                await execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *values)
            if is_postgres() and any("id" in row for row in rows):
                await fetch(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"
                )


async def _boolean_columns() -> set[tuple[str, str]]:
    if not is_postgres():
        return set()
    rows = await fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'boolean'"
    )
    return {(row["table_name"], row["column_name"]) for row in rows}


def _decoded(value: Any, is_boolean: bool) -> Any:
    if isinstance(value, dict) and BYTES in value:
        return base64.b64decode(value[BYTES])
    return bool(value) if is_boolean and value is not None else value


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return {BYTES: base64.b64encode(value).decode()}
    raise TypeError(type(value))


async def write() -> None:
    """Write both files for a populated database of the newest revision."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "quayside.db"
        url = f"sqlite://{path}"
        settings = load_settings(
            {
                "DATA_DIR": temporary,
                "DATABASE_URL": url,
                "BLOB_URL": "memory:",
                "SECRET_KEY": "k" * 32,
            },
            {},
        )
        await migrate(url)
        database = await Database.connect(url)
        database.make_current()
        await populate(Factory.of(settings, database, open_blob_store("memory:")))
        hidden = ("tortoise_migrations", *DERIVED)
        rows = {table: found for table, found in (await dump()).items() if not table.startswith(hidden)}
        await database.close()
        target = DIRECTORY / latest_revision()
        connection = sqlite3.connect(path)
        # The text has their content already, as rows of their shadow tables.
        twice = tuple(f'INSERT INTO "{table}" ' for table in DERIVED)
        statements = [line for line in connection.iterdump() if not line.startswith(twice)]
        target.with_suffix(".sql").write_text("\n".join(statements) + "\n")
        connection.close()
    target.with_suffix(".json").write_bytes(
        orjson.dumps(rows, default=_encoded, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )


if __name__ == "__main__":
    asyncio.run(write())

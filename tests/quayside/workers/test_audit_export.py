"""Exports of audit logs: failures, and results by e-mail."""

import json
import re
import socket
from collections.abc import AsyncIterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from quayside.settings.settings import Settings
from quayside.workers.tools import tools_of
from resolvers.errors import Invalid
from resolvers.job_kinds import KINDS, Run, Tools
from resolvers.record import export as audit_export
from resolvers.record.audit import AuditFilter
from resolvers.record.export import Callback, exported_digest
from storage.blobs import BlobStore
from storage.blobs.memory import MemoryBlobStore
from storage.statements import decode_json, execute, fetch
from tests.factories import Factory
from tests.sink import sinking


class FullStore(MemoryBlobStore):
    """A store whose disk is full."""

    async def append(self, upload: str, offset: int, stream: AsyncIterable[bytes]) -> int:
        raise OSError(28, "No space left on device")


async def _export(factory: Factory, tools: Tools, callback: Callback) -> None:
    """Order an export of ada's log, and run its job."""
    await factory.user("ada")
    await audit_export.export(await factory.as_account("ada"), AuditFilter(), callback)
    (job,) = await fetch("SELECT kind, payload FROM job")
    await KINDS[job["kind"]].handler(Run(decode_json(job["payload"]), tools))


async def _told() -> tuple[str, dict[str, Any]]:
    (row,) = await fetch("SELECT kind, metadata, namespace_id FROM audit_log WHERE kind LIKE 'export%'")
    assert await fetch("SELECT id FROM account WHERE name = 'ada'") == [{"id": row["namespace_id"]}]
    return row["kind"], decode_json(row["metadata"])


async def test_the_result_is_sent_by_mail(
    factory: Factory, settings_with_files: Settings, blobs: BlobStore
) -> None:
    await _export(factory, tools_of(settings_with_files, blobs), Callback(email="ada@example.com"))

    (letter,) = await fetch("SELECT * FROM mail")
    found = re.search(r"/exportedlogs/(\S+)", letter["body"])
    assert found is not None
    digest = exported_digest(factory.secrets, found[1])
    assert digest is not None
    file = orjson.loads(await blobs.read_all(digest, limit=1_000_000))
    assert [entry["kind"] for entry in file["logs"]] == ["user_create"]
    kind, metadata = await _told()
    assert abs(datetime.now(UTC) - datetime.fromisoformat(metadata.pop("date/time"))) < timedelta(minutes=5)
    assert (kind, metadata) == (
        "export_logs_success",
        {
            "export_id": file["export_id"],
            "message": "The file is ready.",
            "email": "ada@example.com",
            "url": None,
        },
    )


async def test_an_export_holds_what_the_filter_lets_pass(
    factory: Factory, settings_with_files: Settings, blobs: BlobStore
) -> None:
    await factory.user("ada")
    await factory.repository("ada/app")
    ada = await factory.as_account("ada")
    tools = tools_of(settings_with_files, blobs)
    exported = []

    for chosen in (AuditFilter(kinds=["create_repo"]), AuditFilter(performer="ada"), AuditFilter(kinds=[])):
        await audit_export.export(ada, chosen, Callback(email="ada@example.com"))
        (job,) = await fetch("SELECT id, payload FROM job WHERE kind = ?", audit_export.JOB)
        await execute("DELETE FROM job WHERE id = ?", job["id"])
        await audit_export.write_export(Run(decode_json(job["payload"]), tools))
        (removal,) = await fetch("SELECT id, payload FROM job WHERE kind = ?", audit_export.REMOVAL_JOB)
        await execute("DELETE FROM job WHERE id = ?", removal["id"])
        digest = decode_json(removal["payload"])["digest"]
        file = orjson.loads(await blobs.read_all(digest, limit=1_000_000))
        exported.append([entry["kind"] for entry in file["logs"]])

    assert exported == [["create_repo"], ["create_repo"], []]


async def test_a_failed_write_is_reported(factory: Factory, settings_with_files: Settings) -> None:
    await _export(factory, tools_of(settings_with_files, FullStore()), Callback(email="ada@example.com"))

    (letter,) = await fetch("SELECT * FROM mail")
    kind, metadata = await _told()
    assert letter["subject"] == "The audit log of ada could not be exported"
    del metadata["date/time"]
    assert (kind, metadata) == (
        "export_logs_failure",
        {"error": "the file could not be written", "email": "ada@example.com", "url": None},
    )
    # No job to remove a file is enqueued.
    assert audit_export.REMOVAL_JOB not in {row["kind"] for row in await fetch("SELECT kind FROM job")}


@pytest.mark.parametrize("query", ["", "?key=hunter2"])
async def test_the_audit_log_omits_the_query_of_a_callback(
    factory: Factory, settings_with_files: Settings, blobs: BlobStore, query: str
) -> None:
    # A forbidden address, so that the job sends no request.
    await factory.user("ada")
    payload = {
        "export_id": "e",
        "place": ["namespace_id", (await factory.viewer("ada")).require_account().id],
        "since_ms": 0,
        "until_ms": 2**42,
        "callback_url": f"http://127.0.0.1/done{query}",
        "callback_email": None,
    }
    await audit_export.write_export(Run(payload, tools_of(settings_with_files, blobs)))

    kind, metadata = await _told()
    assert (kind, metadata["url"]) == ("export_logs_failure", "http://127.0.0.1/done")


@pytest.mark.parametrize(
    ("named", "found_later", "outcome"),
    [
        ("Hooks.Internal", True, "told"),
        ("Hooks.Internal", False, "hooks.internal cannot be reached."),
        ("", False, "refused"),
    ],
)
async def test_a_named_host_is_looked_for_when_it_is_told_not_when_its_address_is_saved(
    factory: Factory,
    settings_with_files: Settings,
    blobs: BlobStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    found_later: bool,
    outcome: str,
) -> None:
    settings = replace(settings_with_files, ssrf_allowed_hosts=frozenset({named} - {""}))
    factory = Factory.of(settings, factory.database, blobs)
    known: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "hooks.internal" and host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real("127.0.0.1" if host in known else host, *arguments, **options)

    with sinking(tmp_path / "sink") as port:
        await factory.user("ada")
        ada = await factory.as_account("ada")
        callback = Callback(url=f"http://hooks.internal:{port}/done")
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        if outcome == "refused":
            with pytest.raises(Invalid, match=r"The host hooks\.internal cannot be found\.") as caught:
                await audit_export.export(ada, AuditFilter(), callback)
            assert (caught.value.field, await fetch("SELECT id FROM job")) == ("callbackUrl", [])
            return
        export_id = await audit_export.export(ada, AuditFilter(), callback)
        if found_later:
            known.append("hooks.internal")
        (job,) = await fetch("SELECT kind, payload FROM job")
        await KINDS[job["kind"]].handler(Run(decode_json(job["payload"]), tools_of(settings, blobs)))

    kind, metadata = await _told()
    files = [json.loads(path.read_text())["export_id"] for path in (tmp_path / "sink").iterdir()]
    if outcome == "told":
        assert (kind, files) == ("export_logs_success", [export_id])
    else:
        assert (kind, metadata["error"], files) == ("export_logs_failure", outcome, [])

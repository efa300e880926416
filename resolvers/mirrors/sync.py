"""Runs of mirrors: what the source has and the mirror lacks is brought, tag by tag, several at once.

A tag comes after what is about it, so that nobody pulls an image whose signature is still under way. A tag
that fails does not end the run. What came stays, so that a run which was killed goes on where it was.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from resolvers import events
from resolvers.context import Context
from resolvers.errors import Conflict, DatabaseUnavailable, Immutable, NotFound, NotWritable, QuaysideError
from resolvers.ingest.image import bring_image
from resolvers.job_kinds import Run
from resolvers.manifests import content, manifest
from resolvers.manifests.artifact import COSIGN_TAGS
from resolvers.manifests.cosign import is_about_manifest
from resolvers.manifests.document import (
    INDEX_MEDIA_TYPES,
    Descriptor,
    ManifestDocument,
    parse_manifest,
)
from resolvers.mirrors import history
from resolvers.mirrors.actor import acting
from resolvers.mirrors.claims import Claimed, finish, tell
from resolvers.mirrors.comparison import LocalTag, TagChange, change_of, gone, local_tags
from resolvers.mirrors.history import Tally
from resolvers.mirrors.rule import select
from resolvers.mirrors.schedule import RUN_LIMIT_S, MirrorStatus
from resolvers.mirrors.upstream import UpstreamSource, open_source
from resolvers.repositories import repository
from resolvers.tags import tag as tags
from resolvers.upstreams.errors import UpstreamLimited, UpstreamUnavailable, UpstreamUnknown
from resolvers.upstreams.registry import UpstreamManifest
from storage.clock import now_ms
from storage.statements import fetch_one
from storage.transactions import transaction

logger = logging.getLogger("quayside.mirrors")

TAGS_AT_ONCE: Final = 6
LOOK_S: Final = 1.0
"""How often a run writes down how far it is, and looks whether it is to end."""
TELLS_EACH: Final = 30
SELDOM: Final = 10
"""Subscribers are told at every look of the first half minute, then at every other, down to each tenth."""
RIGHTS_EVERY: Final = 5
"""At how many looks the rights of the robot are judged again."""
LONGEST_PAUSE_S: Final = 900.0
"""A source that wants longer pauses in all, while no tag comes, ends the run; it is tried again later."""
PAUSES: Final = 5
"""How often one tag waits until the source takes requests again."""
FAILURES_IN_A_ROW: Final = 10
"""So many tags that failed one after the other since the source was out of order end a run."""
MAX_ABOUT: Final = 1_000
"""Most manifests that are brought since they refer to one image, directly or not."""
_OF_IMAGE: Final = "vnd.docker.reference.digest"
"""The annotation by which an index says to which of its images an attestation belongs."""


class _Ended(Exception):
    """The run is over before its time; the message says why."""


_FATAL = (DatabaseUnavailable, NotWritable, NotFound, _Ended)


class Sync:
    """One run of a mirror, in this process."""

    def __init__(self, context: Context, claimed: Claimed) -> None:
        run = claimed.run
        # Tags are counted anew by a process that goes on with a run; what came before came.
        self.tally = Tally(
            changed=run.changed_count, removed=run.removed_count, fetched_bytes=run.fetched_bytes
        )
        self._had_bytes = run.fetched_bytes
        self._claimed = claimed
        self._mirror, self._place = claimed.mirror, claimed.place
        self._context = context
        self._actor: Context | None = None
        self._source: UpstreamSource | None = None
        self._listed: frozenset[str] = frozenset()
        self._held: dict[str, LocalTag] = {}
        self._about_done: set[str] = set()
        self._tags_done: set[str] = set()
        self._kept_images: set[str] = set()
        self._resumes_at = 0.0
        self._paused_s = 0.0
        self._in_a_row = 0
        self._told_last: dict[str, int | None] = {}

    async def run(self, run: Run) -> str:
        """Do the run, and say what came of it. Raises `JobStopped` where another process is to go on."""
        working = asyncio.create_task(self._work())
        message, outcome = "", MirrorStatus.FAIL
        try:
            await self._watch(run, working)
            await working
            outcome = MirrorStatus.FAIL if self.tally.failed else MirrorStatus.SUCCESS
            message = self._summary()
        except _Ended as error:
            message = str(error)
        except DatabaseUnavailable:
            raise
        except QuaysideError as error:
            message = error.message
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait({working})
            if not working.cancelled():
                # What it failed with is told above, or does not matter any more.
                working.exception()
            self._count_bytes()
        outcome = await finish(self._context, self._claimed, self.tally, outcome, message)
        return f"{outcome.value}: {message}"

    async def _watch(self, run: Run, working: "asyncio.Task[None]") -> None:
        """Write down how far the run is until it is through. Raises `_Ended`, `JobStopped`, `Conflict`."""
        looks = 0
        ends_at_ms = self._claimed.run.started_at_ms + RUN_LIMIT_S * 1000
        while True:
            await asyncio.wait({working}, timeout=LOOK_S)
            if working.done():
                return
            self._count_bytes()
            await self._note(looks)
            await self._require_wanted()
            if now_ms() > ends_at_ms:
                raise _Ended(f"The run took longer than {RUN_LIMIT_S // 3600} hours.")
            looks += 1
            if looks % RIGHTS_EVERY == 0:
                await self._judge()
            await run.progress(self.tally.done, self.tally.tag_count)

    async def _note(self, looks: int) -> None:
        """Write down how far the run is; tell it at once, and less often the longer it takes."""
        async with transaction("mirror.note"):
            await history.note(self._claimed.run.id, self.tally)
            if looks % min(1 + looks // TELLS_EACH, SELDOM) == 0 and self.tally.as_told() != self._told_last:
                self._told_last = self.tally.as_told()
                place = self._place
                await events.record(
                    self._context,
                    "repo_mirror_sync_progress",
                    {"namespace": place.namespace_name, "repo": place.name} | self._told_last,
                    namespace_id=place.namespace_id,
                    repository_id=place.id,
                )

    def _count_bytes(self) -> None:
        if self._source is not None:
            self.tally.fetched_bytes = self._had_bytes + self._source.fetched_bytes

    async def _require_wanted(self) -> None:
        row = await fetch_one(
            "SELECT status, (SELECT max(r.id) FROM mirror_run r WHERE r.mirror_id = m.id) AS run_id"
            " FROM repository_mirror m WHERE m.id = ?",
            self._mirror.id,
        )
        # One that was cancelled and told to run again does so by another run.
        if row is None or (row["status"], row["run_id"]) != (
            MirrorStatus.SYNCING.value,
            self._claimed.run.id,
        ):
            raise _Ended("The run was cancelled.")

    async def _judge(self) -> Context:
        """The context of the robot, if it may write now. Raises `Conflict`, `NotFound`."""
        place = (await repository.by_ids([self._place.id])).get(self._place.id)
        if place is None:
            raise NotFound("The repository was deleted.")
        return await acting(self._context, place, self._mirror.robot_id)

    def _summary(self) -> str:
        tally = self.tally
        removed = f", {tally.removed} removed" if tally.removed else ""
        said = f"{tally.done} tags, {tally.changed} brought{removed}, {tally.fetched_bytes} bytes fetched"
        if not tally.failed:
            return f"{said}."
        first = tally.failures[0]
        return f"{said}, {tally.failed} failed; the first was {first.tag}: {first.message}"

    # What follows runs in the task.

    async def _work(self) -> None:
        connection = self._mirror.connection
        self._actor = await self._judge()
        connection.require_readable()
        if self._mirror.architectures and not self._context.site.has("SPARSE_INDEX"):
            raise _Ended("Architecture filtering requires FEATURE_SPARSE_INDEX to be enabled.")
        async with open_source(self._context.site.outbound, self._mirror.source, connection) as source:
            self._source = source
            listed = await source.tags()
            self._listed = frozenset(listed)
            selected = select(self._mirror.tag_patterns, listed)
            self._held = await local_tags(self._place)
            images = [name for name in selected if not is_about_manifest(name)]
            # Those about images come with them; what is left is about nothing that is mirrored.
            others = [name for name in selected if is_about_manifest(name)]
            self.tally.tag_count = len(selected)
            for names in (images, others):
                await self._each(names)
            if self._mirror.follows_deletions:
                await self._remove(listed)

    async def _each(self, names: Sequence[str]) -> None:
        """Bring tags, some at a time. Raises what ends the run."""
        waiting = iter(names)

        async def bring() -> None:
            for name in waiting:
                await self._tag(name)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(TAGS_AT_ONCE, len(names))):
                    group.create_task(bring())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _tag(self, name: str) -> None:
        """Bring one tag, and note what came of it. Raises what ends the run."""
        if name in self._tags_done:
            self.tally.done += 1
            return
        try:
            await self._with_pauses(name)
            self._in_a_row, self._paused_s = 0, 0.0
        except _FATAL:
            raise
        except (QuaysideError, TimeoutError) as error:
            await self._failed(name, error)
        except Exception as error:
            logger.exception("a tag was not mirrored", extra={"tag": name, "mirror": self._mirror.id})
            await self._failed(name, error)
        self.tally.done += 1

    async def _failed(self, name: str, error: Exception) -> None:
        message = self._reason(error)
        self.tally.fail(name, message)
        if self._actor is not None:
            await tell(
                *(self._actor, self._place, "repo_mirror_sync_tag_failed", "finish", message), tag=name
            )
        self._in_a_row = self._in_a_row + 1 if isinstance(error, UpstreamUnavailable) else 0
        if self._in_a_row >= FAILURES_IN_A_ROW:
            raise _Ended(message)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, QuaysideError):
            return error.message
        if isinstance(error, TimeoutError):
            return f"It took longer than {self._mirror.tag_timeout_s} seconds."
        return f"An error of this registry: {type(error).__name__}."

    async def _with_pauses(self, name: str) -> None:
        """Bring a tag; wait as long as the source wants when it limits requests."""
        for pause in range(PAUSES + 1):
            await asyncio.sleep(max(0.0, self._resumes_at - time.monotonic()))
            try:
                async with asyncio.timeout(self._mirror.tag_timeout_s):
                    await self._bring(name)
            except UpstreamLimited as error:
                wait, now = error.retry_after_s or 60.0, time.monotonic()
                # All wait, since the limit is for all; several that are told at once wait once.
                longer = max(0.0, now + wait - max(self._resumes_at, now))
                if wait > LONGEST_PAUSE_S or self._paused_s + longer > LONGEST_PAUSE_S:
                    raise _Ended(error.message) from error
                if pause == PAUSES:
                    raise
                self._paused_s += longer
                self._resumes_at = max(self._resumes_at, now + wait)
            else:
                return

    async def _bring(self, name: str) -> None:
        """Bring a tag with all that it names and that is about it, unless it is there."""
        assert self._source is not None
        held = self._held.get(name)
        found: UpstreamManifest | None = None
        if held is None:
            found = await self._source.manifest(name)
            digest, is_index = found.digest, found.media_type in INDEX_MEDIA_TYPES
        else:
            head = await self._source.head(name)
            digest, is_index = head.digest, head.media_type in INDEX_MEDIA_TYPES
        change = change_of(held, digest)
        if change is TagChange.LOCKED:
            raise Immutable(f"The tag is locked, and stays; the source has moved it to {digest}.")
        if held is not None and change is TagChange.KEEPS:
            document = await self._stored(held.manifest_id, held.digest) if is_index else None
            subjects = self._subjects(digest, document)
            await self._bring_about(subjects)
            if document is None or await self._is_whole(document):
                return
        found = found or await self._source.manifest(digest)
        document = await _parsed(found) if is_index else None
        await self._bring_about(self._subjects(digest, document))
        await self._put(found, () if change is TagChange.KEEPS else (name,))
        await self._told(name, digest)

    async def _put(self, found: UpstreamManifest, names: Sequence[str]) -> None:
        assert self._actor is not None
        assert self._source is not None
        await bring_image(self._actor, self._place, self._source, found, tags=names, wants=self._wants)

    async def _told(self, name: str, digest: str) -> None:
        """Note that a tag came."""
        assert self._actor is not None
        self.tally.changed += 1
        message = f"{self._mirror.source}:{name} was brought as {digest}."
        await tell(self._actor, self._place, "repo_mirror_sync_tag_success", "finish", message, tag=name)

    def _wants(self, child: Descriptor) -> bool:
        """Whether a child of an index is mirrored, by the architectures of the mirror."""
        wanted = self._mirror.architectures
        if not wanted or child.platform is None or child.platform.architecture in wanted:
            return True
        return child.annotations.get(_OF_IMAGE) in self._kept_images

    def _subjects(self, digest: str, index: ManifestDocument | None) -> list[str]:
        """The manifests of a tag about which others may be: itself, and the children of an index."""
        children = () if index is None else index.required_manifests
        self._kept_images |= {child.digest for child in children if self._wants(child)}
        return [digest, *(child.digest for child in children if self._wants(child))]

    async def _bring_about(self, subjects: Sequence[str]) -> None:
        """Bring what is about manifests: cosign tags, and whatever refers to them, and so on."""
        waiting, number = list(subjects), 0
        while waiting:
            subject = waiting.pop(0)
            if subject in self._about_done:
                continue
            for ending in COSIGN_TAGS:
                name = f"{subject.replace(':', '-')}{ending}"
                if name in self._listed and name not in self._tags_done:
                    await self._bring_signature(name)
            for digest in await self._referring(subject):
                number += 1
                if number > MAX_ABOUT:
                    raise Conflict(f"More than {MAX_ABOUT} manifests are about {subjects[0]}.")
                waiting.append(digest)
            self._about_done.add(subject)

    async def _bring_signature(self, name: str) -> None:
        """Bring a tag about an image. It is not among the tags of the run unless it fits the rule."""
        assert self._source is not None
        held = self._held.get(name)
        digest = name if held is None else (await self._source.head(name)).digest
        change = change_of(held, digest)
        if change is TagChange.LOCKED:
            raise Immutable(f"The tag {name} is locked, and stays.")
        if change is not TagChange.KEEPS:
            found = await self._source.manifest(digest)
            await self._put(found, (name,))
            await self._told(name, found.digest)
        self._tags_done.add(name)

    async def _referring(self, subject: str) -> list[str]:
        """Bring the manifests that refer to one. Returns their digests."""
        assert self._source is not None
        brought = []
        for referrer in await self._source.referrers(subject, self._listed):
            if await manifest.by_digest(self._place, referrer.digest) is None:
                try:
                    found = await self._source.manifest(referrer.digest)
                except UpstreamUnknown:
                    # The list of a source may name what was deleted there.
                    continue
                await self._put(found, ())
            brought.append(referrer.digest)
        return brought

    async def _stored(self, manifest_id: int, digest: str) -> ManifestDocument | None:
        """What a manifest of the mirror says."""
        body = (await content.bodies([manifest_id])).get(manifest_id)
        if body is None:
            return None
        return await _parsed(UpstreamManifest(digest, "", body))

    async def _is_whole(self, index: ManifestDocument) -> bool:
        """Whether all children of an index that are wanted are there."""
        for child in filter(self._wants, index.required_manifests):
            if await manifest.by_digest(self._place, child.digest) is None:
                return False
        return True

    async def _remove(self, listed: Sequence[str]) -> None:
        """End the tags that the source has no more."""
        assert self._actor is not None
        for held, change in gone(self._held, self._mirror.tag_patterns, listed):
            if change is TagChange.REMOVES:
                try:
                    await tags.delete(self._actor, self._place.path, held.name)
                except (Immutable, NotFound):
                    continue
                self.tally.removed += 1


async def _parsed(found: UpstreamManifest) -> ManifestDocument:
    """What a manifest says. Raises `ManifestInvalid`."""
    algorithm = found.digest.partition(":")[0]
    return await asyncio.to_thread(parse_manifest, found.body, found.media_type or None, algorithm=algorithm)

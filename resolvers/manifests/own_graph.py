"""The own graph of a manifest: itself, what an index lists, configurations and layers, each content once.

Content is the body of a manifest or a blob to which the repository has a right. All figures are relative to
the namespace: what its other repositories hold, or its other manifests name, is shared, and of content in
other namespaces nothing is read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from resolvers.errors import TooMany
from resolvers.manifests.liveness import reachable
from storage.clock import now_ms
from storage.conditions import is_active
from storage.statements import Row, batches, fetch, placeholders

MAX_MANIFESTS = 10_000
"""The most manifests in the graphs that one question is about."""
MAX_ENTRIES = 200_000
"""The most blobs and entries that these manifests name, counted for each of them."""

Edges = Mapping[int, Collection[int]]


class Content(NamedTuple):
    """A blob, or the body of a manifest."""

    digest: str
    is_manifest: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A repository, with what the size and the life of its content depend on."""

    repository_id: int
    namespace_id: int
    tag_expiration_s: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """The bytes of an own graph: all that is stored of it, and the part that others share."""

    stored: int
    shared: int

    @property
    def exclusive(self) -> int:
        """The bytes that nothing else in the namespace uses."""
        return self.stored - self.shared


NOTHING = Sizes(0, 0)


@dataclass(slots=True)
class Contents:
    """The content that some manifests of a repository bring, by manifest, and what is known of it.

    `holders` is the number of repositories of the namespace that have it, `since_ms` the age of a right.
    """

    of: dict[int, set[Content]] = field(default_factory=dict)
    listing: set[int] = field(default_factory=set)
    """The indexes that list plain blobs."""
    sizes: dict[Content, int] = field(default_factory=dict)
    holders: dict[Content, int] = field(default_factory=dict)
    since_ms: dict[Content, int] = field(default_factory=dict)

    def of_all(self, ids: Iterable[int]) -> set[Content]:
        """The content that some of the manifests bring, each once."""
        return {content for one in ids for content in self.of.get(one, ())}

    def size(self, contents: Iterable[Content]) -> int:
        """The bytes of some content."""
        return sum(self.sizes[content] for content in contents)

    def users(self) -> dict[Content, set[int]]:
        """The manifests that bring each content."""
        found: dict[Content, set[int]] = {}
        for identity, contents in self.of.items():
            for content in contents:
                found.setdefault(content, set()).add(identity)
        return found


def too_many() -> TooMany:
    """The error for graphs that are too large to be looked at."""
    return TooMany(
        f"At most {MAX_MANIFESTS:,} manifests, naming {MAX_ENTRIES:,} blobs and entries, are looked at to"
        " answer this: those asked about, what they list, and what depends on them. Ask for fewer at once."
    )


async def places(manifest_ids: Sequence[int]) -> dict[Place, list[int]]:
    """Some manifests by their repository; those that are gone are left out. One statement for 500."""
    found: dict[Place, list[int]] = {}
    for batch in batches(sorted(set(manifest_ids))):
        for row in await fetch(
            "SELECT m.id, r.id AS repository_id, r.namespace_id, n.tag_expiration_s FROM manifest m"
            " JOIN repository r ON r.id = m.repository_id JOIN account n ON n.id = r.namespace_id"
            f" WHERE m.id IN ({placeholders(batch)})",
            *batch,
        ):
            identity = row.pop("id")
            found.setdefault(Place(**row), []).append(identity)
    return found


CHILDREN = (
    "SELECT DISTINCT p.id AS parent, k.id AS id FROM manifest p JOIN manifest_child c ON c.manifest_id = p.id"
    " JOIN manifest k ON k.repository_id = p.repository_id AND k.digest = c.digest"
    " WHERE p.id IN ({}) LIMIT {}"
)
REFERRERS = (
    "SELECT p.id AS parent, k.id AS id FROM manifest p JOIN manifest k ON k.repository_id = p.repository_id"
    " AND k.subject_digest = COALESCE(p.deleted_digest, p.digest) WHERE p.id IN ({}) LIMIT {}"
)


async def below(ids: Iterable[int], statements: Sequence[str]) -> dict[int, set[int]]:
    """The edges by which manifests are found from some, each of which has an entry, at any depth.

    `statements` are `CHILDREN`, `REFERRERS`. Raises `TooMany`.
    """
    level = set(ids)
    edges: dict[int, set[int]] = {identity: set() for identity in level}
    left = MAX_ENTRIES
    while level:
        following: set[int] = set()
        for batch in batches(sorted(level)):
            for statement in statements:
                rows = await fetch(statement.format(placeholders(batch), left + 1), *batch)
                left -= len(rows)
                if left < 0:
                    raise too_many()
                for row in rows:
                    edges[row["parent"]].add(row["id"])
                    following.add(row["id"])
        level = following - edges.keys()
        edges |= {identity: set() for identity in level}
        if len(edges) > MAX_MANIFESTS:
            raise too_many()
    return edges


_BODIES = (
    "SELECT m.id AS id, COALESCE(m.deleted_digest, m.digest) AS digest, m.size_bytes AS size_bytes,"
    " c.holders AS holders FROM manifest m JOIN namespace_content c ON c.namespace_id = ?"
    " AND c.digest = COALESCE(m.deleted_digest, m.digest) AND c.is_manifest"
    " WHERE m.id IN ({}) AND m.collected_at_ms IS NULL"
)
_BLOBS = (
    "SELECT x.manifest_id AS id, x.is_entry AS is_entry, b.digest AS digest, b.size_bytes AS size_bytes,"
    " c.holders AS holders, r.created_at_ms AS since_ms FROM (SELECT manifest_id, digest, 0 AS is_entry"
    " FROM manifest_blob WHERE manifest_id IN ({ids}) UNION SELECT manifest_id, digest, 1"
    " FROM manifest_child WHERE manifest_id IN ({ids})) x JOIN manifest m ON m.id = x.manifest_id"
    " JOIN blob b ON b.digest = x.digest"
    " JOIN repository_blob r ON r.repository_id = m.repository_id AND r.blob_id = b.id"
    " JOIN namespace_content c ON c.namespace_id = ? AND c.digest = b.digest AND NOT c.is_manifest"
    " LIMIT {limit}"
)


async def contents_of(namespace_id: int, ids: Collection[int]) -> Contents:
    """What some manifests of a namespace bring; collected ones bring nothing. Raises `TooMany`."""
    found = Contents()
    left = MAX_ENTRIES
    for batch in batches(sorted(ids)):
        names = placeholders(batch)
        for row in await fetch(_BODIES.format(names), namespace_id, *batch):
            content = Content(row["digest"], True)
            found.of[row["id"]] = {content}
            found.sizes[content], found.holders[content] = row["size_bytes"], row["holders"]
        rows = await fetch(_BLOBS.format(ids=names, limit=left + 1), *batch, *batch, namespace_id)
        left -= len(rows)
        if left < 0:
            raise too_many()
        for row in rows:
            # The parts of a collected manifest may not have been removed yet.
            if row["id"] in found.of:
                content = Content(row["digest"], False)
                found.of[row["id"]].add(content)
                found.sizes[content], found.holders[content] = row["size_bytes"], row["holders"]
                found.since_ms[content] = row["since_ms"]
                if row["is_entry"]:
                    found.listing.add(row["id"])
    return found


_USERS = (
    "SELECT d.column1 AS digest, (SELECT COUNT(*) FROM (SELECT DISTINCT u.manifest_id FROM {table} u"
    " JOIN manifest m ON m.id = u.manifest_id WHERE u.namespace_id = ? AND u.digest = d.column1"
    " AND m.repository_id = ? AND m.collected_at_ms IS NULL LIMIT {limit}) few) AS users"
    " FROM (VALUES {values}) d"
)


async def _used_by_more(place: Place, table: str, known: Mapping[str, int]) -> set[str]:
    """The digests that more manifests of a repository name than the given numbers.

    Reads as many rows as are known, and one more.
    """
    found: set[str] = set()
    for batch in batches(sorted(known, key=lambda digest: known[digest])):
        statement = _USERS.format(
            table=table, limit=known[batch[-1]] + 1, values=", ".join(["(?)"] * len(batch))
        )
        rows = await fetch(statement, place.namespace_id, place.repository_id, *batch)
        found |= {row["digest"] for row in rows if row["users"] > known[row["digest"]]}
    return found


async def _active_tags(ids: Collection[int]) -> dict[int, int]:
    """The number of active tags of some manifests, where it is not 0."""
    found: dict[int, int] = {}
    for batch in batches(sorted(ids)):
        for row in await fetch(
            f"SELECT t.manifest_id AS id, COUNT(*) AS tags FROM tag t WHERE {is_active('t')}"
            f" AND t.manifest_id IN ({placeholders(batch)}) GROUP BY t.manifest_id",
            now_ms(),
            *batch,
        ):
            found[row["id"]] = row["tags"]
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """The graphs of some manifests of one repository, and what uses their content from outside of all."""

    edges: dict[int, set[int]]
    parents: dict[int, set[int]]
    contents: Contents
    users: Mapping[Content, AbstractSet[int]]
    used_outside: set[Content]
    tags: dict[int, int]

    def sizes(self, root: int, *, own_tags: int | None) -> Sizes:
        """The sizes of one graph; `own_tags` of the tags of the root are its own, None for all."""
        graph = reachable([root], self.edges)
        stored = self.contents.of_all(graph)
        entered = {one for one in graph if self._is_listed(one, graph) or (one != root and one in self.tags)}
        if own_tags is not None and self.tags.get(root, 0) > own_tags:
            entered.add(root)
        shared = self.contents.of_all(reachable(entered, self.edges))
        shared |= {
            content
            for content in stored
            if self.contents.holders[content] > 1
            or (not content.is_manifest and (content in self.used_outside or self.users[content] - graph))
        }
        return Sizes(self.contents.size(stored), self.contents.size(shared))

    def _is_listed(self, identity: int, graph: AbstractSet[int]) -> bool:
        """Whether an index outside of the graph lists a manifest of it."""
        if self.parents.get(identity, set()) - graph:
            return True
        return any(
            content.is_manifest and content in self.used_outside
            for content in self.contents.of.get(identity, ())
        )


async def _known(place: Place, ids: Collection[int]) -> _Known:
    edges = await below(ids, (CHILDREN,))
    contents = await contents_of(place.namespace_id, edges)
    users = contents.users()
    parents: dict[int, set[int]] = {}
    for parent in contents.of:
        for identity in edges[parent]:
            parents.setdefault(identity, set()).add(parent)
    naming, listing = {}, {}
    for content, known in users.items():
        if content.is_manifest:
            listing[content.digest] = sum(len(parents.get(identity, ())) for identity in known)
        elif contents.holders[content] == 1:
            naming[content.digest] = len(known - contents.listing)
            listing[content.digest] = len(known & contents.listing)
    named = await _used_by_more(place, "manifest_blob", naming)
    listed = await _used_by_more(place, "manifest_child", listing)
    used = {Content(digest, False) for digest in named | listed} | {
        Content(digest, True) for digest in listed
    }
    return _Known(edges, parents, contents, users, used, await _active_tags(edges))


async def sizes_of_manifests(manifest_ids: Sequence[int]) -> dict[int, Sizes]:
    """The sizes of the own graphs of some manifests, 0 for collected ones; a few statements for all.

    Raises `TooMany` for graphs of more than `MAX_MANIFESTS` together.
    """
    found: dict[int, Sizes] = {}
    for place, ids in (await places(manifest_ids)).items():
        known = await _known(place, ids)
        found |= {identity: known.sizes(identity, own_tags=None) for identity in ids}
    return found


async def stored_in(namespace_id: int, manifest_ids: Sequence[int]) -> dict[int, int]:
    """What is stored of the own graphs of some manifests of a namespace. Raises `TooMany`."""
    edges = await below(manifest_ids, (CHILDREN,))
    contents = await contents_of(namespace_id, edges)
    return {
        identity: contents.size(contents.of_all(reachable([identity], edges))) for identity in manifest_ids
    }


async def sizes_of_tags(span_ids: Sequence[int]) -> dict[int, Sizes]:
    """As `sizes_of_manifests`, by id of a span of a tag. With another tag on its manifest all is shared."""
    spans: list[Row] = []
    for batch in batches(span_ids):
        spans += await fetch(
            f"SELECT t.id, t.manifest_id, {is_active('t')} AS is_active FROM tag t"
            f" WHERE t.id IN ({placeholders(batch)})",
            now_ms(),
            *batch,
        )
    found: dict[int, Sizes] = {}
    for place, ids in (await places([span["manifest_id"] for span in spans])).items():
        known, mine = await _known(place, ids), set(ids)
        found |= {
            span["id"]: known.sizes(span["manifest_id"], own_tags=int(span["is_active"]))
            for span in spans
            if span["manifest_id"] in mine
        }
    return found

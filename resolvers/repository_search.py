"""Repositories by a part of their name or description: what everybody sees, and what the viewer sees besides.

Each is looked for apart, since an index over all would find what the viewer may not see, however much it is.
"""

from resolvers.access.lanes import Reach, granted_one, not_public
from resolvers.access.permissions import has_grants
from resolvers.access.viewer import Viewer
from resolvers.search_parts import (
    ALWAYS,
    BEGINS,
    CONTAINS,
    DESCRIBED,
    EXACT,
    Part,
    fitting,
    indexed,
    limited,
)
from storage.search import (
    DESCRIPTION,
    begins,
    begins_among,
    contains,
    contains_as_indexed,
    has_trigrams,
    repositories,
)
from storage.statements import in_index, row_by_row

_ALIVE = Part(
    # A join might be made before what is in order is cut off.
    "r.deleted_at_ms IS NULL AND (SELECT n.deleted_at_ms IS NULL FROM account n WHERE n.id = r.namespace_id)"
)


def candidates(viewer: Viewer, reach: Reach, text: str) -> list[Part]:
    """What gives the ids and points of the repositories that the viewer may see and the text may mean."""
    namespace, slash, name = text.partition("/")
    # The text before a slash may be a namespace; a name may hold slashes as well.
    looked_for: list[tuple[str, str | None]] = [(text, None), (name, namespace)]
    found: list[Part] = []
    for part, owner in looked_for if slash else looked_for[:1]:
        found += _among("public", part, owner, ALWAYS)
        if viewer.has_full_access:
            found += _among("private", part, owner, ALWAYS)
        elif not has_grants(viewer):
            continue
        elif reach.is_small and contains_as_indexed(part):
            found.append(_among_few(part, owner, viewer.require_account().id))
        else:
            found += _among("private", part, owner, Part(*granted_one(viewer)))
    return found


def _of(owner: str | None) -> Part:
    return (
        ALWAYS
        if owner is None
        else Part("r.namespace_id = (SELECT o.id FROM account o WHERE o.name = ?)", (owner,))
    )


def _among(visibility: str, part: str, owner: str | None, seen: Part) -> list[Part]:
    """Matches out of the indexes over public or over private repositories."""
    if not part:
        return [_newest(visibility, owner, seen)]
    column, text = ("r.name", part) if owner is None else ("r.path", f"{owner}/{part}")
    condition, bounds, order = begins_among(visibility, column, text)
    # What has exactly this name comes first in the order of names.
    match = limited(
        f"r.id AS id, {column} AS fits",
        "repository r",
        (Part(condition, bounds), _ALIVE, seen),
        f"ORDER BY {order}",
    )
    points = f"CASE WHEN fits = ? THEN {EXACT} ELSE {BEGINS} END"
    found = [Part(f"SELECT id, {points} AS points FROM ({match.sql}) named", (text, *match.values))]
    if has_trigrams(part):
        for points_of, where in ((CONTAINS, "name"), (DESCRIBED, "description")):
            fit, source, holds = indexed(points_of, repositories(visibility, where, part))
            found.append(
                limited(
                    f"r.id AS id, {fit} AS points",
                    source,
                    (holds, _of(owner), _ALIVE, seen),
                )
            )
    return found


def _newest(visibility: str, owner: str | None, seen: Part) -> Part:
    equal = [("r.visibility", f"'{visibility}'")]
    if owner is not None:
        equal.insert(0, ("r.namespace_id", "(SELECT o.id FROM account o WHERE o.name = ?)"))
    condition, order = in_index(equal, "r.id", is_behind=False)
    return limited(
        f"r.id AS id, {DESCRIBED} AS points",
        "repository r",
        (Part(condition, (owner,) * condition.count("?")), _ALIVE, seen),
        "ORDER BY " + ", ".join(f"{column} DESC" for column in order.split(", ")),
    )


def _among_few(part: str, owner: str | None, account_id: int) -> Part:
    """Matches among what the viewer alone sees, if that is so little that each is looked at."""
    points, fits = Part(str(DESCRIBED)), ALWAYS
    if has_trigrams(part):
        in_name, value = contains("r.name", part)
        in_description, _ = contains(DESCRIPTION, part)
        fits = Part(f"({in_name} OR {in_description})", (value, value))
        in_name, value = contains("few.name", part)
        described = Part(f"CASE WHEN {in_name} THEN {CONTAINS} ELSE {DESCRIBED} END", (value,))
        points = fitting("few.name", part, otherwise=described)
    elif part:
        fits = Part(*begins("r.name", part))
        points = fitting("few.name", part)
    conditions = (fits, _of(owner), _ALIVE)
    where = " AND ".join(["r.id = found.id", *(condition.sql for condition in conditions)])
    rows = row_by_row(not_public(), "r.id AS id, r.name AS name", "repository r", where)
    return Part(
        f"SELECT few.id AS id, {points.sql} AS points FROM ({rows}) few",
        (
            *points.values,
            *(account_id,) * 4,
            *(value for condition in conditions for value in condition.values),
        ),
    )

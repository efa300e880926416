"""The tables of the documentation that are made from tables of the code: `make docs` writes them.

A table stands in a page between two comments:

    <!-- table: settings -->
    <!-- end of table -->
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from quayside.settings.features import FEATURES
from quayside.settings.settings import PREFIX
from quayside.settings.table import SETTINGS
from resolvers.access.epochs import CAUSES
from resolvers.access.scopes import SCOPES
from resolvers.event_kinds import KINDS, TOLD_BY_PUSH
from resolvers.job_kinds import LANES, MIB, collected
from resolvers.notifications.kinds import EVENTS
from resolvers.notifications.method_table import METHODS
from rest_compat.chapters import CHAPTERS

DOCS = Path(__file__).parents[1] / "docs"
_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z ]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    headings = tuple(headings)
    lines = (headings, ["---"] * len(headings), *rows)
    return "".join("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|\n" for cells in lines)


def _code(text: object) -> str:
    return f"`{text}`" if text else ""


def _settings() -> str:
    rows = ((_code(PREFIX + row.name), _code(row.default), row.sentence) for row in SETTINGS)
    return _table(("Variable", "Default", "Meaning"), rows)


def _features() -> str:
    rows = ((_code(row.name), _code(str(row.default).lower()), row.sentence) for row in FEATURES)
    return _table(("Feature", "Default", "Meaning"), rows)


def _scopes() -> str:
    rows = (
        (
            _code(row.scope),
            row.description,
            *(_code(cap.name) if cap else "" for cap in (row.repository, row.organization, row.account)),
        )
        for row in SCOPES.values()
        if row.is_grantable
    )
    return _table(("Scope", "Allows", "On repositories", "In namespaces", "On one's own account"), rows)


def _event_kinds() -> str:
    rows = (
        (
            _code(row.name),
            row.sentence,
            row.subject,
            row.audience,
            "but for pushes" if row.name in TOLD_BY_PUSH else "yes" if row.is_audited else "no",
            " ".join(map(_code, row.metadata)),
        )
        for row in KINDS.values()
    )
    return _table(("Kind", "What happened", "About", "Seen by", "Audit log", "Metadata"), rows)


def _operations() -> str:
    rows = (
        (
            _code(route.operation),
            _code(f"{route.method} {route.path}"),
            _code(route.scope),
            str(route.status),
            str(route.observed or route.status),
            " ".join(map(_code, route.flags)),
        )
        for chapter in CHAPTERS
        for route in sorted(chapter.routes, key=lambda route: (route.path, route.method))
    )
    return _table(("Operation", "Route", "Scope", "Documented", "Observed", "Features"), rows)


def _epochs() -> str:
    rows = ((cause, bumped.whose, bumped.effect) for cause, bumped in CAUSES.items())
    return _table(("Change", "Whose epoch is bumped", "Older tokens"), rows)


def _duration(seconds: float | None) -> str:
    """Seconds in the largest unit that makes them a whole number."""
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    for size, unit in units if seconds else ():
        number, rest = divmod(seconds or 0, size)
        if not rest:
            return f"{number:g} {unit}{'' if number == 1 else 's'}"
    return ""


def _job_lanes() -> str:
    rows = (
        (_code(lane.value), str(rules.slots), _duration(rules.timeout_s), rules.sentence)
        for lane, rules in LANES.items()
    )
    return _table(("Lane", "Slots in each process", "Time limit", "For"), rows)


def _job_kinds() -> str:
    rows = (
        (
            _code(kind.name),
            kind.sentence,
            _duration(kind.every_s),
            _code(kind.lane.value),
            _duration(kind.timeout_s),
            f"{kind.memory_bytes // MIB} MiB" if kind.memory_bytes else "",
            str(kind.retries + 1),
            str(kind.at_once or ""),
            str(kind.per_namespace or ""),
            "goes on" if kind.goes_on_when_read_only else "",
        )
        for kind in collected().values()
    )
    headings = "Kind,What it does,Every,Lane,Time limit,Memory,Attempts,At once,For one namespace,Read-only"
    return _table(headings.split(","), rows)


def _notification_events() -> str:
    rows = (
        (
            _code(row.event),
            row.sentence,
            "namespaces" if row.is_of_namespace else "repositories",
            row.config.sentence if row.config else "",
            _code(row.feature),
        )
        for row in EVENTS.values()
    )
    return _table(("Event", "When", "Of", "`eventConfig`", "Feature"), rows)


def _notification_methods() -> str:
    rows = (
        (_code(row.method), row.sentence, row.config, "yes" if row.is_signed else "")
        for row in METHODS.values()
    )
    return _table(("Method", "What is sent", "`config`", "Signed"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "epochs": _epochs,
    "event kinds": _event_kinds,
    "features": _features,
    "job kinds": _job_kinds,
    "notification events": _notification_events,
    "notification methods": _notification_methods,
    "scopes": _scopes,
    "job lanes": _job_lanes,
    "operations": _operations,
    "settings": _settings,
}


def tables_in(text: str) -> list[str]:
    """The names of the tables that a page has."""
    return [match["name"] for match in _TABLE.finditer(text)]


def current(text: str) -> str:
    """A page with its tables as the code has them now."""
    return _TABLE.sub(lambda match: match[1] + TABLES[match["name"]]() + match[3], text)


def main() -> None:
    """Write the tables of every page below docs/."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if (made := current(text)) != text:
            page.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main()

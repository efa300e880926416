"""Whether the end of a span has happened, so that a clock which goes back does not undo it.

Until now that was told by the time alone; where a clock had gone back, spans of a tag overlap, or end before
they start. Their order is that of their ids, in which they were written under the repository's lock; the
times are moved until they agree with it.
"""

from collections import defaultdict
from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from storage.clock import now_ms
from storage.conditions import NO_END_MS

_LATER = "EXISTS (SELECT 1 FROM tag n WHERE n.repository_id = tag.repository_id AND n.name = tag.name AND n.id > tag.id)"
_SETTLE = "UPDATE tag SET has_ended = TRUE WHERE ended_at_ms <= {now}"
_SETTLE_FOLLOWED = f"UPDATE tag SET has_ended = TRUE, would_expire_at_ms = CASE WHEN is_expiration THEN ended_at_ms ELSE would_expire_at_ms END, is_expiration = FALSE, ended_at_ms = COALESCE(ended_at_ms, {NO_END_MS}) WHERE NOT has_ended AND {_LATER}"
"""An end to come, or none, of a span that another one follows: the clock went back."""
_MARK = "UPDATE tag SET is_expiration = TRUE WHERE ended_at_ms IS NOT NULL AND NOT has_ended"
_DISORDERED = f"""
SELECT t.id, t.repository_id, t.name, t.started_at_ms, t.ended_at_ms FROM tag t JOIN (
  SELECT DISTINCT repository_id, name FROM (
    SELECT repository_id, name, started_at_ms, ended_at_ms,
      LAG(COALESCE(ended_at_ms, {NO_END_MS})) OVER (PARTITION BY repository_id, name ORDER BY id) AS previous_end
    FROM tag) s
  WHERE s.ended_at_ms < s.started_at_ms OR s.started_at_ms < s.previous_end) d
ON d.repository_id = t.repository_id AND d.name = t.name ORDER BY t.repository_id, t.name, t.id
"""


async def settle(_: Any, editor: Any) -> None:
    """Mark the ends that have happened, and put the spans of each tag in order."""
    client = editor.client
    for statement in (_SETTLE.format(now=now_ms()), _SETTLE_FOLLOWED, _MARK):
        await client.execute_query(statement)
    tags: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in await client.execute_query_dict(_DISORDERED):
        tags[row["repository_id"], row["name"]].append(row)
    for spans in tags.values():
        earliest = 0
        for span, following in zip(spans, [*spans[1:], None], strict=True):
            start, end = max(span["started_at_ms"], earliest), span["ended_at_ms"]
            if end is not None:
                # A span ends where the next one starts, if it was still going on by then.
                end = max(
                    start, end if following is None else min(end, max(start, following["started_at_ms"]))
                )
            if (start, end) != (span["started_at_ms"], span["ended_at_ms"]):
                await client.execute_query(
                    f"UPDATE tag SET started_at_ms = {start}, ended_at_ms = {'NULL' if end is None else end} WHERE id = {span['id']}"
                )
            earliest = start if end is None else end


class Migration(migrations.Migration):
    dependencies = [("models", "0019_rate_count")]

    operations = [
        ops.AddField(
            model_name="Tag",
            name="has_ended",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.RunPython(settle),
    ]

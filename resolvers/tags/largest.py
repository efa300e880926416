"""The tags of a namespace in the order of what is stored of them.

No index holds that order: a page computes the sizes of all, so their number is bounded.
"""

from resolvers.access.permissions import visible_repositories
from resolvers.accounts.account import AccountRecord
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.manifests.own_graph import stored_in
from resolvers.pages import Page, Slice, check_first, paginate_list
from resolvers.tags import tag
from resolvers.tags.tag import ACTIVE, TagRecord
from storage.clock import now_ms
from storage.conditions import exists
from storage.statements import fetch

MAX_TAGS = 10_000


async def largest_tags(context: Context, namespace: AccountRecord, page: Page) -> Slice[TagRecord]:
    """The active tags of those repositories of a namespace that the viewer may see, the largest first.

    The caller has judged that the viewer is its owner or a member. Raises `Invalid` for more than 10,000
    tags and for a page, and `TooMany` for graphs that are too large.
    """
    check_first(page.first, maximum=context.max_first)
    visible, values = visible_repositories(context.viewer, include_public=True)
    rows = await fetch(
        "SELECT t.id, t.manifest_id FROM repository r JOIN tag t ON t.repository_id = r.id"
        f" WHERE r.namespace_id = ? AND {exists('r')} AND ({visible}) AND {ACTIVE} LIMIT {MAX_TAGS + 1}",
        namespace.id,
        *values,
        now_ms(),
    )
    if len(rows) > MAX_TAGS:
        raise Invalid(
            f"At most {MAX_TAGS:,} tags can be put in the order of their size, and the namespace has more."
        )
    sizes = await stored_in(namespace.id, sorted({row["manifest_id"] for row in rows}))
    rows.sort(key=lambda row: (-sizes[row["manifest_id"]], -row["id"]))
    shown = paginate_list([row["id"] for row in rows], page, maximum=context.max_first)
    found = await tag.by_ids(shown.items)
    return shown.of_found(found.get)

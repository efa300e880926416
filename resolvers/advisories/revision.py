"""The revision of findings: judgements on pulls that were kept in memory hold as long as it is the same.

Counts of vulnerabilities have one of their own, since changes of policies are nothing to them.
"""

from typing import Final

from storage.statements import execute, fetch_one

_OF_JUDGEMENTS: Final = 1
_OF_COUNTS: Final = 2


async def bump(*, only_policies: bool = False) -> None:
    """Have pulls judged anew, from the commit of the open transaction on, and vulnerabilities counted anew.

    The latter not where `only_policies` have changed.
    """
    rows = (_OF_JUDGEMENTS,) if only_policies else (_OF_JUDGEMENTS, _OF_COUNTS)
    await execute(
        f"INSERT INTO findings_revision (id, number) VALUES {', '.join(['(?, 1)'] * len(rows))}"
        " ON CONFLICT (id) DO UPDATE SET number = findings_revision.number + 1",
        *rows,
    )


async def of_counts() -> int:
    """The revision by which counts of vulnerabilities hold."""
    row = await fetch_one("SELECT number FROM findings_revision WHERE id = ?", _OF_COUNTS)
    return row["number"] if row else 0

"""The revision of findings: judgements on pulls that were kept in memory hold as long as it is the same."""

from typing import Final

from storage.statements import execute

_ROW: Final = 1


async def bump() -> None:
    """Have pulls judged anew, from the commit of the open transaction on."""
    await execute(
        "INSERT INTO findings_revision (id, number) VALUES (?, 1)"
        " ON CONFLICT (id) DO UPDATE SET number = findings_revision.number + 1",
        _ROW,
    )

"""What is stored, which superusers have counted anew."""

from __future__ import annotations

from tests.contract.owed.rows import Row, row

ROWS: tuple[Row, ...] = (row("storageRecount", "", "superuser", "+job", by="super"),)

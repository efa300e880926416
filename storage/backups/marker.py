"""The mark of a restore that has begun and not ended, in the data directory."""

from pathlib import Path
from typing import Final

MARKER: Final = "restore.part"


def is_unfinished(data_dir: Path) -> bool:
    """Whether a restore has begun in a data directory and not ended."""
    return (data_dir / MARKER).exists()

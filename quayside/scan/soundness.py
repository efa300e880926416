"""What texts must be that come of layers: databases take them, and people read them."""

from typing import Any, Final

from resolvers.scan.package import Package

NAME_LENGTH: Final = 512
VERSION_LENGTH: Final = 255
ARCHITECTURE_LENGTH: Final = 64


def is_text(value: Any) -> bool:
    """Whether a value is a text that databases take."""
    return isinstance(value, str) and "\0" not in value


def is_sound(package: Package) -> bool:
    """Whether the texts of a package are printable, and not longer than their columns."""
    texts = {
        package.name: NAME_LENGTH,
        package.version: VERSION_LENGTH,
        package.source_name or "": NAME_LENGTH,
        package.source_version or "": VERSION_LENGTH,
        package.architecture or "": ARCHITECTURE_LENGTH,
    }
    return bool(package.name and package.version) and all(
        isinstance(text, str) and len(text) <= length and text.isprintable() for text, length in texts.items()
    )

"""Paragraphs of `Key: value` lines, as dpkg and Python metadata have them."""

from collections.abc import Iterator


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Yield the fields of each paragraph by small key. Lines that continue a value are left out.

    Of a repeated key the first counts. A line without a colon is passed over.
    """
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        if not line.strip():
            if fields:
                yield fields
                fields = {}
        elif line[0] not in " \t":
            key, colon, value = line.partition(":")
            if colon:
                fields.setdefault(key.lower(), value.strip())
    if fields:
        yield fields

"""Templates of webhooks: JSON in whose texts `${path}` stands for a value of the payload.

A text that is a path alone becomes the value, of whatever type; within a longer text the value is written
out. A path is made of keys and, for lists, numbers, such as `${updated_tags.0}` or `${updated_tags[0]}`.
"""

import re
from typing import Any

import orjson

from resolvers.errors import Invalid
from resolvers.nesting import MAX_DEPTH, is_too_deep
from resolvers.notifications.methods import FIELD

MAXIMUM_LENGTH = 65_536
MAXIMUM_FILLED = 1 << 20
"""Bytes of what comes of a template."""
_PLACE = re.compile(r"\$\{([^{}]*)\}")
_PATH = re.compile(r"[\w-]+(?:\.[\w-]+|\[[0-9]{1,6}\])*")


def parse(template: Any) -> Any:
    """The JSON of a template, which is a text or JSON itself. Raises `Invalid`."""
    found = template
    if isinstance(template, str):
        if len(template) > MAXIMUM_LENGTH:
            raise _invalid(f"must have at most {MAXIMUM_LENGTH} characters")
        try:
            found = orjson.loads(template)
        except orjson.JSONDecodeError as error:
            raise _invalid(f"is not JSON: {error}") from error
    if is_too_deep(found):
        raise _invalid(f"must be nested at most {MAX_DEPTH} levels deep")
    for text in _texts(found):
        if "${" in _PLACE.sub("", text):
            raise _invalid("has a `${` without its `}`")
        for path in _PLACE.findall(text):
            if not _PATH.fullmatch(path.strip()):
                raise _invalid(f"has `${{{path[:64]}}}`, which is no path such as `${{updated_tags.0}}`")
    return found


def _invalid(why: str) -> Invalid:
    return Invalid(f"{FIELD}: the template {why}.", field=FIELD)


def _texts(value: Any) -> list[str]:
    """All texts of a JSON value but its keys."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


class TooLong(Exception):
    """What comes of a template is longer than `MAXIMUM_FILLED`."""


def fill(template: Any, payload: dict[str, Any]) -> bytes:
    """A parsed template with values of a payload, as JSON; null where the payload has none.

    Raises `TooLong`, having taken no more values than would fit.
    """
    filled = orjson.dumps(_Filling(payload).fill(template))
    if len(filled) > MAXIMUM_FILLED:
        raise TooLong
    return filled


class _Filling:
    """One use of a template: the values that it takes, and the room that they leave."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._payload = payload
        self._room = MAXIMUM_FILLED

    def fill(self, template: Any) -> Any:
        if isinstance(template, dict):
            return {key: self.fill(value) for key, value in template.items()}
        if isinstance(template, list):
            return [self.fill(item) for item in template]
        if not isinstance(template, str):
            return template
        whole = _PLACE.fullmatch(template)
        if whole:
            return self._take(whole[1])[0]
        return _PLACE.sub(lambda found: self._take(found[1])[1], template)

    def _take(self, path: str) -> tuple[Any, str]:
        """A value of the payload, and its text."""
        value = _value(self._payload, path)
        text = _written(value)
        self._room -= len(text)
        if self._room < 0:
            raise TooLong
        return value, text


def _value(payload: Any, path: str) -> Any:
    found = payload
    for step in path.strip().replace("[", ".").replace("]", "").split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _written(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()

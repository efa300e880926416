"""Conditional requests: entity tags and `If-None-Match` (RFC 9110 §8.8.3, §13.1.2)."""

import re
from typing import Final

from starlette.types import Scope

_TAG: Final = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"')


def none_match(scope: Scope, tag: bytes) -> bool:
    """Whether `If-None-Match` names an entity tag, given with its quotes, or is `*`.

    The comparison is the weak one, so that `W/` does not matter. The field may come more than once.
    """
    for name, value in scope["headers"]:
        if name == b"if-none-match" and (value.strip() == b"*" or tag in _TAG.findall(value)):
            return True
    return False

"""Dockerfile: which images it builds on, so that they can be fetched before, outside of the sandbox."""

import io
import re
from collections.abc import Mapping
from typing import Final

from dockerfile_parse import DockerfileParser
from dockerfile_parse.util import WordSplitter

from resolvers.builds.builder import BuildFailed

MAXIMUM_BYTES: Final = 1024 * 1024
MAXIMUM_BASES: Final = 50
_COPIED = re.compile(r"(?:^|\s)--from=(\S+)")
_FROM: Final = {
    "COPY": _COPIED,
    "ADD": _COPIED,
    "RUN": re.compile(r"(?:^|\s)--mount=\S*?\bfrom=([^\s,]+)"),
}
"""How instructions name images that they copy files from."""
_NOTHING: Final = re.compile(r"(?!)")


def bases(content: bytes, arguments: Mapping[str, str]) -> list[str]:
    """The images that stages begin with, and that files are copied from, each once, in their order.

    `arguments` are those of the build; they stand for variables in names. Raises `BuildFailed`.
    """
    try:
        parser = DockerfileParser(fileobj=io.BytesIO(content), build_args=dict(arguments))
        starts, instructions = list(parser.parent_images), parser.structure
    except Exception as error:
        raise BuildFailed(f"The Dockerfile cannot be read: {error}") from error
    if not starts:
        raise BuildFailed("The Dockerfile has no FROM instruction.")
    names, known = list[str](), set[str]()
    for each in instructions:
        kind, value = each["instruction"].upper(), each["value"]
        if kind == "FROM":
            names.append(starts.pop(0) if starts else "")
            if names[-1].lower() in known:
                names.pop()
            words = value.split()
            if len(words) > 2 and words[-2].upper() == "AS":
                known.add(words[-1].lower())
        else:
            copied = [_with_arguments(name, arguments) for name in _FROM.get(kind, _NOTHING).findall(value)]
            names += [name for name in copied if name.lower() not in known and not name.isdecimal()]
    found = [name for name in dict.fromkeys(names) if name and name != "scratch"]
    if len(found) > MAXIMUM_BASES:
        raise BuildFailed(f"The Dockerfile names more than {MAXIMUM_BASES} images.")
    return found


def _with_arguments(name: str, arguments: Mapping[str, str]) -> str:
    return str(WordSplitter(name, args=dict(arguments)).dequote())

"""Templates: which tags a build gets from what was pushed, and which pushes a trigger wants.

    latest_for_default_branch   the tag `latest`, if the default branch was pushed; true if not given
    default_tag_from_ref        a tag named like the branch or tag; true if not given
    tag_templates               names with variables, such as `${parsed_ref.branch}-${commit_info.short_sha}`
    branchtag_regex             RE2, which has to fit all of `heads/main` or `tags/v1`

A template that needs what a push does not have, such as the tag of a branch, gives no tag. If none is left,
the tag is the beginning of the commit. A character that a tag cannot have becomes `_`.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from resolvers.builds.triggers.push import HEADS, REMOTES, TAGS, Push
from resolvers.builds.triggers.skips import is_skipped
from resolvers.errors import Invalid
from resolvers.nesting import within
from resolvers.patterns import compile_pattern, fits_whole

MOST_TEMPLATES: Final = 20
LONGEST_TEMPLATE: Final = 256
SHORT_SHA: Final = 7

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_NOT_IN_TAG: Final = re.compile(r"[^A-Za-z0-9_.-]|\A[.-]")
_LONGEST_TAG: Final = 128


def _after(prefix: str) -> Callable[[Push], str | None]:
    def name(push: Push) -> str | None:
        return push.ref.removeprefix(prefix) if push.ref and push.ref.startswith(prefix) else None

    return name


def _told(*keys: str) -> Callable[[Push], str | None]:
    def value(push: Push) -> str | None:
        found = within(push.metadata, "commit_info", *keys)
        return found if isinstance(found, str) else None

    return value


VARIABLES: Final = MappingProxyType(
    {
        "commit": lambda push: push.commit,
        "ref": lambda push: push.ref,
        "default_branch": lambda push: push.default_branch,
        "commit_info.short_sha": lambda push: push.commit[:SHORT_SHA],
        "commit_info.date": _told("date"),
        "commit_info.author": _told("author", "username"),
        "commit_info.author.username": _told("author", "username"),
        "commit_info.committer": _told("committer", "username"),
        "commit_info.committer.username": _told("committer", "username"),
        "parsed_ref.branch": _after(HEADS),
        "parsed_ref.tag": _after(TAGS),
        "parsed_ref.remote": _after(REMOTES),
    }
)
"""What stands in `${…}`, and its value in a push; None where the push does not have it."""


def check_config(config: Mapping[str, Any]) -> None:
    """Check what a configuration says of tags and of wanted pushes. Raises `Invalid`, which names the key."""
    for key in ("default_tag_from_ref", "latest_for_default_branch"):
        if not isinstance(config.get(key, True), bool):
            raise Invalid(f"{key}: must be true or false.", field=f"config.{key}")
    pattern = config.get("branchtag_regex")
    if pattern is not None and not isinstance(pattern, str):
        raise Invalid("branchtag_regex: must be a text.", field="config.branchtag_regex")
    if pattern:
        compile_pattern(pattern, field="config.branchtag_regex")
    templates = config.get("tag_templates")
    if templates is None:
        return
    if not isinstance(templates, list) or len(templates) > MOST_TEMPLATES:
        raise Invalid(
            f"tag_templates: must be a list of at most {MOST_TEMPLATES} templates.",
            field="config.tag_templates",
        )
    for number, template in enumerate(templates):
        _check_template(template, field=f"config.tag_templates[{number}]")


def _check_template(template: object, *, field: str) -> None:
    name = field.removeprefix("config.")
    if not isinstance(template, str) or not 1 <= len(template) <= LONGEST_TEMPLATE:
        raise Invalid(f"{name}: must be a text of 1 to {LONGEST_TEMPLATE} characters.", field=field)
    for variable in _VARIABLE.findall(template):
        if variable not in VARIABLES:
            raise Invalid(
                f"{name}: '${{{variable[:64]}}}' is no variable; use one of {', '.join(VARIABLES)}.",
                field=field,
            )
    plain = _VARIABLE.sub("x", template)
    if found := re.search(r"[^A-Za-z0-9_.-]", plain):
        raise Invalid(
            f"{name}: '{found[0]}' cannot be part of a tag; use letters, digits, '_', '.', '-' and variables"
            " such as ${parsed_ref.branch}.",
            field=field,
        )


def tags_of(config: Mapping[str, Any], push: Push) -> list[str]:
    """The tags of the build of a push, at least one, each once."""
    tags = [
        tag for template in config.get("tag_templates") or () if (tag := _filled(template, push)) is not None
    ]
    if config.get("default_tag_from_ref", True) and push.ref:
        tags.append(as_tag(_short(push.ref)))
    if config.get("latest_for_default_branch", True) and push.ref and push.default_branch:
        is_default = push.ref == f"{HEADS}{push.default_branch}"
        tags += ["latest"] if is_default else []
    return list(dict.fromkeys(tags)) or [push.commit[:SHORT_SHA]]


def is_wanted(config: Mapping[str, Any], push: Push) -> str | None:
    """Why a trigger does not build a push, in a sentence; None if it does."""
    if is_skipped(push.message):
        return "The message of the commit asks to skip the build."
    pattern = config.get("branchtag_regex")
    if pattern and push.ref_name is not None and not fits_whole(pattern, push.ref_name):
        return f"The trigger wants only references that fit '{pattern}', and '{push.ref_name}' does not."
    return None


def as_tag(text: str) -> str:
    """A name that tags may have, made of any text of at least one character."""
    return _NOT_IN_TAG.sub("_", text[:_LONGEST_TAG])


def _short(ref: str) -> str:
    """The name of a branch or tag, without what says that it is one."""
    return ref.split("/", 2)[-1]


def _filled(template: str, push: Push) -> str | None:
    """A template with the values of a push; None if one is missing."""
    values = {name: VARIABLES[name](push) for name in _VARIABLE.findall(template) if name in VARIABLES}
    if any(value is None for value in values.values()):
        return None
    filled = _VARIABLE.sub(lambda found: values.get(found[1]) or "", template)
    return as_tag(filled) if filled else None

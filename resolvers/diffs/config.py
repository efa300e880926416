"""Configurations that differ: what two images say of how they run, and of what they are for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from resolvers.diffs.diff import Change


class ConfigSetting(StrEnum):
    """What a configuration sets; the values are the names that it has there."""

    ENTRYPOINT = "Entrypoint"
    CMD = "Cmd"
    SHELL = "Shell"
    USER = "User"
    WORKING_DIR = "WorkingDir"
    STOP_SIGNAL = "StopSignal"
    HEALTHCHECK = "Healthcheck"
    ENV = "Env"
    LABEL = "Labels"
    EXPOSED_PORT = "ExposedPorts"
    VOLUME = "Volumes"
    ONBUILD = "OnBuild"
    OS = "os"
    OS_VERSION = "os.version"
    ARCHITECTURE = "architecture"
    VARIANT = "variant"
    CREATED = "created"
    AUTHOR = "author"


_Setting: TypeAlias = tuple[tuple[ConfigSetting, str | None], tuple[str, ...]]
_TEXTS: Final = (ConfigSetting.USER, ConfigSetting.WORKING_DIR, ConfigSetting.STOP_SIGNAL)
_WORDS: Final = (ConfigSetting.ENTRYPOINT, ConfigSetting.CMD, ConfigSetting.SHELL, ConfigSetting.ONBUILD)
_NAMES: Final = (ConfigSetting.EXPOSED_PORT, ConfigSetting.VOLUME)
_OF_IMAGE: Final = (
    ConfigSetting.OS,
    ConfigSetting.OS_VERSION,
    ConfigSetting.ARCHITECTURE,
    ConfigSetting.VARIANT,
    ConfigSetting.CREATED,
    ConfigSetting.AUTHOR,
)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """A setting that differs. `key` is the name of a variable, a label, a port or a volume; else None.

    A value is its words, one for a text; None where it is not set.
    """

    setting: ConfigSetting
    key: str | None
    before: tuple[str, ...] | None
    after: tuple[str, ...] | None

    @property
    def change(self) -> Change:
        """What comes of it."""
        return Change.of(self.before, self.after)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ConfigChange]:
    """What differs between two configurations, in the order of settings and of keys."""
    old, new = dict(_settings(before)), dict(_settings(after))
    order = {setting: place for place, setting in enumerate(ConfigSetting)}
    differing = [one for one in {**old, **new} if old.get(one) != new.get(one)]
    differing.sort(key=lambda one: (order[one[0]], one[1] or ""))
    return [ConfigChange(*one, old.get(one), new.get(one)) for one in differing]


def _settings(document: Mapping[str, Any]) -> Iterator[_Setting]:
    """The settings of a configuration; what is not of the form that it must have is left out."""
    config = document.get("config")
    if not isinstance(config, dict):
        config = {}
    for holder, texts in ((document, _OF_IMAGE), (config, _TEXTS)):
        for setting in texts:
            value = holder.get(setting.value)
            if isinstance(value, str) and value:
                yield (setting, None), (value,)
    check = config.get(ConfigSetting.HEALTHCHECK.value)
    commands = {setting: config.get(setting.value) for setting in _WORDS}
    commands[ConfigSetting.HEALTHCHECK] = check.get("Test") if isinstance(check, dict) else None
    for setting, value in commands.items():
        if words := _words(value):
            yield (setting, None), words
    yield from _named(config)


def _named(config: Mapping[str, Any]) -> Iterator[_Setting]:
    """The settings that have a name."""
    for line in _words(config.get(ConfigSetting.ENV.value)):
        name, _, value = line.partition("=")
        yield (ConfigSetting.ENV, name), (value,)
    labels = config.get(ConfigSetting.LABEL.value)
    for name, value in labels.items() if isinstance(labels, dict) else ():
        if isinstance(value, str):
            yield (ConfigSetting.LABEL, name), (value,)
    for setting in _NAMES:
        names = config.get(setting.value)
        for name in names if isinstance(names, dict) else ():
            yield (setting, name), ()


def _words(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()

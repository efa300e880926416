"""The commands: each module has `run(arguments) -> exit code`."""

import argparse
import os
from dataclasses import fields

from quayside.settings.settings import Settings, load_settings


class CommandError(Exception):
    """The command failed; the message is one sentence for the operator."""


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of a command. Raises `SettingsError`."""
    names = {field.name.upper() for field in fields(Settings)}
    flags = {name: value for name, value in vars(arguments).items() if name in names}
    return load_settings(flags, os.environ)

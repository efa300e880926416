"""The command line. Results go to stdout, everything else to stderr.

Exit codes: 0 done, 1 failed with a sentence on stderr, 2 wrong usage or settings, 130 interrupted.
A command's module is imported when it runs, so that `--version` and `--help` are fast.
"""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from quayside.commands import CommandError
from quayside.settings.settings import SettingsError
from quayside.version import __version__


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command: its names, and options for `argparse`.

    If `dest` is the name of a setting, the argument sets it.
    """

    names: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its words, its description, and its module in `quayside.commands`."""

    name: str
    sentence: str
    module: str
    arguments: tuple[Argument, ...] = ()


DATA: Final = Argument(
    ("--data",), {"dest": "DATA_DIR", "metavar": "DIR", "help": "the data directory; ./data if not set"}
)

USER: Final = Argument(("user",), {"metavar": "USER", "help": "the name of the user"})
PASSWORD_STDIN: Final = Argument(
    ("--password-stdin",),
    {"action": "store_true", "help": "read the password from the first line of the input"},
)
JSON: Final = Argument(("--json",), {"action": "store_true", "help": "print a JSON object on each line"})

COMMANDS: Final = (
    Command(
        "serve",
        "Run the registry.",
        "serve",
        (
            Argument(("--host",), {"dest": "HOST", "help": "the address to listen on; 127.0.0.1 if not set"}),
            Argument(("--port",), {"dest": "PORT", "help": "the TCP port to listen on; 8080 if not set"}),
            Argument(
                ("--workers",),
                {"type": int, "default": 1, "metavar": "N", "help": "how many processes serve"},
            ),
            Argument(
                ("--no-jobs",), {"action": "store_true", "help": "leave background jobs to `quayside worker`"}
            ),
        ),
    ),
    Command(
        "worker",
        "Run background jobs until stopped.",
        "worker",
        (Argument(("--only",), {"metavar": "KIND", "help": "run jobs of this kind alone"}),),
    ),
    Command(
        "migrate",
        "Bring the database to the schema of this version.",
        "migrate",
        (
            Argument(
                ("--no-copy",),
                {"action": "store_true", "help": "keep no copy of an SQLite database as it was before"},
            ),
        ),
    ),
    Command(
        "gc",
        "Remove content that nothing keeps any more.",
        "gc",
        (
            Argument(
                ("--dry-run",), {"action": "store_true", "help": "change nothing, and print what would go"}
            ),
        ),
    ),
    Command(
        "prune",
        "Run the auto-prune policies of all namespaces.",
        "prune",
        (
            Argument(
                ("--dry-run",), {"action": "store_true", "help": "change nothing, and print what would go"}
            ),
        ),
    ),
    Command("schema", "Print the GraphQL schema.", "schema"),
    Command("doctor", "Check the settings and everything that they name.", "doctor"),
    Command(
        "mail list",
        "Print the mails that wait in the outbox, newest first.",
        "mail",
        (Argument(("--all",), {"action": "store_true", "help": "also those that were sent"}),),
    ),
    Command(
        "admin create-user",
        "Create a user; prints the password if it made one.",
        "create_user",
        (
            Argument(("name",), {"metavar": "NAME", "help": "the name of the user"}),
            Argument(("--email",), {"required": True, "help": "the e-mail address of the user"}),
            Argument(("--superuser",), {"action": "store_true", "help": "make the user a superuser"}),
            PASSWORD_STDIN,
        ),
    ),
    Command("admin list-users", "Print all users, by name.", "list_users", (JSON,)),
    Command(
        "admin set-password",
        "Set the password of a user; prints the password if it made one.",
        "set_password",
        (
            USER,
            PASSWORD_STDIN,
        ),
    ),
    Command("admin disable-user", "Take all access from a user, at once.", "set_enabled", (USER,)),
    Command("admin enable-user", "Give a disabled user the access back.", "set_enabled", (USER,)),
    Command(
        "admin create-token",
        "Create an access token of a user; prints the token alone.",
        "create_token",
        (
            USER,
            Argument(
                ("--scopes",),
                {"required": True, "help": 'what the token may do, such as "repo:read repo:write"'},
            ),
            Argument(
                ("--expires",),
                {"metavar": "TIME", "help": "how long it holds, such as 12h or 30d; ten years if not set"},
            ),
        ),
    ),
    Command(
        "admin list-tokens", "Print the tokens of a user, without their secrets.", "list_tokens", (USER, JSON)
    ),
    Command(
        "admin revoke-token",
        "End a token of a user, or all of them.",
        "revoke_token",
        (
            USER,
            Argument(("token",), {"metavar": "TOKEN", "nargs": "?", "help": "the id of the token"}),
            Argument(("--all",), {"action": "store_true", "help": "all tokens of the user"}),
        ),
    ),
)

GROUPS: Final = {
    "admin": "Manage users and tokens without a running server.",
    "mail": "Look into the outbox.",
}
"""First words that several commands share."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit code."""
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    if not hasattr(parsed, "command"):
        parser.print_help(sys.stderr)
        return 2
    try:
        module = importlib.import_module(f"quayside.commands.{parsed.command.module}")
        code: int = module.run(parsed)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; it puts the chosen `Command` into the attribute `command`."""
    parser = argparse.ArgumentParser(
        prog="quayside", description="A container registry with GraphQL at its heart.", allow_abbrev=False
    )
    parser.add_argument("--version", action=_Version, help="print the version and the revision of the schema")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    groups = {
        name: commands.add_parser(name, help=sentence, description=sentence).add_subparsers(
            title="commands", metavar="COMMAND", required=True
        )
        for name, sentence in GROUPS.items()
    }
    for row in COMMANDS:
        group, _, name = row.name.rpartition(" ")
        command = (groups[group] if group else commands).add_parser(
            name, help=row.sentence, description=row.sentence, allow_abbrev=False
        )
        for argument in (*row.arguments, DATA):
            command.add_argument(*argument.names, **argument.options)
        command.set_defaults(command=row)
    return parser


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"quayside {__version__} (schema {schema_revision()})")
        parser.exit()


def schema_revision() -> str:
    """The name of the newest migration. Does not import `storage`, which takes long."""
    specification = importlib.util.find_spec("storage")
    if specification is None or not specification.submodule_search_locations:
        raise CommandError("The package storage is not installed.")
    migrations = Path(specification.submodule_search_locations[0], "migrations").glob("[0-9]*.py")
    return max(path.stem for path in migrations)

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
    goes_on_when_read_only: bool = False
    """Whether it may change content, accounts or settings in read-only mode, as what serves or migrates."""


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
        goes_on_when_read_only=True,
    ),
    Command(
        "worker",
        "Run background jobs until stopped.",
        "worker",
        (Argument(("--only",), {"metavar": "KIND", "help": "run jobs of this kind alone, or all `builds`"}),),
        goes_on_when_read_only=True,
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
        goes_on_when_read_only=True,
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
    Command(
        "backup",
        "Copy the registry into a directory, beside running servers.",
        "backup",
        (
            Argument(("directory",), {"metavar": "DIR", "help": "the directory of the backup"}),
            Argument(
                ("--prune",),
                {"action": "store_true", "help": "remove blobs that only former backups had"},
            ),
        ),
        goes_on_when_read_only=True,
    ),
    Command(
        "restore",
        "Make a registry from a backup, where there is none yet.",
        "restore",
        (
            Argument(("directory",), {"metavar": "DIR", "help": "the directory of the backup"}),
            Argument(
                ("--incomplete",),
                {"action": "store_true", "help": "restore also a backup that has lost blobs, without these"},
            ),
        ),
        goes_on_when_read_only=True,
    ),
    Command(
        "storage fsck",
        "Compare the database with the blob store, and say which images are damaged.",
        "fsck",
        (
            Argument(
                ("--repair",),
                {"action": "store_true", "help": "set aside what is damaged, and remove what nobody knows"},
            ),
            Argument(
                ("--rehash",), {"action": "store_true", "help": "read all bytes and compare their digests"}
            ),
            Argument(("--digest",), {"metavar": "DIGEST", "help": "check this blob or manifest alone"}),
            Argument(("--repository",), {"metavar": "PATH", "help": "check what this repository has alone"}),
            Argument(
                ("--stray-age",),
                {"metavar": "TIME", "help": "how old bytes without a row must be; 2d if not set"},
            ),
            JSON,
        ),
    ),
    Command(
        "advisories import",
        "Import advisories of vulnerabilities from files of OSV JSON.",
        "advisories",
        (
            Argument(
                ("paths",),
                {
                    "metavar": "PATH",
                    "nargs": "+",
                    "help": "a directory, a zip file, a file of JSON objects, or - for the standard input",
                },
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
    Command(
        "admin read-only",
        "Switch read-only mode on or off, or print whether it is on.",
        "readonly",
        (
            Argument(
                ("mode",), {"metavar": "MODE", "nargs": "?", "choices": ("on", "off"), "help": "on or off"}
            ),
            Argument(("--reason",), {"metavar": "TEXT", "help": "why; everybody who is refused reads it"}),
            Argument(
                ("--wait",),
                {
                    "metavar": "TIME",
                    "default": "30s",
                    "help": "how long to wait for writes that began before; 30s if not set",
                },
            ),
        ),
        goes_on_when_read_only=True,
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
    Command("admin grant-superuser", "Make a user a superuser.", "set_superuser", (USER,)),
    Command(
        "admin revoke-superuser",
        "Take the right of a superuser back, but never that of the last one.",
        "set_superuser",
        (USER,),
    ),
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
    Command(
        "admin rotate-key",
        "Let a new key sign for the registry; prints its id.",
        "rotate_key",
        (
            Argument(
                ("--service",),
                {
                    "choices": ("quayside-registry", "builds"),
                    "default": "quayside-registry",
                    "help": "whose key: of registry tokens (quayside-registry, the default), or of"
                    " statements on built images (builds)",
                },
            ),
        ),
    ),
)

GROUPS: Final = {
    "admin": "Manage users and tokens without a running server.",
    "advisories": "Bring advisories of vulnerabilities into the registry.",
    "mail": "Look into the outbox.",
    "storage": "Check the blob store.",
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
        code: int = _run(module, parsed)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _run(module: Any, parsed: argparse.Namespace) -> int:
    if parsed.command.goes_on_when_read_only:
        code: int = module.run(parsed)
        return code
    # Imported here, since it takes long and `--help` does not need it.
    readonly = importlib.import_module("storage.readonly")
    try:
        with readonly.suspended_when_on():
            code = module.run(parsed)
    except readonly.ReadOnly as error:
        raise CommandError(error.sentence) from error
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

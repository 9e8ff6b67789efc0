"""The `votes` command. Exit 0 done, 1 failed, 2 wrong usage."""

import sys
from importlib import import_module

import click

from votes import __version__
from votes.config import ConfigError
from votes.embedded import DataDirInUse, StartFailed
from votes.engine.ports import Unavailable
from votes.store.migrate import MigrationChanged, NotMigrated
from votes.store.restore import NotRestored

_ONE_LINE_ERRORS = (
    ConfigError,
    DataDirInUse,
    StartFailed,
    MigrationChanged,
    NotMigrated,
    Unavailable,
    NotRestored,
)


COMMANDS = {
    "up": "up",
    "api": "serve",
    "worker": "serve",
    "migrate": "operate",
    "import": "transfer",
    "export": "exporting",
    "explain": "explain",
    "rename": "rename",
    "ruling": "ruling",
    "rebuild": "operate",
    "verify": "operate",
    "tail": "operate",
    "token": "operate",
    "doctor": "operate",
    "digest": "digest",
    "openapi": "serve",
}
"""The commands, and the modules that they are in."""


class _Commands(click.Group):
    """Imports the command that is asked for, and no other."""

    def list_commands(self, _: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"votes.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, "import_" if name == "import" else name)
        return command


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="votes")
def cli() -> None:
    """Ship or skip: votes, bookmarks, panel reviews and live tallies on an event log.

    Settings come from the environment (VOTES_POSTGRES_URL, VOTES_REDIS_URL, …). Without them the
    embedded servers in the data directory are used.
    """


def main() -> None:
    """Run the command. An error that the user can repair is one line."""
    try:
        cli()
    except _ONE_LINE_ERRORS as error:
        click.echo(f"votes: {error}", err=True)
        sys.exit(1)

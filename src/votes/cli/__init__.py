"""The `votes` command. Exit 0 done, 1 failed, 2 wrong usage."""

import sys

import click

from votes import __version__
from votes.cli.digest import digest
from votes.cli.explain import explain
from votes.cli.exporting import export
from votes.cli.operate import doctor, migrate, rebuild, tail, token, verify
from votes.cli.rename import rename
from votes.cli.ruling import ruling
from votes.cli.serve import api, openapi, worker
from votes.cli.transfer import import_
from votes.cli.up import up
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


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="votes")
def cli() -> None:
    """Ship or skip: votes, bookmarks, panel reviews and live tallies on an event log.

    Settings come from the environment (VOTES_POSTGRES_URL, VOTES_REDIS_URL, …). Without them the
    embedded servers in the data directory are used.
    """


COMMANDS = (
    up,
    api,
    worker,
    migrate,
    import_,
    export,
    explain,
    rename,
    ruling,
    rebuild,
    verify,
    tail,
    token,
    doctor,
    digest,
    openapi,
)

for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command. An error that the user can repair is one line."""
    try:
        cli()
    except _ONE_LINE_ERRORS as error:
        click.echo(f"votes: {error}", err=True)
        sys.exit(1)

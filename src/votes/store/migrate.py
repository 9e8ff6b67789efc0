"""Migrations: plain SQL files, each applied once, in the order of their numbers.

Safe to run twice, and from two machines at once: one applies them while the other waits. A file
must not change after it was applied.
"""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from votes.engine.ports import Unavailable
from votes.store.connections import CONNECT_TIMEOUT_S, translated

WAIT_FOR_OTHERS_S = 300

_LOCK = "LOCK TABLE migrations IN EXCLUSIVE MODE"
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationChanged(Exception):
    """The file of an applied migration has changed."""


class NotMigrated(Exception):
    """The database lacks migrations, or this login may not apply them."""


class Migration(Struct, frozen=True):
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def _folder() -> Traversable:
    """The folder of the migrations: in the package of a wheel, at the top level of a checkout."""
    packaged = files("votes") / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "migrations"


def migrations() -> Iterator[Migration]:
    """All migrations, in order."""
    for file in sorted(_folder().iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield Migration(file.name, file.read_text())


async def migrate(url: str) -> list[str]:
    """Apply the missing migrations as the owner of the schema; return their names.

    Raises `MigrationChanged`, `NotMigrated` for a login that is not the owner's, and `Unavailable`
    when the database does not respond.
    """
    async with translated():
        connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": "votes migrate"}
        )
        try:
            return await _apply_missing(connection)
        except asyncpg.InsufficientPrivilegeError as error:
            raise NotMigrated(
                f"VOTES_MIGRATION_URL: migrations need the login of the owner ({error})"
            ) from error
        finally:
            await connection.close()


async def require_migrated(url: str) -> None:
    """Raises `NotMigrated`, and `Unavailable` when the database does not respond."""
    async with translated():
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
        try:
            missing = await pending(connection)
        finally:
            await connection.close()
    if missing:
        raise NotMigrated(
            f"the database lacks {', '.join(missing)}: run votes migrate as its owner"
        )


async def pending(connection: Any) -> list[str]:
    """The names of the migrations that are not applied."""
    if await connection.fetchval("SELECT to_regclass('public.migrations')") is None:
        return [migration.name for migration in migrations()]
    applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
    return [migration.name for migration in migrations() if migration.name not in applied]


async def _apply_missing(connection: Any) -> list[str]:
    await connection.execute("SET client_min_messages = error")
    with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        await connection.execute(_LEDGER)  # another may make it at this moment
    done = []
    for migration in migrations():
        async with connection.transaction():
            if await _apply(connection, migration):
                done.append(migration.name)
    return done


async def _apply(connection: Any, migration: Migration) -> bool:
    """Apply the migration if it is missing; whether it was."""
    await connection.execute(_LOCK, timeout=WAIT_FOR_OTHERS_S)
    applied = await connection.fetchval(
        "SELECT checksum FROM migrations WHERE name = $1", migration.name
    )
    if applied is None:
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (name, checksum) VALUES ($1, $2)",
            migration.name,
            migration.checksum,
        )
        await connection.execute("GRANT SELECT ON migrations TO votes_reader")
    elif applied != migration.checksum:
        raise MigrationChanged(
            f"{migration.name} has changed since it was applied: another state of the program"
            " made this database, so start with an empty one"
        )
    return applied is None


__all__ = [
    "Migration",
    "MigrationChanged",
    "NotMigrated",
    "Unavailable",
    "migrate",
    "migrations",
    "pending",
    "require_migrated",
]

"""Migrations: plain SQL files, each applied once, in the order of their numbers.

Safe to run twice, and at once from two machines: one runs them while the other waits. A file that
was applied must not change afterwards.
"""

from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from votes.engine.ports import Unavailable
from votes.store.postgres import CONNECT_TIMEOUT_S, translated

WAIT_FOR_OTHERS_S = 300

_LOCK = "SELECT pg_advisory_lock(hashtextextended('votes.migrations', 0))"
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationChanged(Exception):
    """A migration that was applied reads otherwise now."""


class Migration(Struct, frozen=True):
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def _folder() -> Traversable:
    """Beside the package in a wheel, at the top level in a checkout."""
    packaged = files("votes") / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "migrations"


def migrations() -> Iterator[Migration]:
    """All migrations, in order."""
    for file in sorted(_folder().iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            yield Migration(file.name, file.read_text())


async def migrate(url: str) -> list[str]:
    """Apply what is missing as the owner of the schema; answers the names of what it applied.

    Raises `MigrationChanged`, and `Unavailable` when the database does not answer.
    """
    async with translated():
        connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT_S, server_settings={"application_name": "votes migrate"}
        )
        try:
            await connection.execute(_LOCK, timeout=WAIT_FOR_OTHERS_S)
            return await _apply_missing(connection)
        finally:
            await connection.close()


async def pending(connection: Any) -> list[str]:
    """The names of migrations that are not applied, as far as the role may see."""
    if await connection.fetchval("SELECT to_regclass('public.migrations')") is None:
        return [migration.name for migration in migrations()]
    applied = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
    return [migration.name for migration in migrations() if migration.name not in applied]


async def _apply_missing(connection: Any) -> list[str]:
    await connection.execute("SET client_min_messages = warning")
    await connection.execute(_LEDGER)
    rows = await connection.fetch("SELECT name, checksum FROM migrations")
    applied = {row["name"]: row["checksum"] for row in rows}
    done = []
    for migration in migrations():
        if migration.name not in applied:
            await _apply(connection, migration)
            done.append(migration.name)
        elif applied[migration.name] != migration.checksum:
            raise MigrationChanged(
                f"{migration.name} was changed after it was applied: this database was made by"
                " another state of the program, so start with an empty one"
            )
    return done


async def _apply(connection: Any, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (name, checksum) VALUES ($1, $2)",
            migration.name,
            migration.checksum,
        )
        await connection.execute("GRANT SELECT ON migrations TO votes_app")


__all__ = ["Migration", "MigrationChanged", "Unavailable", "migrate", "migrations", "pending"]

"""Connections to Postgres: roles, limits, settings, and the errors that mean that it is away."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from votes.engine.ports import Unavailable

READER_ROLE, API_ROLE, PROJECTOR_ROLE = "votes_reader", "votes_api", "votes_projector"
CONNECT_TIMEOUT_S = 5.0
HANGING_S = 0.5
"""How long after `statement_s` Postgres may take to end the statement itself."""


class Connections(Struct, frozen=True):
    """The role, the size and the time limits, in seconds, of a pool of connections.

    A connection is acquired within `connect_s`. Postgres ends a statement after `statement_s`.
    One that nobody used for `idle_s` is closed: each is a process of Postgres. `settings` are
    settings of Postgres.
    """

    name: str
    connections_max: int
    connect_s: float
    statement_s: float
    role: str = API_ROLE
    settings: Mapping[str, str] = {}
    idle_s: float = 300.0

    @property
    def longest_s(self) -> float:
        """How long one statement takes at most, even if Postgres hangs."""
        return self.connect_s + self.statement_s + HANGING_S


COMMANDS = Connections("votes", 8, CONNECT_TIMEOUT_S, 10.0)
"""For commands of the command line that add events, or need to know who somebody is."""
REPORTS = Connections("votes reports", 8, CONNECT_TIMEOUT_S, 10.0, READER_ROLE)
"""For commands that only read the log."""
WORKER = Connections("votes worker", 8, CONNECT_TIMEOUT_S, 10.0, PROJECTOR_ROLE, idle_s=30.0)
"""At its start all of its work begins at once; then two or three do."""
WRITES = Connections("votes writes", 1, 1.5, 2.5)
"""For the API's batches, which are stored one after another: nothing else uses it."""
READS = Connections("votes reads", 4, 1.5, 2.5)
"""For the API's reads by index."""
PAST = Connections(
    *("votes past", 2, 1.5, 10.0, READER_ROLE),
    {"enable_sort": "off", "max_parallel_workers_per_gather": "0"},
)
"""For counting votes of a part of an hour, or of some positions, each on one processor. The groups
are few, so hashing takes half the time of sorting."""
LOCK_TIMEOUT_S = 4
IDLE_IN_TRANSACTION_TIMEOUT_S = 2
assert min(LOCK_TIMEOUT_S, WRITES.statement_s) > IDLE_IN_TRANSACTION_TIMEOUT_S
"""A session that is idle while it holds a lock is ended before those that wait for it give up.
`append_events` sets the same limit for any caller, until the end of its transaction."""


Connection = PoolConnectionProxy | asyncpg.Connection

_OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server closed a connection that was about to be used
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise `Unavailable` for the driver's errors that mean that Postgres does not respond, or that
    its database is not migrated."""
    try:
        yield
    except _OUTAGES as error:
        raise Unavailable(f"Postgres: {str(error) or type(error).__name__}") from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        problem = "lacks migrations; run votes migrate as its owner"
        raise Unavailable(f"Postgres: the database {problem} ({error})") from error


_PLANNING = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}
"""Every query reads a few rows, or a range, by index, whatever the parameters and however small the
table. So plans are generic and reused: planning each call takes a third of the time of a small
append. No query is worth compiling, however long its range."""

_TIMEOUTS = {
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s",
}


def _nothing() -> None:
    pass


async def create_pool(
    url: str, use: Connections = COMMANDS, connected: Callable[[], None] = _nothing
) -> asyncpg.Pool:
    """A pool whose connections act as the role of their use, whatever the login. Each new one calls
    `connected`."""

    async def begin(_: Connection) -> None:
        connected()

    async def no_reset(_: Connection) -> None:
        """Our statements change no setting of a session, so there is nothing to reset."""

    return await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=use.connections_max,
        timeout=use.connect_s,
        command_timeout=use.statement_s + HANGING_S,
        max_inactive_connection_lifetime=use.idle_s,
        server_settings={
            "role": use.role,
            "application_name": use.name,
            "statement_timeout": f"{use.statement_s * 1_000:.0f}",
            **_PLANNING,
            **_TIMEOUTS,
            **use.settings,
        },
        init=begin,
        reset=no_reset,
    )

"""Who gets the weekly mail. Addresses are outside the log: encrypted, in a table of their own.

The keys are made of a secret of the log, so they outlive each of `VOTES_SECRET_KEYS`.
"""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Literal, get_args

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import Struct

from votes.engine.ports import Unavailable
from votes.store.connections import translated
from votes.store.postgres import PostgresEventStore
from votes.store.queries import QUERIES

TOKEN_BYTES = 16
RECORD_RETRY_S = 0.5
Part = Literal["new", "flipped", "close", "next"]
PARTS: tuple[Part, ...] = get_args(Part)
"""Of the weekly mail: new tools, verdicts that changed, the closest calls, what to compare next."""


class Subscription(Struct, frozen=True):
    """What its reader may know and change."""

    confirmed: bool
    parts: Sequence[Part]


class Due(Struct, frozen=True):
    """A mail to send: the last weekly one, or to an address that is not `confirmed` the question
    whether it wants them, in the `language` of the sign-up. `tries` failed before."""

    token: str
    address: str
    parts: Sequence[Part]
    language: str
    confirmed: bool
    asked_at: datetime
    tries: int


class Written(Struct, frozen=True):
    """A weekly mail; `content` is None where there was nothing to say."""

    week: str
    content: str | None
    at: datetime


class Counts(Struct, frozen=True):
    """Of subscriptions, of mails to send within two minutes, and of those to send later."""

    confirmed: int
    unconfirmed: int
    bounced: int
    due: int
    later: int


class Subscriptions:
    """The subscriptions on a store. All methods raise `Unavailable`.

    Postgres allows some of them to the API's login, others to the worker's.
    """

    def __init__(self, store: PostgresEventStore) -> None:
        self._store = store
        self._secret: bytes | None = None

    async def subscribe(self, address: str, language: str) -> None:
        """Ask the address whether it wants the weekly mail in this language, unless it gets it or
        was just asked."""
        key, token = await self._key(), secrets.token_urlsafe(TOKEN_BYTES)
        sealed = _cipher(key).encrypt(address.encode(), None)
        async with self._store.connection() as connection:
            await connection.execute(
                QUERIES["subscribe"], _hash(key, address), sealed, token, language
            )

    async def find(self, token: str) -> Subscription | None:
        async with self._store.connection() as connection:
            row = await connection.fetchrow(QUERIES["subscription"], token)
        return Subscription(row["confirmed"], row["wanted"]) if row is not None else None

    async def confirm(self, token: str) -> None:
        async with self._store.connection() as connection:
            await connection.execute(QUERIES["confirm_subscription"], token)

    async def set_parts(self, token: str, parts: Sequence[Part]) -> None:
        async with self._store.connection() as connection:
            await connection.execute(QUERIES["set_parts"], token, parts)

    async def unsubscribe(self, token: str) -> None:
        """Remove the subscription and its address."""
        async with self._store.connection() as connection:
            await connection.execute(QUERIES["unsubscribe"], token, None)

    async def forget(self, address: str) -> bool:
        """Remove the address; whether it was there."""
        hashed = _hash(await self._key(), address)
        async with self._store.connection() as connection:
            return bool(await connection.fetchval(QUERIES["unsubscribe"], None, hashed))

    async def claim(self, quantity: int, lasting: timedelta) -> list[Due]:
        """Mails that are due, which nobody else gets for this long."""
        cipher = _cipher(await self._key())
        async with self._store.connection() as connection:
            rows = await connection.fetch(QUERIES["claim_mails"], quantity, lasting)
        return [
            Due(
                row["token"],
                cipher.decrypt(row["address"], None).decode(),
                row["parts"],
                row["language"],
                row["confirmed"],
                row["asked_at"],
                row["tries"],
            )
            for row in rows
        ]

    @asynccontextmanager
    async def sending(self, token: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Yields what records that the mail is sent. It says so to Postgres before it waits for
        anything, and does not give up."""
        async with self._store.connection() as connection:
            statement = await connection.prepare(QUERIES["mail_done"])

            async def record() -> None:
                try:
                    async with translated():
                        await statement.fetchval(token, None)
                except Unavailable:
                    await self._record_at_last(token)

            yield record

    async def _record_at_last(self, token: str) -> None:
        while True:
            await asyncio.sleep(RECORD_RETRY_S)
            with suppress(Unavailable):
                return await self.done(token)

    async def done(self, token: str, again: timedelta | None = None) -> None:
        """The mail is sent, or is to be tried again after this long."""
        async with self._store.connection() as connection:
            await connection.execute(QUERIES["mail_done"], token, again)

    async def bounced(self, token: str) -> None:
        """Send no more to this address, until it signs up again."""
        async with self._store.connection() as connection:
            await connection.execute(QUERIES["mail_bounced"], token)

    async def write(self, week: str, content: str | None) -> int:
        """Store the mail of the week, if it has none; to how many it is sent."""
        async with self._store.connection() as connection:
            return int(await connection.fetchval(QUERIES["write_digest"], week, content))

    async def last(self) -> Written | None:
        async with self._store.connection() as connection:
            row = await connection.fetchrow(QUERIES["last_digest"])
        return Written(**row) if row is not None else None

    async def tidy(self) -> int:
        """Remove what was not confirmed in time, and what bounced long ago; return how many."""
        async with self._store.connection() as connection:
            return int(await connection.fetchval(QUERIES["tidy_subscriptions"]))

    async def counts(self) -> Counts:
        async with self._store.connection() as connection:
            return Counts(**await connection.fetchrow(QUERIES["count_subscriptions"]))

    async def _key(self) -> bytes:
        if self._secret is None:
            async with self._store.connection() as connection:
                self._secret = await connection.fetchval(QUERIES["address_secret"])
        return self._secret


def _hash(secret: bytes, address: str) -> bytes:
    """The same for all spellings of an address in small and large letters."""
    return hmac.digest(secret, b"votes.addresses:" + address.casefold().encode(), "sha256")


def _cipher(secret: bytes) -> AESSIV:
    return AESSIV(hmac.digest(secret, b"votes.addresses", "sha512"))

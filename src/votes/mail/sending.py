"""Mails on their way: to a server that sends them, or into a folder."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Protocol
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPRecipientRefused, SMTPResponseException
from msgspec import Struct

from votes.mail.letters import Letter

COMMAND_S = 20.0
"""How long the server may take for a response."""
DRAIN_POLL_S = 0.01
HOLD_BACK = getattr(socket, "TCP_CORK", None)
"""The option of a connection, see tcp(7); only Linux has it."""
SENT_TURNS = 2
"""Turns of the loop in which new tasks begin to write, and uvloop sends what they wrote."""
NOBODY_THERE = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}
"""No such mailbox or domain, bad syntax, moved, no mails taken there, mailbox disabled."""
_ENHANCED = re.compile(r"\d\.\d{1,3}\.\d{1,3}")
_ABOUT_SENDER = re.compile("relay|auth|denied|block|spam", re.IGNORECASE)
PORTS = {"smtp": 25, "smtps": 465, "starttls": 587}

Record = Callable[[], Awaitable[None]]


class Bounced(Exception):
    """The server will never take mails to this address."""


class Later(Exception):
    """The server does not take this mail now."""


class NoServer(Exception):
    """The server does not respond, or wants nothing of us."""


class Session(Protocol):
    async def send(self, letter: Letter, record: Record, until: float) -> None:
        """Send the letter and call `record` in the same instant, unless `until` (of the monotonic
        clock) is over. Raises `Bounced`, `Later` and `NoServer`: none of them where the mail may
        have been taken, and `Later` also after `record`."""


class Mailer(Protocol):
    def open(self) -> AbstractAsyncContextManager[Session]:
        """A session. Raises `NoServer`."""


def mailer_of(url: str) -> Mailer:
    """Who sends, by `VOTES_SMTP_URL`."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Folder(Path(unquote(parts.path)))
    user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    port = parts.port or PORTS[parts.scheme]
    return Server(parts.scheme, parts.hostname or "localhost", port, user, password)


class Server(Struct, frozen=True):
    """A mail server: by TLS (`smtps`), by STARTTLS (`starttls`), or by that if it offers it.
    With a login always by one of them."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        if_offered = True if self.user else None  # a password goes by TLS alone
        client = SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.scheme == "smtps",
            start_tls={"smtps": False, "starttls": True, "smtp": if_offered}[self.scheme],
            timeout=COMMAND_S,
        )
        with_server = f"{self.scheme}://{self.host}:{self.port}"
        try:
            await client.connect()
        except (SMTPException, OSError, ValueError) as error:
            raise NoServer(f"{with_server}: {str(error) or type(error).__name__}") from error
        try:
            yield _Session(client)
        finally:
            client.close()


class _Session:
    def __init__(self, client: SMTP) -> None:
        self._client = client

    async def send(self, letter: Letter, record: Record, until: float) -> None:
        """The mail counts for the server from the line with the dot on. All before is sent first.
        Then the dot is given to the kernel, which holds it back, then the record is sent, then the
        dot let go. Whoever is killed between these leaves both behind: the kernel sends what it
        holds when it closes a socket.
        """
        try:
            await self._begin(letter)
        except (SMTPException, OSError) as error:
            raise NoServer(str(error) or type(error).__name__) from error
        if monotonic() > until or not self._client.is_connected:
            self._client.close()
            raise NoServer("it took too long")
        self._hold_back(True)
        ending = asyncio.create_task(self._client.execute_command(b"."))
        recording = asyncio.ensure_future(record())
        for _ in range(SENT_TURNS):
            await asyncio.sleep(0)
        self._hold_back(False)
        ended, recorded = await asyncio.gather(ending, recording, return_exceptions=True)
        if isinstance(recorded, BaseException):
            raise recorded
        if isinstance(ended, SMTPException):
            raise NoServer(f"{ended}; the last mail may not have been taken") from ended
        if isinstance(ended, BaseException):
            raise ended
        if ended.code != 250:
            raise Later(f"{ended.code} {ended.message}")

    def _hold_back(self, on: bool) -> None:
        """Whether the kernel waits for more before it sends."""
        if HOLD_BACK is not None and self._client.is_connected and self._client.transport:
            connection = self._client.transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, HOLD_BACK, on)

    async def _begin(self, letter: Letter) -> None:
        client = self._client
        try:
            await client.mail(letter.sender)
            await client.rcpt(letter.to)
        except SMTPRecipientRefused as error:
            await client.rset()
            if is_for_good(error.code, error.message):
                raise Bounced(f"{error.code} {error.message}") from error
            raise Later(f"{error.code} {error.message}") from error
        except SMTPResponseException as error:
            await client.rset()
            raise Later(f"{error.code} {error.message}") from error
        begun = await client.execute_command(b"DATA")
        if begun.code != 354 or client.transport is None:
            await client.rset()
            raise Later(f"{begun.code} {begun.message}")
        client.transport.write(_dotted(letter.content))  # type: ignore[attr-defined]
        while client.is_connected and client.transport.get_write_buffer_size():  # type: ignore[attr-defined] # noqa: ASYNC110
            await asyncio.sleep(DRAIN_POLL_S)


def is_for_good(code: int, message: str) -> bool:
    """Whether a response to RCPT says that there is no such address: by its number of RFC 3463, or
    by its code where it has none. Any other refusal may be about who sends, as where this server
    does not relay for us or wants a login: that must not end all subscriptions."""
    if number := _ENHANCED.match(message):
        return number[0] in NOBODY_THERE
    return code in {550, 551, 553} and not _ABOUT_SENDER.search(message)


def _dotted(content: bytes) -> bytes:
    """Without a line that begins with a single dot, which would end the mail (RFC 5321, 4.5.2)."""
    lines = content.split(b"\r\n")
    dotted = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return dotted if dotted.endswith(b"\r\n") else dotted + b"\r\n"


class Folder(Struct, frozen=True):
    """Keeps each mail as a file instead of sending it: for trying it out."""

    path: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NoServer(str(error)) from error
        yield self

    async def send(self, letter: Letter, record: Record, until: float) -> None:
        """The same mail again is the same file."""
        try:
            draft = self.path / f".{letter.id}"
            draft.write_bytes(letter.content)
            draft.rename(self.path / f"{letter.id}.eml")
        except OSError as error:
            raise NoServer(str(error)) from error
        await record()

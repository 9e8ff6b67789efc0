"""A mail server that does what a test wants, and people who get the weekly mail."""

import asyncio
import email
import email.policy
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.site import free_port
from votes.app.digest import Compared, Digest, Flipped, Listed
from votes.languages import languages_of
from votes.mail.letters import Letters
from votes.store.subscriptions import Subscriptions

LETTERS = Letters("https://votes.example.com", "Ship or skip <news@example.com>", languages_of())
WEEK = "2026-W48"
TIME = datetime(2026, 11, 23, 7, 5, tzinfo=UTC)
DIGEST = Digest(
    WEEK,
    TIME,
    TIME,
    [Listed("alpha", "Alpha", "Does things.")],
    1,
    [Flipped("beta", "Beta", "community", "too_early", "ship")],
    1,
    [],
    Compared("Alpha", "Beta", "/compare/alpha-vs-beta"),
)


class Post:
    """What a server of mails has taken, and what it is about to refuse: the response to RCPT by
    address, and to the end of a mail. `at` is called at each step of a mail."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.refused: dict[str, str] = {}
        self.ends: list[str] = []
        self.at: Callable[[str], None] = lambda _: None

    @property
    def mails(self) -> Counter[str]:
        return Counter(to for to, _ in self.taken)

    async def handle_MAIL(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.at("mail")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        self.at("rcpt")
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        self.at("end")
        if self.ends and (says := self.ends.pop(0)) != "250":
            return says
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.taken += [(to, message) for to in envelope.rcpt_tos]
        self.at("taken")
        return "250 OK"


class _Server(SMTP):
    """What has come counts although its sender is gone, as for other servers: aiosmtpd alone would
    stop reading then, before a dot that has come too."""

    def eof_received(self) -> bool | None:
        return asyncio.StreamReaderProtocol.eof_received(self)


@asynccontextmanager
async def serving(post: Post) -> AsyncIterator[str]:
    """The URL of a mail server of this test."""
    port = free_port()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Server(post, hostname="localhost", loop=loop), "127.0.0.1", port
    )
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()


async def readers(subscriptions: Subscriptions, store, number: int) -> list[str]:
    """The addresses of so many who confirmed."""
    addresses = [f"reader-{each}@example.com" for each in range(number)]
    for address in addresses:
        await subscriptions.subscribe(address, "en")
    for due in await subscriptions.claim(number, timedelta(hours=1)):
        await subscriptions.confirm(due.token)
    return addresses


async def written(subscriptions: Subscriptions, digest: Digest = DIGEST) -> int:
    return await subscriptions.write(digest.week, msgspec.json.encode(digest).decode())

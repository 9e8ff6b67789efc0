"""Sends the mails that are due."""

from datetime import timedelta
from time import monotonic

import msgspec
import structlog

from votes.app.digest import Digest
from votes.mail.letters import Letter, Letters
from votes.mail.sending import COMMAND_S, Bounced, Later, Mailer, Session
from votes.store.subscriptions import Due, Subscriptions, Written

CLAIMED_MAX = 5
"""A sender that dies leaves so many mails that wait until its claim is over."""
CLAIM = timedelta(seconds=120)
HELD_PART = 0.75
"""Of a claim: the rest keeps a sender that hangs from what another one may have sent since."""
assert CLAIM.total_seconds() * HELD_PART > 4 * COMMAND_S
AGAIN = timedelta(minutes=5)
AGAIN_MAX = timedelta(hours=12)

logger = structlog.get_logger("votes.mail")


async def deliver(
    subscriptions: Subscriptions, mailer: Mailer, letters: Letters, claim: timedelta = CLAIM
) -> int:
    """Send all mails that are due, and return how many were sent.

    Several may do this at once: each mail is claimed first. Raises `NoServer` and `Unavailable`.
    """
    sent = 0
    dues = await subscriptions.claim(CLAIMED_MAX, claim)
    if not dues:
        return 0
    async with mailer.open() as session:
        while dues:
            until = monotonic() + claim.total_seconds() * HELD_PART
            written = await subscriptions.last()
            for due in dues:
                letter = _letter(letters, written, due)
                sent += await _send(subscriptions, session, due, letter, until)
            dues = await subscriptions.claim(CLAIMED_MAX, claim)
    logger.info("mails sent", mails=sent)
    return sent


def _letter(letters: Letters, written: Written | None, due: Due) -> Letter | None:
    """The letter; None where there is nothing to say."""
    if not due.confirmed:
        return letters.confirmation(due, due.asked_at)
    if written is None or written.content is None:
        return None
    digest = msgspec.json.decode(written.content, type=Digest)
    return letters.weekly(digest, due, written.at)


async def _send(
    subscriptions: Subscriptions, session: Session, due: Due, letter: Letter | None, until: float
) -> bool:
    if letter is None:
        await subscriptions.done(due.token)
        return False
    try:
        async with subscriptions.sending(due.token) as record:
            await session.send(letter, record, until)
    except Bounced:
        await subscriptions.bounced(due.token)
        logger.info("an address bounced and gets no more mails", mail=letter.id)
        return False
    except Later as error:
        again = min(AGAIN * 2**due.tries, AGAIN_MAX)
        await subscriptions.done(due.token, again)
        logger.warning("a mail is tried again", mail=letter.id, error=str(error), again=str(again))
        return False
    return True

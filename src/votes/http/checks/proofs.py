"""Proofs of work by the ALTCHA protocol (version 2): about a second of a browser for one vote.

A proof is for one vote by one visitor on one tool, since the secret that signs its challenge is
made of these. It counts once: spent ones are remembered as a limit of one in a proof's lifetime.
"""

import asyncio
import hmac
from datetime import datetime, timedelta

import altcha
from msgspec import convert

from votes.app.shapes import ChallengeView
from votes.config import Config, Rate
from votes.domain.terms import ToolId
from votes.limits.limiter import Limiter
from votes.limits.policies import Limit, Policy

LIFETIME_S = 600
ALGORITHM = "PBKDF2/SHA-256"
"""Browsers have it built in, so whoever has faster code than theirs gains little. Of 256 numbers
one is the solution, on average."""

_SPENT = Limit.of(Policy("spent_proofs", "proofs", "proof", soft=True), Rate(1, LIFETIME_S))


def challenge(config: Config, tool: ToolId, visitor_id: str | None, at: datetime) -> ChallengeView:
    """What is to be solved for a vote on the tool, by the visitor or by somebody not known yet."""
    made = altcha.create_challenge(
        ALGORITHM,
        config.challenge_cost,
        expires_at=at + timedelta(seconds=LIFETIME_S),
        hmac_secret=_secret(config.secret_keys[0], tool, visitor_id),
    )
    return convert(made.to_dict(), ChallengeView)


def _secret(key: bytes, tool: ToolId, visitor_id: str | None) -> bytes:
    return hmac.digest(key, f"votes.proof:vote:{tool}:{visitor_id or ''}".encode(), "sha256")


async def spend(
    limiter: Limiter, config: Config, proof: str, tool: ToolId, visitor_id: str | None
) -> bool | None:
    """Whether the proof lets the vote count, once; None where nobody can say whether it is spent.

    One that is bad, expired, or for something else is as good as none.
    """
    for key in config.secret_keys:
        secret = _secret(key, tool, visitor_id)
        result = await asyncio.to_thread(altcha.verify_solution, proof, secret)
        if result.verified:
            nonce = altcha.Payload.from_base64(proof).challenge.parameters.nonce
            spent = (await limiter.check([(_SPENT, nonce)])).beyond_soft
            return None if spent is None else not spent
    return False

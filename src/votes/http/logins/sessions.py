"""What we sign and a browser keeps: the session of somebody whom we logged in, and a login that has
begun. A session is the cookie of a login, which `identity` reads as it reads a user's token."""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import jwt
import msgspec
from cachetools import LRUCache
from msgspec import Struct

from votes.config import Config
from votes.domain.terms import Label, PersonaSlug, Subject
from votes.http.logins.tokens import VERIFIED_TOKENS_MAX, User

LIFETIME = timedelta(days=14)
LIFETIME_WITH_ROLE = timedelta(hours=12)
"""Roles are read at the login alone, so who has lost one keeps it for so long at most."""
ENDED_SHOWN = timedelta(days=7)
"""For so long after its end a browser keeps a session's cookie, so that pages can say it."""
ROLES = frozenset({"admin", "moderator", "panelist"})
"""The roles that a session may have. What a service does is done by programs, with a token."""
DEMO = "demo"

Content = TypeVar("Content", bound=Struct)


class Signed(Generic[Content]):
    """Texts that only we can make, for one purpose: as JWTs (HS256) by keys that are derived from
    the secret keys. The first key signs, all verify."""

    def __init__(self, keys: Sequence[bytes], purpose: str, kind: type[Content]) -> None:
        label = f"votes.signed:{purpose}".encode()
        self._keys = [hmac.digest(key, label, "sha256") for key in keys]
        self._kind = kind

    def sign(self, content: Content, ends: datetime) -> str:
        claims = {**msgspec.to_builtins(content), "exp": ends}
        return jwt.encode(claims, self._keys[0], algorithm="HS256")

    def read(self, text: str) -> Content | None:
        """What it says; None for one that is not ours, is for another purpose, or has ended."""
        for key in self._keys:
            try:
                claims = jwt.decode(text, key, algorithms=["HS256"], options={"require": ["exp"]})
                return msgspec.convert(claims, self._kind)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, msgspec.ValidationError, ValueError, RecursionError):
                return None
        return None


class _Session(Struct, frozen=True):
    """`by`: who said who it is, an issuer or the demo; `exp`: when it ends, in s after 1970."""

    by: str
    sub: Subject
    exp: int
    roles: tuple[str, ...] = ()
    persona: PersonaSlug | None = None
    name: Label | None = None


class Sessions:
    """The sessions of one who logs people in: those of another, who was set before, are none."""

    def __init__(self, config: Config) -> None:
        self._by = config.oidc_issuer or (DEMO if config.demo_login else None)
        self._signed = Signed(config.secret_keys, "session", _Session)
        self._verified: LRUCache[str, tuple[int, User]] = LRUCache(VERIFIED_TOKENS_MAX)

    def begin(self, user: User, at: datetime) -> tuple[str, int]:
        """The session's text, and for how many seconds a browser shall keep it.

        Of the user's roles it has those that a session may have, and a persona with its role.
        """
        assert self._by is not None
        roles = user.roles & ROLES
        lifetime = LIFETIME_WITH_ROLE if roles else LIFETIME
        persona = user.persona if "panelist" in roles else None
        end = at + lifetime
        ends, sorted_roles = int(end.timestamp()), tuple(sorted(roles))
        session = _Session(self._by, user.subject, ends, sorted_roles, persona, user.name)
        max_age = lifetime + ENDED_SHOWN
        return self._signed.sign(session, end), int(max_age.total_seconds())

    def user(self, text: str, at: datetime) -> User | None:
        """Whose session it is; None for none of ours, or one that has ended. One that was verified
        is remembered: to verify it takes as long as all else of a vote."""
        remembered = self._verified.get(text)
        if remembered is not None and at.timestamp() < remembered[0]:
            return remembered[1]
        session = self._signed.read(text)
        if session is None or session.by != self._by:
            return None
        user = User(session.sub, frozenset(session.roles), session.persona, session.name)
        self._verified[text] = session.exp, user
        return user

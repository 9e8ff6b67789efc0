"""The types of the domain, with the limits of all input.

The limits are `msgspec.Meta` annotations: a request body, an import row and a path are all checked
by decoding into these types, so each limit is defined here only.
"""

import re
from datetime import datetime
from typing import Annotated, Literal, NewType
from urllib.parse import urlsplit

from msgspec import Meta

SLUG_LENGTH_MAX = 100
SUBJECT_LENGTH_MAX = 200
TAGS_MAX = 20
CLAIMS_MAX = 8
PLANS_MAX = 20
RANK_LENGTH_MAX = 100

# Characters that no visible text needs: controls, and the bidirectional overrides that show text in
# another order. Postgres cannot store NUL at all.
_INVISIBLE = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_LINE = rf"\A[^{_INVISIBLE}\n\t]*\Z"
_TEXT = rf"\A[^{_INVISIBLE}]*\Z"
_SLUG = rf"\A[a-z0-9](?:[a-z0-9._-]{{0,{SLUG_LENGTH_MAX - 2}}}[a-z0-9])?\Z"

ToolSlug = Annotated[str, Meta(pattern=_SLUG, description="A tool's name in addresses.")]
PersonaSlug = Annotated[str, Meta(pattern=_SLUG, description="A panel reviewer's name.")]
Subject = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=SUBJECT_LENGTH_MAX)]
Label = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=120)]
Category = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=64)]
Line = Annotated[str, Meta(pattern=_LINE, max_length=400)]
Reason = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=400)]
Text = Annotated[str, Meta(pattern=_TEXT, max_length=4_000)]
ReviewBody = Annotated[str, Meta(pattern=_TEXT, max_length=10_000)]
Tag = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=50)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=TAGS_MAX)]
_RANK = rf"\A[0-9A-Za-z]{{0,{RANK_LENGTH_MAX - 1}}}[1-9A-Za-z]\Z"
Rank = Annotated[str, Meta(pattern=_RANK, description="A place in an own order.")]
"""Ranks are ordered by their characters, see `votes.domain.bookmarks.ranks`."""
WebAddress = Annotated[str, Meta(pattern=r'\Ahttps?://[^\s\x00-\x20<>"]+\Z', max_length=2_048)]
Score = Annotated[int, Meta(ge=0, le=100)]
Price = Annotated[float, Meta(ge=0)]

Choice = Literal["ship", "skip"]
Time = Annotated[datetime, Meta(tz=True)]
ClaimName = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=100)]
ClaimValue = Annotated[str, Meta(pattern=_LINE, min_length=1, max_length=100)]
Claims = Annotated[dict[ClaimName, ClaimValue], Meta(min_length=1, max_length=CLAIMS_MAX)]
"""What a login says of a user, as far as the site splits tallies by it."""
ToolId = NewType("ToolId", Annotated[str, Meta(pattern=_SLUG)])
"""A tool's id, made at its listing and never shown. It stays when the slug changes."""
_COLLECTION = r"\A[A-Za-z0-9_-]{1,64}\Z"
CollectionId = NewType(
    "CollectionId",
    Annotated[str, Meta(pattern=_COLLECTION, description="A collection's id, chosen by its user.")],
)
_PUBLIC = r"\A[A-Za-z0-9_-]{22}\Z"
PublicId = NewType(
    "PublicId",
    Annotated[str, Meta(pattern=_PUBLIC, description="Of a collection that is, or was, public.")],
)
"""Made at random each time that a collection becomes public: nobody guesses it."""
RulingId = NewType("RulingId", Annotated[str, Meta(description="A ruling's id.")])
_LINK = r"\A[1-9][0-9]{0,17}-[0-9a-f]{12}\Z"
LinkId = NewType("LinkId", Annotated[str, Meta(pattern=_LINK, description="A link's id.")])
"""Of the link of a visitor to a user. It says who neither of them is."""
_CLUSTER = r"\A[0-9a-z]{1,32}\Z"
ClusterId = NewType(
    "ClusterId", Annotated[str, Meta(pattern=_CLUSTER, description="A cluster's id.")]
)
PersonId = NewType("PersonId", str)
"""A user in the log: 11 random characters (`A-Z a-z 0-9 - _`), made at the user's first write."""
VisitorId = NewType("VisitorId", str)
"""A visitor, as the visitor's cookie or token says: an hour and 72 random bits."""
VoterId = NewType("VoterId", str)
"""A voter: `v:…` for a visitor, `user:…` for a user, `for:…` for somebody known elsewhere for whom
a user votes, `import:…` for a voter of an imported file."""

_is_slug = re.compile(_SLUG).match


def is_slug(text: str) -> bool:
    """Whether the text can be a slug."""
    return _is_slug(text) is not None


def checked_slug(text: str) -> ToolSlug:
    """The text. Raises `ValueError` where it cannot be a slug."""
    if not is_slug(text):
        raise ValueError("this cannot be a slug")
    return text


def is_web_address(text: str) -> bool:
    """Whether the address has a host. `WebAddress` accepts more, so that old events stay
    readable."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname)


_VISITOR = "v:"


def visitor(visitor_id: str) -> VoterId:
    """The voter behind a visitor's cookie or token."""
    return VoterId(f"{_VISITOR}{visitor_id}")


def visitor_of(voter: VoterId) -> VisitorId | None:
    """The visitor who is this voter, None for another kind of voter."""
    return VisitorId(voter.removeprefix(_VISITOR)) if voter.startswith(_VISITOR) else None


def user(person: PersonId) -> VoterId:
    """The voter behind a logged-in user."""
    return VoterId(f"user:{person}")


def somebody_else(person: PersonId) -> VoterId:
    """The voter for whom a user votes, and who is known elsewhere."""
    return VoterId(f"for:{person}")

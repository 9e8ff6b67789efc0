"""The shapes of the other responses: callers, results of writes, health, problems."""

from typing import Literal

from msgspec import Struct

from votes.domain.terms import Choice, LinkId, PersonaSlug, Score, ToolSlug
from votes.domain.tool import Entry
from votes.engine.log import Position


class MeView(Struct, frozen=True):
    """`kind` is `user`, `visitor`, or `nobody` before the first vote. `login_ended`: the request
    has the cookie of a login that is not valid any more."""

    kind: Literal["user", "visitor", "nobody"]
    id: str | None
    roles: list[str]
    persona: PersonaSlug | None
    login_ended: bool


class VisitorView(Struct, frozen=True):
    """A visitor's token: send it as `Authorization: Visitor TOKEN`."""

    token: str


class LinkView(Struct, frozen=True):
    """Whether the visitor is the user now, which nobody is without a visitor; how many of the
    visitor's votes became the user's, and the position of the last event of that. `link` is what
    the link is called, also to moderators."""

    linked: bool
    votes: int
    position: Position
    link: LinkId | None


class ChallengeParameters(Struct, frozen=True, rename="camel"):
    """Find the `counter`, a number of 4 bytes, with which PBKDF2 of `nonce` and counter, with the
    `salt` and `cost` rounds, gives a key of `keyLength` bytes whose hex begins with `keyPrefix`."""

    algorithm: Literal["PBKDF2/SHA-256"]
    nonce: str
    salt: str
    cost: int
    key_length: int
    key_prefix: str
    expires_at: int


class ChallengeView(Struct, frozen=True):
    """A proof of work to be done, as [ALTCHA](https://altcha.org) describes it. `Votes-Proof` is
    the Base64 of `{"challenge": …, "solution": {"counter": …, "derivedKey": …}}`."""

    parameters: ChallengeParameters
    signature: str


class ToolWritten(Struct, frozen=True):
    """The result of a write to the catalogue."""

    tool: ToolSlug
    entry: Entry
    changed: bool
    position: Position


class RenameWritten(Struct, frozen=True):
    """The tool's new slug, and the previous one, which leads to it for good."""

    tool: ToolSlug
    previous: ToolSlug
    changed: bool
    position: Position


class ReviewWritten(Struct, frozen=True):
    """The current review."""

    tool: ToolSlug
    persona: PersonaSlug
    score: Score
    choice: Choice
    body: str
    changed: bool
    position: Position


class Alive(Struct, frozen=True):
    status: Literal["ok"]
    version: str


class Ready(Struct, frozen=True):
    """`degraded` serves everything, but reads come from the log: the read models cannot be reached,
    or no worker keeps them up to date. `unavailable` cannot store a vote.

    `position` is that of the read models, `head` that of the log, `lag` the difference. `parked`
    counts events that could not be read or folded: no number includes them.
    """

    status: Literal["ok", "degraded", "unavailable"]
    postgres: bool
    read_models: bool
    head: Position | None
    position: Position | None
    lag: int | None
    parked: int
    version: str


class Problem(Struct, frozen=True):
    """An error: `code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str

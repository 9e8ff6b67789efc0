"""What a stream carries: each tool's last state as a frame, in the order of positions.

A frame's id is `WORLD-POSITION` of the event that led to the state. Frames go out in ascending
order, so whoever has seen an id has seen all before it, and "what is newer than this position" is
at once a tick's news, a slow reader's backlog, the answer to a resumption and, from before the
beginning, the snapshot. So is the next piece of any of them: what is newer than the last one's end.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from votes.app.answers import summary_view
from votes.app.catalogue import Tool, ever_listed
from votes.domain.terms import ToolId, ToolSlug
from votes.engine.log import Position
from votes.engine.read_models import ReadModels
from votes.projections.profiles import Profile
from votes.projections.tallies import Tally, tally_view

BEFORE_ALL: Position = -1
HEARTBEAT = b": still here\n\n"
PIECE_BYTES = 8_192
"""A piece ends with the frame that fills it: this is what a reader who does not read keeps here."""
PIECES_MAX = 1_024
STALE = ".stale"
"""Ends the world of what was folded from the log here: live models are followed from the start."""

_encode = msgspec.json.Encoder().encode

_State = tuple[Position, bool, ToolSlug]
"""A state's position, whether it is the tally (else the summary), and whose."""
_Asked = tuple[Position, tuple[ToolSlug, ...], Position]


class _Delisted(Struct, frozen=True):
    tool: ToolSlug
    position: Position
    former: tuple[ToolSlug, ...] = ()


class Frames:
    """Frames of the models of a world, each encoded once and shared by all who get it.

    `stale` frames are of models that were folded from the log, while the live ones were away. Their
    ids name a world of their own. `goes_on_from` are the worlds whose streams need no new snapshot.
    """

    def __init__(self, world: str, *, stale: bool) -> None:
        self.stale = stale
        self.world = world + STALE if stale else world
        self.goes_on_from = world, self.world
        self._world = self.world.encode()
        self._tallies: dict[ToolId, tuple[Tally, ToolSlug, bytes]] = {}
        self._summaries: dict[ToolId, tuple[Profile, Tally, bytes]] = {}
        self._pieces: dict[_Asked, tuple[bytes, Position]] = {}

    def since(
        self, models: ReadModels, tools: tuple[ToolSlug, ...], position: Position
    ) -> tuple[bytes, Position]:
        """The first of the states of the tools that are newer than the position, as many as make
        a piece, and the position of the last.

        Nothing is shown from beyond the models' own position: a part of them may be ahead of the
        rest, and what the rest is yet to say would then come with an older id.
        """
        key = models.position, tools, position
        known = self._pieces.get(key)
        if known is None:
            if len(self._pieces) >= PIECES_MAX:
                self._pieces.clear()
            newer = sorted(_newer(models, tools, position))
            known = self._pieces[key] = self._piece(models, newer) if newer else (b"", position)
        return known

    def forget(self) -> None:
        """Drop what was gathered for a tick that is over."""
        self._pieces.clear()

    def _piece(self, models: ReadModels, newer: list[_State]) -> tuple[bytes, Position]:
        """To have seen an id is to have seen all up to it, so of two frames of one position the
        first says the position before, and no piece ends between them. At position 0 is what was
        never listed."""
        frames, size = [], 0
        for number, (position, is_tally, tool) in enumerate(newer):
            more = number + 1 < len(newer) and newer[number + 1][0] == position
            frame = self._frame(models, tool, is_tally)
            frames.append(b"%sid: %s-%d\n\n" % (frame, self._world, max(position - more, 0)))
            size += len(frame)
            if size >= PIECE_BYTES and not more:
                break
        return b"".join(frames), position

    def _frame(self, models: ReadModels, slug: ToolSlug, is_tally: bool) -> bytes:
        found = ever_listed(models, slug)
        if found is None:
            return _delisted(slug, 0)
        return self._tally(found) if is_tally else self._summary(found)

    def _tally(self, tool: Tool) -> bytes:
        slug, tally = tool.slug, tool.tally
        known = self._tallies.get(tool.id)
        if known is None or known[0] is not tally or known[1] != slug:
            view = tally_view(slug, tally, stale=self.stale)
            known = tally, slug, b"event: tally\ndata: " + _encode(view) + b"\n"
            self._tallies[tool.id] = known
        return known[2]

    def _summary(self, tool: Tool) -> bytes:
        profile, tally = tool.profile, tool.tally
        if not profile.listed:
            return _delisted(profile.slug, profile.position, profile.former)
        known = self._summaries.get(tool.id)
        if known is None or known[0] is not profile or known[1] is not tally:
            view = summary_view(profile, tally, stale=self.stale)
            known = profile, tally, b"event: summary\ndata: " + _encode(view) + b"\n"
            self._summaries[tool.id] = known
        return known[2]


def _newer(models: ReadModels, slugs: tuple[ToolSlug, ...], position: Position) -> Iterator[_State]:
    """Where each newer state stands; what was never listed comes before everything."""
    for slug in slugs:
        found = ever_listed(models, slug)
        if found is None:
            if position == BEFORE_ALL:
                yield 0, False, slug
            continue
        profile, tally = found.profile, found.tally
        if position < profile.position <= models.position:
            yield profile.position, False, slug
        if position < tally.position <= models.position and profile.listed:
            yield tally.position, True, slug


def _delisted(tool: ToolSlug, position: Position, former: tuple[ToolSlug, ...] = ()) -> bytes:
    said = _Delisted(tool, position, former)
    return b"event: delisted\ndata: " + _encode(said) + b"\n"

"""The content of a stream: the last state of each tool as a frame, in the order of positions.

The id of a frame is `WORLD-POSITION`, with the position of the event that led to the state. Frames
are sent in ascending order, so a reader who has seen an id has seen all states up to it. The query
"the states that are newer than this position" therefore gives the news of a tick, the backlog of a
slow reader, the continuation of a resumed stream, the next piece of any of these, and, from before
the first position, the snapshot.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from votes.app.catalogue.responses import summary_view
from votes.app.catalogue.tools import Tool, ever_listed
from votes.domain.terms import ToolId, ToolSlug
from votes.engine.log import Position
from votes.engine.read_models import ReadModels
from votes.projections.profiles import Profile
from votes.projections.tallies import Tally, tally_view

BEFORE_ALL: Position = -1
HEARTBEAT = b": still here\n\n"
PIECE_BYTES = 8_192
"""A piece ends with the frame that fills it. It is held here for a reader that does not read."""
PIECES_MAX = 1_024
STALE = ".stale"
"""Suffix of the world of read models folded from the log here."""

_encode = msgspec.json.Encoder().encode

_State = tuple[Position, bool, ToolSlug]
"""The position of a state, whether it is a tally (else a summary), and the slug of its tool."""
_Asked = tuple[Position, tuple[ToolSlug, ...], Position]


class _Delisted(Struct, frozen=True):
    tool: ToolSlug
    position: Position
    former: tuple[ToolSlug, ...] = ()


class Frames:
    """The frames of a world, each encoded once and shared by all streams.

    `stale` frames are of read models folded from the log while the live ones are away. Their ids
    name another world. Streams of the worlds `goes_on_from` need no new snapshot.
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
        """The first states of the tools that are newer than the position, as many as fill a piece,
        and the position of the last one.

        States beyond the position of the read models are not shown: one partition may be ahead of
        the others, whose next states would then have older ids.
        """
        key = models.position, tools, position
        piece = self._pieces.get(key)
        if piece is None:
            if len(self._pieces) >= PIECES_MAX:
                self._pieces.clear()
            newer = sorted(_newer(models, tools, position))
            piece = self._pieces[key] = self._piece(models, newer) if newer else (b"", position)
        return piece

    def forget_pieces(self) -> None:
        """Drop the pieces of a tick that is over."""
        self._pieces.clear()

    def _piece(self, models: ReadModels, newer: list[_State]) -> tuple[bytes, Position]:
        """Join the frames of the states.

        A reader who has seen an id has seen all states up to it. So of two frames of one position
        the first has the id of the position before, and no piece ends between them. The states of
        tools that were never listed have position 0.
        """
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
        tool = ever_listed(models, slug)
        if tool is None:
            return _delisted(slug, 0)
        return self._tally(tool) if is_tally else self._summary(tool)

    def _tally(self, tool: Tool) -> bytes:
        slug, tally = tool.slug, tool.tally
        entry = self._tallies.get(tool.id)
        if entry is None or entry[0] is not tally or entry[1] != slug:
            view = tally_view(slug, tally, stale=self.stale)
            entry = tally, slug, b"event: tally\ndata: " + _encode(view) + b"\n"
            self._tallies[tool.id] = entry
        return entry[2]

    def _summary(self, tool: Tool) -> bytes:
        profile, tally = tool.profile, tool.tally
        if not profile.listed:
            return _delisted(profile.slug, profile.position, profile.former)
        entry = self._summaries.get(tool.id)
        if entry is None or entry[0] is not profile or entry[1] is not tally:
            view = summary_view(profile, tally, stale=self.stale)
            entry = profile, tally, b"event: summary\ndata: " + _encode(view) + b"\n"
            self._summaries[tool.id] = entry
        return entry[2]


def _newer(models: ReadModels, slugs: tuple[ToolSlug, ...], position: Position) -> Iterator[_State]:
    """The newer states; those of tools that were never listed come first.

    A summary comes with the tally behind it, however old that is: while the tool was not listed,
    a reader of tallies alone may have missed it.
    """
    for slug in slugs:
        tool = ever_listed(models, slug)
        if tool is None:
            if position == BEFORE_ALL:
                yield 0, False, slug
            continue
        profile, tally = tool.profile, tool.tally
        if position < profile.position <= models.position:
            yield profile.position, False, slug
        last = max(profile.position, tally.position)
        if position < last <= models.position and profile.listed:
            yield last, True, slug


def _delisted(tool: ToolSlug, position: Position, former: tuple[ToolSlug, ...] = ()) -> bytes:
    data = _encode(_Delisted(tool, position, former))
    return b"event: delisted\ndata: " + data + b"\n"

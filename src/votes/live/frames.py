"""What a stream carries: each tool's last state as a frame, in the order of positions.

A frame's id is `EPOCH-POSITION` of the event that led to the state. Frames go out in ascending
order, so whoever has seen an id has seen all before it, and "what is newer than this position" is
at once a tick's news, a slow reader's backlog, the answer to a resumption and, from before the
beginning, the snapshot.
"""

import msgspec
from msgspec import Struct

from votes.app.answers import summary_view, tally_view
from votes.app.models import Models, partition_of
from votes.domain.summary import Profile
from votes.domain.tally import Tally
from votes.domain.terms import Position, ToolSlug

BEFORE_ALL: Position = -1
HEARTBEAT = b": still here\n\n"
PAYLOADS_MAX = 1_024

_encode = msgspec.json.Encoder().encode

_Asked = tuple[tuple[ToolSlug, ...], Position, Position]


class _Delisted(Struct, frozen=True):
    tool: ToolSlug
    position: Position


class Frames:
    """Frames of the models, each encoded once and shared by all who get it."""

    def __init__(self) -> None:
        self._tallies: dict[ToolSlug, tuple[Tally, bytes]] = {}
        self._summaries: dict[ToolSlug, tuple[Profile, Tally, bytes]] = {}
        self._payloads: dict[_Asked, tuple[bytes, Position]] = {}
        self._mended: dict[ToolSlug, Position] = {}

    def since(
        self, models: Models, tools: tuple[ToolSlug, ...], position: Position
    ) -> tuple[bytes, Position]:
        """The states of the tools that are newer than the position, and the last of their ids.

        Nothing is shown from beyond the models' own position: a part of them may be ahead of the
        rest, and what the rest is yet to say would then come with an older id.
        """
        if position == BEFORE_ALL:
            return self._gather(models, tools, position)
        key = tools, position, models.position
        known = self._payloads.get(key)
        if known is None:
            if len(self._payloads) >= PAYLOADS_MAX:
                self._payloads.clear()
            known = self._payloads[key] = self._gather(models, tools, position)
        return known

    def forget(self) -> None:
        """Drop what was gathered for a tick that is over."""
        self._payloads.clear()

    def mended(self, tool: ToolSlug, position: Position) -> None:
        """The tool's state is another one, though no event led to it: it is news of `position`."""
        self._mended[tool] = position
        self._payloads.clear()

    def _gather(
        self, models: Models, tools: tuple[ToolSlug, ...], position: Position
    ) -> tuple[bytes, Position]:
        found: list[tuple[Position, bytes]] = []
        for tool in tools:
            partition = models.partitions[partition_of(tool)]
            profile, tally = partition.profiles.get(tool), partition.tallies.get(tool)
            if profile is None or tally is None:
                if position == BEFORE_ALL:
                    found.append((0, _delisted(tool, 0)))
                continue
            mended = self._mended.get(tool, BEFORE_ALL)
            summary_at, tally_at = max(profile.position, mended), max(tally.position, mended)
            if position < summary_at <= models.position:
                found.append((summary_at, self._summary(tool, profile, tally)))
            if position < tally_at <= models.position and profile.listed:
                found.append((tally_at, self._tally(tool, tally)))
        found.sort(key=lambda frame: frame[0])
        return _joined(models.epoch, found), found[-1][0] if found else position

    def _tally(self, tool: ToolSlug, tally: Tally) -> bytes:
        known = self._tallies.get(tool)
        if known is None or known[0] is not tally:
            view = tally_view(tool, tally, stale=False)
            known = tally, b"event: tally\ndata: " + _encode(view) + b"\n"
            self._tallies[tool] = known
        return known[1]

    def _summary(self, tool: ToolSlug, profile: Profile, tally: Tally) -> bytes:
        known = self._summaries.get(tool)
        if known is None or known[0] is not profile or known[1] is not tally:
            known = self._summaries[tool] = profile, tally, _summary(tool, profile, tally)
        return known[2]


def _summary(tool: ToolSlug, profile: Profile, tally: Tally) -> bytes:
    if not profile.listed:
        return _delisted(tool, profile.position)
    view = summary_view(tool, profile, tally, stale=False)
    return b"event: summary\ndata: " + _encode(view) + b"\n"


def _delisted(tool: ToolSlug, position: Position) -> bytes:
    return b"event: delisted\ndata: " + _encode(_Delisted(tool, position)) + b"\n"


def _joined(epoch: str, frames: list[tuple[Position, bytes]]) -> bytes:
    """The frames as sent. To have seen an id is to have seen all up to it, so of two frames of one
    position the first says the position before. At position 0 is what was never listed."""
    parts = []
    for number, (position, frame) in enumerate(frames):
        more = number + 1 < len(frames) and frames[number + 1][0] == position
        parts.append(b"%sid: %s-%d\n\n" % (frame, epoch.encode(), max(position - more, 0)))
    return b"".join(parts)

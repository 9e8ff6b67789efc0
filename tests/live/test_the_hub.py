"""What streams are sent: the last states, in order, through rebuilds, restores and crowds."""

import asyncio
from datetime import UTC, datetime
from typing import cast

from tests.polling import until
from votes.domain.terms import ToolId
from votes.domain.tool import Entry, SlugTaken, ToolListed, ToolRevised, slug_stream
from votes.domain.vote_events import VoteCast
from votes.engine.log import Recorded
from votes.engine.log import Stream as StreamName
from votes.engine.ports import Unavailable
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import Reader, ReadSource
from votes.engine.reading.replica import Replica
from votes.live import hub as hub_module
from votes.live import stream as streams_module
from votes.live.frames import BEFORE_ALL, PIECE_BYTES
from votes.live.hub import SLICE, Hub, Listener
from votes.live.stream import Streams
from votes.projections import PROJECTIONS

AT = datetime(2026, 1, 1, tzinfo=UTC)


def recorded(position: int, event, tool: str = "a") -> Recorded:
    return Recorded(position, StreamName("s"), 1, event, AT, tool)


def listed(position: int, name: str) -> list[Recorded]:
    """A tool is listed, and takes its slug at the same position: its name in small letters."""
    slug = ToolId(name.lower())
    taken = Recorded(position, slug_stream(slug), 1, SlugTaken(slug), AT, slug)
    return [taken, recorded(position, ToolListed(slug, Entry(name, "c")), slug)]


class Scene:
    """A replica with one tool, a hub on it, and votes that arrive."""

    def __init__(self, streams_max: int = 10, per_network_max: int = 2) -> None:
        self.replica = Replica()
        self.models = ReadModels(PROJECTIONS, "e")
        self.hub = Hub(self.replica, streams_max, per_network_max)
        self.fold(*listed(1, "A"))

    def fold(self, *events: Recorded) -> None:
        self.replica.changed(self.models, self.models.fold(events))

    def vote(self, position: int) -> None:
        self.fold(recorded(position, VoteCast("ship")))


class Connection:
    """What ASGI gives to a stream; a send waits while `free` is not set, as for a slow reader."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.free = asyncio.Event()
        self.free.set()
        self.gone = asyncio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message) -> None:
        await self.free.wait()
        self.sent.append(message.get("body", b""))

    async def until(self, text: bytes) -> None:
        await until(lambda: text in b"".join(self.sent), text.decode())


def open_stream(scene: Scene, streams: Streams, connection: Connection) -> asyncio.Task[None]:
    listener = Listener(("a",), None)
    return asyncio.create_task(streams.serve(listener, connection.receive, connection.send))


async def test_a_slow_reader_gets_the_last_state_and_none_of_those_between():
    scene, connection = Scene(), Connection()
    task = open_stream(scene, Streams(scene.hub), connection)
    await connection.until(b"id: e.0-1\n")
    connection.free.clear()
    scene.vote(2)
    await asyncio.sleep(0)
    for position in range(3, 50):
        scene.vote(position)
        await asyncio.sleep(0)
    connection.free.set()
    await connection.until(b"id: e.0-49\n")
    connection.gone.set()
    await task
    assert b"".join(connection.sent).count(b"event: tally") <= 3
    assert scene.hub.count == 0


async def test_a_crowd_is_woken_in_turns_and_hears_of_what_came_meanwhile():
    crowd = 6 * SLICE + 1
    scene = Scene(streams_max=crowd)
    listeners = [Listener(("a",), None, "e.0", 1) for _ in range(crowd)]
    for listener in listeners:
        scene.hub.join(listener)
    waiting = [listener.woken() for listener in listeners]
    scene.vote(2)
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert len(done) < crowd // 2
    scene.hub.leave(listeners.pop())
    waiting.pop()
    scene.vote(3)
    for _ in range(2):  # the others of this tick, and all once more
        async with asyncio.timeout(5):
            await asyncio.wait(waiting)
        waiting = [listener.woken() for listener in listeners]


async def test_a_rebuild_gives_each_stream_a_new_snapshot():
    scene, connection = Scene(), Connection()
    scene.vote(2)
    task = open_stream(scene, Streams(scene.hub), connection)
    await connection.until(b"id: e.0-2\n")
    connection.sent.clear()
    rebuilt = ReadModels(PROJECTIONS, "e", generation=1)
    rebuilt.fold(listed(1, "A"))
    rebuilt.fold([recorded(2, VoteCast("skip"))])
    scene.replica.changed(rebuilt, None)
    await connection.until(b"id: e.1-2\n")
    assert b"".join(connection.sent).count(b"event: ") == 2
    assert b'"skip":1' in b"".join(connection.sent)
    connection.gone.set()
    await task


async def test_a_world_whose_positions_are_smaller_is_shown_too():
    scene, connection = Scene(), Connection()
    scene.vote(2)
    task = open_stream(scene, Streams(scene.hub), connection)
    await connection.until(b"id: e.0-2\n")
    restored = ReadModels(PROJECTIONS, "e", generation=1)
    restored.fold(listed(1, "A"))
    scene.replica.changed(restored, None)
    await connection.until(b"id: e.1-1\n")
    connection.gone.set()
    await task


class Log:
    """Reads of models as they are: what an API process answers from."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.folded: ReadModels | None = None

    async def models(self) -> ReadSource:
        live = self.scene.replica.models
        if live is not None:
            return ReadSource(live, stale=False)
        if self.folded is None:
            raise Unavailable("neither Redis nor Postgres")
        return ReadSource(self.folded, stale=True)


async def test_without_redis_and_postgres_a_stream_beats_and_shows_what_comes_back(monkeypatch):
    for module, name in ((streams_module, "HEARTBEAT_S"), (streams_module, "KEEP_S")):
        monkeypatch.setattr(module, name, 0.01)
    monkeypatch.setattr(hub_module, "LOG_S", 0.01)
    scene, connection = Scene(), Connection()
    log, streams = Log(scene), Streams(scene.hub)
    scene.replica.changed(None, None)
    keeping = [streams.supervise(), scene.hub.follow_log(cast("Reader", log))]
    beside = [asyncio.create_task(each) for each in keeping]
    task = open_stream(scene, streams, connection)
    await connection.until(b": still here")
    assert b"event: " not in b"".join(connection.sent)
    log.folded = scene.models
    await connection.until(b"id: e.0.stale-1\n")
    assert b'"stale":true' in b"".join(connection.sent)
    connection.sent.clear()
    scene.replica.changed(scene.models, None)
    await connection.until(b"id: e.0-1\n")
    said = b"".join(connection.sent)
    assert said.count(b'"stale":false') == 2
    assert b'"stale":true' not in said
    connection.gone.set()
    await task
    for each in beside:
        each.cancel()


async def test_what_a_part_of_the_models_was_ahead_with_is_told_when_the_rest_is_there():
    scene = Scene()
    listener = Listener(("a",), None, "e.0", 1)
    scene.hub.join(listener)
    scene.models.position = 2
    events = [recorded(3, VoteCast("ship")), recorded(4, VoteCast("ship"), "b")]
    ahead = ReadModels(PROJECTIONS, "e")
    ahead.fold(listed(1, "A"))
    ahead.fold(events[:1])
    ahead.position = 2  # announced: the vote at 3 was applied, but not yet said
    scene.replica.changed(ahead, None)
    await listener.woken()
    assert scene.hub.frames.since(ahead, ("a",), 1)[0] == b""
    scene.replica.changed(ahead, ahead.fold(events))
    async with asyncio.timeout(1):
        await listener.woken()
    assert b'"position":3' in scene.hub.frames.since(ahead, ("a",), 1)[0]


async def test_frames_go_up_by_position_and_of_one_position_the_first_says_the_one_before():
    scene = Scene()
    scene.fold(*listed(2, "B"))
    scene.fold(recorded(3, ToolRevised("a", Entry("A2", "c"))))
    payload, last = scene.hub.frames.since(scene.models, ("a", "b"), BEFORE_ALL)
    ids = [line for line in payload.split(b"\n") if line.startswith(b"id:")]
    assert ids == [b"id: e.0-1", b"id: e.0-2", b"id: e.0-2", b"id: e.0-3"]
    assert last == 3


async def test_a_part_that_is_ahead_of_the_models_is_not_shown_yet():
    scene = Scene()
    scene.vote(2)
    scene.models.position = 1
    payload, last = scene.hub.frames.since(scene.models, ("a",), BEFORE_ALL)
    assert last == 1
    assert b"event: tally" not in payload


async def test_a_long_snapshot_comes_in_pieces_that_each_go_on_from_the_last():
    scene, tools = Scene(), tuple(f"t{number}" for number in range(100))
    scene.fold(*(one for n, tool in enumerate(tools, 2) for one in listed(n, tool)))
    pieces, position = [], BEFORE_ALL
    while True:
        piece, position = scene.hub.frames.since(scene.models, tools, position)
        if not piece:
            break
        pieces.append(piece)
        if len(pieces) == 2:  # a tool that was in the first piece, and one that is still to come
            scene.fold(recorded(102, VoteCast("ship"), "t0"))
            scene.fold(recorded(103, VoteCast("ship"), "t99"))
    assert len(pieces) > 2
    assert max(map(len, pieces)) < 2 * PIECE_BYTES
    ids = [int(line[8:]) for line in b"".join(pieces).split(b"\n") if line.startswith(b"id: e.0-")]
    assert ids == sorted(ids)
    for tool in tools:
        assert any(b'"slug":"%s"' % tool.encode() in piece for piece in pieces)
    assert ids[-2:] == [102, 103]


async def test_of_a_crowd_that_opens_at_once_one_moves_at_a_time():
    crowd = 50
    scene = Scene(streams_max=crowd)
    streams, connections = Streams(scene.hub), [Connection() for _ in range(crowd)]
    tasks = [open_stream(scene, streams, connection) for connection in connections]
    while not all(b"event: " in b"".join(connection.sent) for connection in connections):
        before = sum(b"event: " in b"".join(connection.sent) for connection in connections)
        await asyncio.sleep(0)
        after = sum(b"event: " in b"".join(connection.sent) for connection in connections)
        assert after <= before + 1
    for connection in connections:
        connection.gone.set()
    await asyncio.gather(*tasks)

"""Votes of a file are decided many at a time: the log, the stored results and what is said of each
row are as if they came one by one."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.histories import START, decider_of
from tests.domain.histories import commands as any_commands
from tests.domain.names import ANN, ATLAS, BOB, BOLT
from tests.engine.commands.products import CODEC
from tests.engine.commands.sending import everything, request
from votes.cli.importing import IMPORTS, Rows
from votes.domain import tool, vote
from votes.domain.events import EVENT_TYPES
from votes.domain.link import LinkVisitor
from votes.domain.person import EraseSubject, Person
from votes.domain.terms import VoterId, user, visitor
from votes.domain.tool import Entry, ListTool
from votes.domain.vote_events import VoteRetracted
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected, fold
from votes.engine.deciding import NEWER
from votes.engine.ports import Unavailable
from votes.store.codec import Codec

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PERSONS = {f"user:{name}": Person(name, name.encode() * 21, START) for name in (ANN, BOB)}
rows = st.fixed_dictionaries(
    {
        "tool": st.sampled_from(("atlas", "bolt")),
        "voter": st.sampled_from(("cyd", "visitor:here", "v:there", *PERSONS)),
        "choice": st.sampled_from(("ship", "skip")),
    },
    optional={"at": st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00+02:00"))},
)
files = st.lists(st.lists(rows, max_size=12), max_size=4)
"""Rows as they come, in pieces."""
VOTERS = [VoterId("import:cyd"), visitor("here"), visitor("there"), user(ANN), user(BOB)]
choices = st.sampled_from(("ship", "skip"))
tools, voters = st.sampled_from((ATLAS, BOLT)), st.sampled_from(VOTERS)
votes = st.builds(vote.CastVote, tools, voters, choices)
near = (
    votes
    | st.builds(vote.RetractVote, tools, voters)
    | st.builds(tool.DelistTool, tools)
    | st.builds(ListTool, tools, tools, st.just(Entry("Again", "Maps")))
    | st.builds(LinkVisitor, st.sampled_from(("here", "there")), st.sampled_from(("ann", "bob")))
    | st.builds(EraseSubject, st.sampled_from(("ann", "bob")))
)
acts = st.sampled_from((near, near, any_commands)).flatmap(lambda some: some)
"""Mostly what meets the rows."""
others = st.lists(st.lists(acts, max_size=6), min_size=4, max_size=4)
"""What others do before each piece."""
meanwhile = st.lists(st.lists(acts, min_size=1, max_size=3), max_size=2)
"""What others do before each append, while that is on its way."""
LISTED = [ListTool(tool, tool, Entry(tool, "Maps")) for tool in (ATLAS, BOLT)]


class Log:
    """A log in memory, all of whose content can be compared."""

    def __init__(self):
        self._log = MemoryLog(lambda: NOW)
        self.store = MemoryEventStore(self._log, CODEC)

    async def do(self, commands):
        for number, command in enumerate(commands):
            await submit_all(self.store, [request(command, at=START.replace(minute=number))])

    async def content(self):
        return await everything(self.store), self._log.answers


class Raced(MemoryEventStore):
    """Others are faster: `done` is what they have done."""

    def __init__(self, log, theirs):
        super().__init__(log._log, CODEC)
        self._log_of_all, self._theirs = log, list(theirs)
        self.done = []

    async def append_whole(self, whole):
        if self._theirs:
            self.done.append(self._theirs.pop(0))
            await self._log_of_all.do(self.done[-1])
        return await super().append_whole(whole)


def requests(piece):
    """What `submit` takes of rows."""
    read = [(IMPORTS["votes"](row, NOW), row) for row in piece]
    return [
        (wanted, ("votes", row, wanted.slug, PERSONS.get(f"user:{wanted.user}")))
        for wanted, row in read
    ]


async def one_by_one(store, piece):
    results = await submit_all(store, [wanted.request(*row) for wanted, row in requests(piece)])
    return [
        one if isinstance(one, Rejected) else one.changed and not one.repeated for one in results
    ]


@given(files, others)
async def test_a_file_leaves_the_same_as_its_rows_one_by_one(file, theirs):
    many, single = Log(), Log()
    for log in (many, single):
        await log.do(LISTED)
    rows = Rows(many.store)
    for piece, before in zip(file, theirs, strict=False):
        for log in (many, single):
            await log.do(before)
        assert await rows.submit(requests(piece)) == await one_by_one(single.store, piece)
        assert await many.content() == await single.content()


async def all_at_once(rows, file):
    """Each piece is begun while the one before it is on its way."""
    tasks: list[asyncio.Task[Any]] = []
    for piece in file:
        before = tasks[-1] if tasks else None
        tasks.append(asyncio.create_task(rows.submit(requests(piece), before)))
    return await asyncio.gather(*tasks, return_exceptions=True)


@given(files, acts)
async def test_pieces_begun_before_others_are_stored_leave_the_same(file, act):
    many, single = Log(), Log()
    for log in (many, single):
        await log.do([*LISTED, act])
    results = await all_at_once(Rows(many.store), file)
    assert results == [await one_by_one(single.store, piece) for piece in file]
    assert await many.content() == await single.content()


class Away(MemoryEventStore):
    """It does not respond to the second append."""

    appends = 0

    async def append_whole(self, whole):
        self.appends += 1
        if self.appends == 2:
            raise Unavailable("away")
        return await super().append_whole(whole)


async def test_after_a_piece_that_failed_nothing_is_stored():
    """Else, with the same file again, a voter's earlier row might be stored after a later one."""
    log = Log()
    await log.do(LISTED)
    before = await log.store.head()
    voters = ("ann", "bob", "cyd", "dan")
    file = [[{"tool": "atlas", "voter": voter, "choice": "ship"}] for voter in voters]
    first, *others = await all_at_once(Rows(Away(log._log, CODEC)), file)
    assert first == [True]
    assert [type(error) for error in others] == [Unavailable] * 3
    assert await log.store.head() == before + 1


def added(results):
    """Whether each row added something, None where it is refused: for two reasons it may be refused
    for either, as it stores nothing and may have come before the others."""
    return [None if isinstance(one, Rejected) else one for one in results]


@settings(max_examples=3 * settings().max_examples)
@given(st.lists(acts, max_size=3), st.lists(rows, min_size=1, max_size=4), meanwhile)
async def test_whoever_is_faster_was_there_before(before, piece, theirs):
    many, single = Log(), Log()
    for log in (many, single):
        await log.do([*LISTED, *before])
    raced = Raced(many, theirs)
    results = await Rows(raced).submit(requests(piece))
    for commands in raced.done:
        await single.do(commands)
    assert added(results) == added(await one_by_one(single.store, piece))
    assert await many.content() == await single.content()


@given(files, others)
async def test_the_same_file_again_changes_nothing(file, theirs):
    log = Log()
    await log.do(LISTED)
    rows, again = Rows(log.store), Rows(log.store)
    for piece in file:
        results = await rows.submit(requests(piece))
        assert not any(isinstance(one, Rejected) for one in results)
    await log.do(command for before in theirs for command in before)
    before = await log.content()
    for piece in file:
        assert True not in await again.submit(requests(piece))
    assert await log.content() == before


@given(st.lists(any_commands, max_size=20), st.sampled_from(("atlas", "bolt")), st.data())
async def test_a_vote_is_decided_like_any_other_of_its_choice(history, thing, data):
    """Whoever the voter is, and whatever happened."""
    log = Log()
    await log.do(LISTED)
    await log.do(history)
    voter = data.draw(st.sampled_from([user(ANN), visitor("here"), VoterId("import:cyd")]))
    choice = data.draw(st.sampled_from(("ship", "skip")))
    command = vote.CastVote(thing, voter, choice)
    decider = decider_of(command)
    own, *rest = decider.streams(command)
    last = await log.store.last_events([own, *rest])
    state = fold(decider, [last[stream].event for stream in (*rest, own) if stream in last])
    assert vote.decide(vote.CAST[choice], state) == vote.decide(command, state)
    assert tool.stream(thing) in rest


async def test_a_vote_behind_an_event_of_a_newer_release_is_refused():
    log, older = Log(), Codec(tuple(kind for kind in EVENT_TYPES if kind is not VoteRetracted))
    await log.do([*LISTED, vote.CastVote(ATLAS, VoterId("import:cyd"), "ship")])
    await log.do([vote.RetractVote(ATLAS, VoterId("import:cyd"))])
    piece = [{"tool": name, "voter": "cyd", "choice": "ship"} for name in ("atlas", "bolt")]
    rows = Rows(MemoryEventStore(log._log, older))
    assert await rows.submit(requests(piece)) == [NEWER, True]


async def test_that_a_row_changes_nothing_holds_only_if_nobody_was_faster():
    log, piece = Log(), [{"tool": "atlas", "voter": "cyd", "choice": "ship"}]
    await log.do([*LISTED, vote.CastVote(ATLAS, VOTERS[0], "ship")])
    raced = Raced(log, [[], [vote.RetractVote(ATLAS, VOTERS[0])]])
    assert await Rows(raced).submit(requests(piece)) == [True]


class Counted(MemoryEventStore):
    def __init__(self, log):
        super().__init__(log._log, CODEC)
        self.rows = []

    async def append_whole(self, whole):
        self.rows.append(len(whole.parts))
        return await super().append_whole(whole)


async def test_a_piece_takes_one_append_however_many_rows_it_has():
    """Else all of the above would compare a way with itself."""
    log = Log()
    await log.do(LISTED)
    piece = [
        {"tool": "atlas", "voter": f"voter-{number % 700}", "choice": choice}
        for number in range(1_000)
        for choice in ("ship", "skip")
    ]
    store = Counted(log)
    again = [row | {"at": "2026-01-01T00:00:00Z"} for row in piece if row["choice"] == "skip"]
    results = await Rows(store).submit(requests([*piece, *again[:700]]))
    assert (results.count(True), store.rows) == (1_400, [2_100])

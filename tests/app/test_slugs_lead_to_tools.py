"""However tools are called on the way, a slug leads to one of them and a voter counts once."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.domain.names import ANN, BOB
from tests.engine.commands.sending import everything, request
from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.tool_orders import TOP, tool_orders
from votes.domain.terms import ToolId, user
from votes.domain.tool import DelistTool, Entry, ListTool, RenameTool, ToolCommand
from votes.domain.vote import CastVote, RetractVote, VoteCommand
from votes.engine.bulk import submit_all
from votes.engine.decider import Rejected
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import ReadSource
from votes.http.errors import Refused
from votes.http.exchange import listed
from votes.http.moved import Moved
from votes.projections import PROJECTIONS

SLUGS = ("atlas", "bolt", "map", "chart")
slugs = st.sampled_from(SLUGS)
people = st.sampled_from((user(ANN), user(BOB)))
steps = st.one_of(
    st.tuples(st.just("list"), slugs),
    st.tuples(st.just("rename"), slugs, slugs),
    st.tuples(st.just("delist"), slugs),
    st.tuples(st.just("vote"), slugs, people, st.sampled_from(("ship", "skip", None))),
)
"""What is asked for, by the slugs that people know."""
lags = st.integers(0, 6)
"""By how many events the models of who asks are behind."""


class Site:
    """A log, asked by slugs; and who says what of which tool, by what was answered."""

    def __init__(self):
        self.store = MemoryEventStore(MemoryLog())
        self.tools = {}
        self.listed = set()
        self.said = {}
        self.made = 0

    async def models(self, lag):
        events = await everything(self.store)
        models = ReadModels(PROJECTIONS, await self.store.epoch())
        models.fold(events[: max(len(events) - lag, 0)])
        return models

    async def do(self, lag, kind, slug, *more):
        known = await catalogue.ids(self.store, await self.models(lag), [slug])
        assert known.get(slug) == self.tools.get(slug)
        tool = known.get(slug)
        if kind == "list":
            self.made += 1
            tool = tool or ToolId(f"id-{self.made}")
            command: ToolCommand | VoteCommand = ListTool(tool, slug, Entry(slug, "Tests"))
        elif tool is None:
            return
        elif kind == "rename":
            command = RenameTool(tool, *more)
        elif kind == "delist":
            command = DelistTool(tool)
        else:
            voter, choice = more
            command = CastVote(tool, voter, choice) if choice else RetractVote(tool, voter)
        (answer,) = await submit_all(self.store, [request(command)])
        self.note(command, answer)

    def note(self, command: ToolCommand | VoteCommand, answer):
        match command:
            case ListTool(tool=tool, slug=slug):
                assert not isinstance(answer, Rejected)
                assert self.tools.setdefault(slug, tool) == tool
                self.listed.add(tool)
            case RenameTool(tool, slug):
                assert isinstance(answer, Rejected) or self.tools.get(slug, tool) == tool
                refused = tool not in self.listed or (slug in self.tools and not is_same(answer))
                assert isinstance(answer, Rejected) == refused
                if not refused:
                    self.tools[slug] = tool
            case DelistTool(tool):
                self.listed.discard(tool)
            case CastVote(tool, voter, choice):
                assert isinstance(answer, Rejected) == (tool not in self.listed)
                if tool in self.listed:
                    self.said[voter, tool] = choice
            case RetractVote(tool, voter):
                if tool in self.listed:
                    self.said.pop((voter, tool), None)


def is_same(answer):
    """Whether the tool was called so already."""
    return not isinstance(answer, Rejected) and not answer.changed


def shown_at(models, slug):
    """The tool, or the slug of now where that is another; None where there is no listed tool."""
    try:
        return listed(ReadSource(models, stale=False), slug)
    except Moved as moved:
        return moved.names[slug]
    except Refused:
        return None


@given(st.lists(st.tuples(lags, steps), max_size=40))
async def test_whatever_is_listed_renamed_and_voted_on(done):
    site = Site()
    for lag, step in done:
        await site.do(lag, *step)
    models = await site.models(0)
    counts = Counter((tool, choice) for (_, tool), choice in site.said.items())
    for slug, tool in site.tools.items():
        assert catalogue.was_listed(models, slug)
        assert site.tools[catalogue.current_slug(models, slug)] == tool
        found, current = catalogue.tool(models, slug), catalogue.current_slug(models, slug)
        assert shown_at(models, slug) == (found if slug == current else current)
        assert (found is not None) == (tool in site.listed)
        if found is not None:
            assert found.id == tool
            assert (found.tally.ship, found.tally.skip) == (
                counts[tool, "ship"],
                counts[tool, "skip"],
            )
            assert {found.slug, *found.profile.former} == {
                slug for slug, holder in site.tools.items() if holder == tool
            }
    shown = [tool.slug for tool in (await tool_orders(models)).first(TOP, len(SLUGS) + 1)]
    assert len(shown) == len(set(shown)) == len(site.listed)
    called = await catalogue.slugs(site.store, None, set(site.tools.values()))
    assert called == {
        tool: catalogue.current_slug(models, slug) for slug, tool in site.tools.items()
    }

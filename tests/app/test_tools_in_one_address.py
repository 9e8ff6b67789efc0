"""An address names two to four tools, also where their slugs hold what stands between them."""

from itertools import combinations, permutations
from urllib.parse import parse_qsl, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from tests.contract.memory_store import MemoryEventStore, MemoryLog
from tests.engine.commands.sending import everything, request
from votes.app.catalogue.compared import (
    BETWEEN,
    COMPARED_MAX,
    TEXT_LENGTH_MAX,
    compared,
    compared_path,
    compared_text,
)
from votes.domain.terms import ToolId
from votes.domain.tool import Entry, ListTool
from votes.engine.bulk import submit_all
from votes.engine.read_models import ReadModels
from votes.projections import PROJECTIONS

SLUGS = ("a", "b", "c", "a-vs-b", "b-vs-c", "a-vs-b-vs-c", "c-vs-a", "d-vs-d")


async def listing(slugs):
    """Read models in which these tools are listed."""
    store = MemoryEventStore(MemoryLog())
    asked = [ListTool(ToolId(f"id-{slug}"), slug, Entry(slug, "Tests")) for slug in slugs]
    await submit_all(store, [request(one) for one in asked])
    models = ReadModels(PROJECTIONS, await store.epoch())
    models.fold(await everything(store))
    return models


@given(st.sets(st.sampled_from(SLUGS), min_size=2))
@example(set(SLUGS))
async def test_a_path_names_its_tools_whatever_else_is_listed(slugs):
    models = await listing(slugs)
    for number in range(2, COMPARED_MAX + 1):
        for chosen in combinations(sorted(slugs), number):
            path = compared_path(models, *chosen)
            assert {compared_path(models, *other) for other in permutations(chosen)} == {path}
            at = urlsplit(path)
            if at.query:
                assert at.path == "/compare"
                assert [slug for _, slug in parse_qsl(at.query)] == list(chosen)
            else:
                found = compared(models, at.path.removeprefix("/compare/"))
                assert found is not None
                assert [tool.slug for tool in found] == list(chosen)


@given(st.lists(st.sampled_from(("a", "b", "c", "vs", "")), max_size=8))
async def test_a_text_names_as_few_tools_as_it_can_mean(parts):
    models, text = await listing(SLUGS), BETWEEN.join(parts)
    found = compared(models, text)
    meant = [
        [BETWEEN.join(parts[a:b]) for a, b in zip((0, *at), (*at, len(parts)), strict=True)]
        for number in range(1, COMPARED_MAX)
        for at in combinations(range(1, len(parts)), number)
    ]
    known = [names for names in meant if set(names) <= set(SLUGS)]
    assert (found and [tool.slug for tool in found]) == next(iter(known), None)


async def test_a_long_text_names_nothing_and_is_not_searched_for_long():
    models = await listing(SLUGS)
    assert compared(models, BETWEEN.join("a" * (TEXT_LENGTH_MAX // 5))) is None
    assert compared(models, f"a{BETWEEN}b" + "x" * TEXT_LENGTH_MAX) is None
    assert compared_text(models, "a", "b", "c") is None
    assert compared_path(models, "c", "a", "b") == "/compare?a=a&b=b&c=c"

"""A stream as a browser sees it."""

import asyncio

import pytest

from tests.e2e.asking import new_tool, put, request
from tests.integration.live.sse import Refused, connect, events, position
from tests.polling import LIMIT_S


def vote(site, tool: str, choice: str) -> int:
    """A new visitor's vote; answers its position."""
    return put(f"{site.url}/v1/tools/{tool}/vote", json={"choice": choice}).json()["position"]


async def take(stream, count: int):
    """The next events; fails when they do not come."""
    async with asyncio.timeout(LIMIT_S):
        return [await anext(stream) for _ in range(count)]


async def test_it_begins_with_the_state_of_each_tool(live_site, tool):
    tools = tool, await asyncio.to_thread(new_tool, live_site)
    reader, writer = await connect(live_site.port, ",".join(tools))
    first = await take(events(reader), 4)
    writer.close()
    assert {(event.kind, event.data.get("tool") or event.data["slug"]) for event in first} == {
        (kind, tool) for kind in ("tally", "summary") for tool in tools
    }
    assert [position(event) for event in first] == sorted(position(event) for event in first)


async def test_a_vote_comes_as_a_tally_with_its_position(live_site, tool):
    reader, writer = await connect(live_site.port, tool)
    stream = events(reader)
    *_, before = await take(stream, 2)
    voted = await asyncio.to_thread(vote, live_site, tool, "skip")
    (event,) = await take(stream, 1)
    writer.close()
    assert event.kind == "tally"
    assert position(event) == event.data["position"] == voted > position(before)


async def test_it_goes_on_after_the_id_that_was_seen(live_site, tool):
    tools = f"{tool},{await asyncio.to_thread(new_tool, live_site)}"
    reader, writer = await connect(live_site.port, tools)
    seen = (await take(events(reader), 4))[-1].id
    writer.close()
    voted = await asyncio.to_thread(vote, live_site, tool, "ship")
    reader, writer = await connect(live_site.port, tools, seen)
    (event,) = await take(events(reader), 1)
    writer.close()
    assert (event.kind, position(event)) == ("tally", voted)


@pytest.mark.parametrize("seen", ["00000000-5", "x", "-", "1-2-3", "é", "9" * 400])
async def test_an_id_of_another_log_begins_anew(live_site, tool, seen):
    reader, writer = await connect(live_site.port, tool, seen)
    assert {event.kind for event in await take(events(reader), 2)} == {"summary", "tally"}
    writer.close()


async def test_an_id_from_the_future_begins_anew(live_site, tool):
    reader, writer = await connect(live_site.port, tool)
    epoch = (await take(events(reader), 1))[0].id.partition("-")[0]
    writer.close()
    reader, writer = await connect(live_site.port, tool, f"{epoch}-999999999999")
    assert len(await take(events(reader), 2)) == 2
    writer.close()


async def test_tools_that_never_were_are_told_and_do_not_refuse_the_others(live_site, tool):
    reader, writer = await connect(live_site.port, f"{tool},no-such-tool,nor-this-one")
    got = await take(events(reader), 4)
    writer.close()
    assert [event.kind for event in got[:2]] == ["delisted", "delisted"]
    assert {event.data["tool"] for event in got[:2]} == {"no-such-tool", "nor-this-one"}
    assert [position(event) for event in got[:2]] == [0, 0]
    reader, writer = await connect(live_site.port, f"{tool},no-such-tool", got[0].id)
    assert (await take(events(reader), 1))[0].kind == "delisted"
    writer.close()
    reader, writer = await connect(live_site.port, f"{tool},no-such-tool", got[-1].id)
    last = await asyncio.to_thread(vote, live_site, tool, "ship")
    assert position((await take(events(reader), 1))[0]) == last
    writer.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/live?tools=notion", 405),
        ("GET", "/v1/live?tools=notion" + "&a=1" * 10, 400),
    ],
)
def test_a_stream_is_only_read_and_by_few_parameters(live_site, method, path, status):
    answer = request(method, live_site.url + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 405:
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    "tools", ["", "nope", "nope,neither", "%00", "A" * 300, ",".join(f"t{n}" for n in range(101))]
)
async def test_what_cannot_be_streamed_is_a_problem(live_site, tools):
    with pytest.raises(Refused) as refused:
        await connect(live_site.port, tools)
    assert refused.value.status in (400, 404)
    assert refused.value.headers["content-type"] == "application/problem+json"


async def test_two_votes_within_a_tick_may_come_as_one_and_the_last_always_comes(live_site, tool):
    reader, writer = await connect(live_site.port, tool)
    stream = events(reader)
    await take(stream, 2)
    for choice in ("ship", "ship", "skip"):
        last = await asyncio.to_thread(vote, live_site, tool, choice)
    got = []
    async with asyncio.timeout(LIMIT_S):
        async for event in stream:
            got.append(event)
            if position(event) == last:
                break
    writer.close()
    assert got[-1].data["total"] == 3
    assert [position(event) for event in got] == sorted({position(event) for event in got})

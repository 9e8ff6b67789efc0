"""The Python client does what the API does, and no less."""

import asyncio
import json
import re
import subprocess
import sys
from inspect import signature

import pytest

from tests.e2e.asking import bearer, get, unique
from tests.site import Site
from votes.app.catalogue.responses import SummaryView
from votes.client import ProblemError, Votes
from votes.domain.bookmarks.bookmark import Annotations
from votes.domain.moderation.ruling import Selector
from votes.domain.tool import Entry
from votes.projections.tallies import TallyView

NOT_FOR_CLIENTS: set[str] = set()
OTHER_NAMES = {
    ("get_trend", "from"),
    ("get_trend", "to"),
    ("export_bookmarks", "format"),
    ("make_ruling", "dry_run"),  # preview_ruling
    ("subscribe", "last_event_id"),  # it remembers that itself
}
"""What a method calls otherwise: words of Python, or a method of its own."""
LEAVING = """
import asyncio, sys
from votes.client import Votes

async def main():
    async with Votes(sys.argv[1]) as votes:
        async for event in votes.subscribe("notion"):
            break

asyncio.run(main())
"""


def token_of(site: Site, *who: str) -> str:
    return bearer(site, *who)["Authorization"].removeprefix("Bearer ")


def operations_of(site: Site) -> dict[str, set[str]]:
    """Each operation's name, in the client's spelling, and its parameters in the query."""
    document = get(f"{site.url}/openapi.json").json()
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", operation["operationId"]).lower(): {
            each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
        }
        for item in document["paths"].values()
        for operation in item.values()
    }


def test_it_has_a_method_for_each_operation(live_site):
    operations = operations_of(live_site)
    assert {name for name in operations if not hasattr(Votes, name)} == NOT_FOR_CLIENTS


def test_a_method_takes_what_its_operation_takes(live_site):
    missing = {
        (name, asked)
        for name, query in operations_of(live_site).items()
        for asked in query
        if asked not in signature(getattr(Votes, name)).parameters
    }
    assert missing == OTHER_NAMES


async def test_a_moderator_tries_makes_and_lifts_a_ruling(live_site, tool):
    token = bearer(live_site, "mod", "moderator")["Authorization"].removeprefix("Bearer ")
    async with Votes(live_site.url) as voter, Votes(live_site.url, user_token=token) as votes:
        vote = await voter.cast_vote(tool, "skip")
        await votes.get_tally(tool, min_position=vote.position)
        tried = await votes.preview_ruling(tool, "discount", "A burst.")
        assert (tried.votes, tried.tally.discounted) == (1, 1)
        made = await votes.make_ruling(tool, "discount", "A burst.", Selector(held=True))
        await votes.lift_ruling(made.id)
        journal = await votes.list_rulings(limit=100, min_position=made.position)
        assert made.id in [one.id for one in journal.rulings]
        queue = (await votes.get_moderation_queue(limit=100, min_position=made.position)).tools
        assert tool not in [watched.tally.tool for watched in queue]


async def test_a_visitor_votes_and_sees_it(live_site, tool):
    async with Votes(live_site.url) as votes:
        vote = await votes.cast_vote(tool, "skip")
        tally = await votes.get_tally(tool, min_position=vote.position)
        state = await votes.get_my_state(tool)
        again = await votes.cast_vote(tool, "skip")
        gone = await votes.retract_vote(tool)
    assert (tally.skip, state[tool].vote) == (1, "skip")
    assert (again.changed, gone.choice) == (False, None)


async def test_a_vote_that_is_held_is_proven(holding, tool):
    async with Votes(holding) as votes:
        vote = await votes.cast_vote(tool, "ship")
        tally = await votes.get_tally(tool, min_position=vote.position)
    assert (vote.choice, tally.ship, tally.held) == ("ship", 1, 0)


async def test_without_a_token_votes_at_once_are_of_one_visitor(live_site, tool):
    async with Votes(live_site.url) as votes:
        cast = [votes.cast_vote(tool, choice) for choice in ("ship", "skip", "ship", "skip")]
        position = max(vote.position for vote in await asyncio.gather(*cast))
        assert (await votes.get_tally(tool, min_position=position)).total == 1


async def test_a_program_that_runs_twice_is_one_visitor(live_site, tool, tmp_path):
    file = tmp_path / "visitor.token"
    seen = []
    for choice in ("ship", "skip"):
        async with Votes(live_site.url, visitor_file=file) as votes:
            seen.append((await votes.get_me()).kind)
            vote = await votes.cast_vote(tool, choice)
            tally = await votes.get_tally(tool, min_position=vote.position)
    assert seen == ["nobody", "visitor"]
    assert (vote.previous, tally.ship, tally.skip) == ("ship", 0, 1)
    assert file.stat().st_mode & 0o077 == 0


async def test_who_reads_makes_no_visitor(live_site, tmp_path):
    file = tmp_path / "visitor.token"
    async with Votes(live_site.url, visitor_file=file) as votes:
        await votes.get_my_state("notion")
    assert not file.exists()


async def test_a_user_keeps_bookmarks(live_site):
    token = token_of(live_site, unique("user"))
    async with Votes(live_site.url, user_token=token) as votes:
        kept = await votes.put_bookmark("notion", Annotations(note="later", tags=("a",)))
        assert (await votes.put_bookmark("notion")).note == "later"
        page = await votes.list_bookmarks()
        await votes.remove_bookmark("notion")
        assert (await votes.list_bookmarks()).total == 0
    assert page.bookmarks == [kept]


async def test_a_user_makes_collections(live_site):
    token = token_of(live_site, unique("user"))
    async with Votes(live_site.url, user_token=token) as votes:
        made = await votes.put_collection("work", "Work", public=True)
        await votes.put_collection("later", "Later", parent="work")
        with pytest.raises(ProblemError, match="changed"):
            await votes.put_collection("work", "Lost", etag="none")
        listed = await votes.list_collections()
        await votes.remove_collection("work", etag=made.etag)
        left = await votes.list_collections()
    assert [(one.name, one.inside) for one in listed.collections] == [
        ("Work", None),
        ("Later", "work"),
    ]
    assert [(one.name, one.inside) for one in left.collections] == [("Later", None)]


async def test_a_refusal_says_its_code(live_site):
    async with Votes(live_site.url) as votes:
        with pytest.raises(ProblemError) as refused:
            await votes.cast_vote("there-is-no-such-tool", "ship")
    assert refused.value.problem.code == "tool_unknown"


async def test_a_lost_answer_is_asked_for_again_and_counts_once(live_site, tool):
    """A proxy that drops the first answer to each request, after the server has acted."""
    dropped: list[bytes] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = map(int, re.findall(rb"content-length: (\d+)", head.lower()))
        request = head + await reader.readexactly(length)
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", live_site.port)
        upstream.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        answer = await upstream_reader.read()
        upstream.close()
        if dropped:
            writer.write(answer)
        dropped.append(json.loads(answer.partition(b"\r\n\r\n")[2]))
        writer.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Votes(live_site.url) as votes:
        visitor = (await votes.create_visitor()).token
    async with Votes(f"http://127.0.0.1:{port}", visitor_token=visitor) as votes:
        vote = await votes.cast_vote(tool, "ship")
    server.close()
    assert len(dropped) == 2
    assert vote.changed
    assert dropped[0] == dropped[1]


async def test_a_subscription_shows_a_vote(live_site, tool):
    async with Votes(live_site.url) as votes, asyncio.timeout(20):
        seen: list[TallyView] = []
        async for event in votes.subscribe(tool):
            if isinstance(event.data, TallyView):
                seen.append(event.data)
                if len(seen) == 1:
                    await votes.cast_vote(tool, "ship")
                else:
                    break
    assert seen[1].ship == seen[0].ship + 1


async def test_a_subscription_shows_text_with_line_separators(live_site):
    """To Python they end a line, to the format of a stream they do not."""
    token = token_of(live_site, "an-admin", "admin")
    tagline = "one\u2028two\u2029three"
    async with Votes(live_site.url, user_token=token) as votes, asyncio.timeout(20):
        written = await votes.put_tool("separated", Entry("Separated", "Other", tagline))
        await votes.get_tool("separated", min_position=written.position)
        async for event in votes.subscribe("separated"):
            if isinstance(event.data, SummaryView):
                assert event.data.tagline == tagline
                break


def test_a_program_may_leave_a_subscription_and_end(live_site):
    done = subprocess.run(
        [sys.executable, "-c", LEAVING, live_site.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""

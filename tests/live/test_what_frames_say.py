"""Frames say each tool's last state, in the order of positions."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.live.site import Site, said
from votes.domain.tool import Entry, ToolDelisted, ToolRenamed, ToolRevised
from votes.live import frames as frames_module
from votes.live.frames import BEFORE_ALL, PIECE_BYTES, Frames
from votes.live.stream import DIGITS_MAX, place_of
from votes.projections.tallies import TALLIES


def frames_of(site, *tools, position=BEFORE_ALL, stale=False):
    """What is newer than the position, as frames, and where they end."""
    piece, end = Frames(site.models.world, stale=stale).since(site.models, tools, position)
    return said(piece), end


async def test_a_tool_begins_with_its_summary_and_its_tally_at_their_positions():
    site = Site("a")
    site.vote()
    (summary, tally), end = frames_of(site, "a")
    assert (summary[:2], tally[:2], end) == (("e.0-2", "summary"), ("e.0-3", "tally"), 3)
    assert summary[2]["slug"] == "a"
    assert (tally[2]["tool"], tally[2]["ship"], tally[2]["stale"]) == ("a", 1, False)


async def test_what_was_seen_does_not_come_again():
    site = Site("a")
    site.vote()
    assert [frame[0] for frame in frames_of(site, "a", position=2)[0]] == ["e.0-3"]
    assert frames_of(site, "a", position=3) == ([], 3)


async def test_a_tool_that_never_was_is_told_once_before_everything():
    site = Site("a")
    site.vote()
    frames, _ = frames_of(site, "a", "nobody")
    assert frames[0] == ("e.0-0", "delisted", {"tool": "nobody", "position": 0, "former": []})
    assert len(frames) == 3
    assert frames_of(site, "nobody", "a")[0] == frames
    assert frames_of(site, "nobody", position=0) == ([], 0)


async def test_a_delisted_tool_is_told_by_its_slug_of_now_and_without_its_tally():
    site = Site("a")
    site.tell(("tool:a", ToolRenamed("b", Entry("B", "c"))))
    site.tell(("tool:a", ToolDelisted("b")))
    frames, end = frames_of(site, "a")
    assert frames == [("e.0-4", "delisted", {"tool": "b", "position": 4, "former": ["a"]})]
    assert end == 4


async def test_a_tool_that_is_listed_again_comes_with_the_tally_from_before_it_was_gone():
    site = Site("a")
    site.vote()
    _, seen = frames_of(site, "a")
    site.vote()
    site.tell(("tool:a", ToolDelisted("a")))
    (gone,), seen = frames_of(site, "a", position=seen)
    assert gone[1] == "delisted"
    site.list("a")
    (summary, tally), end = frames_of(site, "a", position=seen)
    assert (summary[1], tally[1]) == ("summary", "tally")
    assert (tally[0], tally[2]["ship"], end) == (f"e.0-{end}", 2, site.models.position)


STEPS = ("vote a", "vote b", "delist a", "list a", "revise a", "look")


@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_who_reads_tallies_alone_has_the_last_of_each_listed_tool_whenever_it_looks(steps):
    asyncio.run(read_tallies_through(steps))


async def read_tallies_through(steps):
    """Take these steps; look after the last one too."""
    site, listed = Site("a", "b"), {"a", "b"}
    frames, seen = Frames(site.models.world, stale=False), BEFORE_ALL
    told: dict[str, Any] = {}
    for step in (*steps, "look"):
        kind, _, tool = step.partition(" ")
        if kind == "look":
            piece, last = frames.since(site.models, ("a", "b"), seen)
            ids = [seen, *(place_of(frame[0])[1] for frame in said(piece))]
            assert ids == sorted(ids)
            assert last == ids[-1]
            seen = last
            told |= {tally["tool"]: tally for _, event, tally in said(piece) if event == "tally"}
            for tool in listed:
                tally = site.models.get(TALLIES, tool)
                assert tally is not None
                assert (told[tool]["ship"], told[tool]["position"]) == (tally.ship, tally.position)
        elif kind == "list":
            site.list(tool)
            listed.add(tool)
        elif kind == "vote":
            site.vote(tool)  # a link or a ruling moves the tally of a tool that is gone, too
        elif tool in listed and kind == "delist":
            site.tell((f"tool:{tool}", ToolDelisted(tool)), tool=tool)
            listed.remove(tool)
        elif tool in listed:
            site.tell((f"tool:{tool}", ToolRevised(tool, Entry("A2", "c"))), tool=tool)


async def test_frames_from_the_log_say_so_and_are_of_a_world_of_their_own():
    site = Site("a")
    site.vote()
    frames, _ = frames_of(site, "a", stale=True)
    assert [frame[0] for frame in frames] == ["e.0.stale-2", "e.0.stale-3"]
    (_, _, summary), (_, _, tally) = frames
    assert (summary["community"]["stale"], tally["stale"]) == (True, True)


async def test_a_renamed_tool_is_told_by_its_slug_of_now():
    site, frames = Site("a"), Frames("e.0", stale=False)
    site.vote()
    frames.since(site.models, ("a",), BEFORE_ALL)
    site.tell(("tool:a", ToolRenamed("b", Entry("B", "c"))))
    told = said(frames.since(site.models, ("a",), BEFORE_ALL)[0])
    assert [(frame[1], frame[2].get("tool", frame[2].get("slug"))) for frame in told] == [
        ("summary", "b"),
        ("tally", "b"),
    ]


async def test_a_summary_says_the_tally_of_now():
    site, frames = Site("a"), Frames("e.0", stale=False)
    for votes in range(3):
        summary = said(frames.since(site.models, ("a",), BEFORE_ALL)[0])[0]
        assert (summary[1], summary[2]["community"]["ship"]) == ("summary", votes)
        site.vote()


async def test_a_state_is_encoded_once_for_all_who_ask(monkeypatch):
    encoded, encode = [], frames_module._encode

    def counted(view: object) -> bytes:
        encoded.append(view)
        return encode(view)

    monkeypatch.setattr(frames_module, "_encode", counted)
    site, frames = Site("a"), Frames("e.0", stale=False)
    for states in (2, 4):  # a vote changes the tally, which stands in the summary too
        site.vote()
        first = frames.since(site.models, ("a",), BEFORE_ALL)
        assert frames.since(site.models, ("a",), BEFORE_ALL) is first
        frames.forget_pieces()
        assert frames.since(site.models, ("a",), BEFORE_ALL) == first
        assert len(encoded) == states


async def test_pieces_that_were_gathered_are_gathered_anew_once_forgotten():
    site, frames = Site("a"), Frames("e.0", stale=False)
    piece, _ = frames.since(site.models, ("a",), BEFORE_ALL)
    frames.forget_pieces()
    assert frames.since(site.models, ("a",), BEFORE_ALL)[0] == piece


async def test_a_piece_ends_with_the_frame_that_fills_it_and_nothing_is_left_out():
    tools = [f"t{number}" for number in range(60)]
    site = Site(*tools)
    frames, piece, position = Frames("e.0", stale=False), b"", BEFORE_ALL
    sizes, states = [], 0
    while True:
        piece, position = frames.since(site.models, tuple(tools), position)
        if not piece:
            break
        states += len(said(piece))
        last = piece.rstrip(b"\n").rpartition(b"\n\n")[2]
        sizes.append((len(piece), len(piece) - len(last)))
    assert len(sizes) > 2
    assert states == 2 * len(tools)
    assert all(size >= PIECE_BYTES > without_last - 3_000 for size, without_last in sizes[:-1])


@pytest.mark.parametrize(
    ("seen", "place"),
    [
        ("e.0-7", ("e.0", 7)),
        ("e.0.stale-12", ("e.0.stale", 12)),
        ("e.0-0", ("e.0", BEFORE_ALL)),
        (f"e.0-{'9' * DIGITS_MAX}", ("e.0", 10**DIGITS_MAX - 1)),
        (f"e.0-{'9' * (DIGITS_MAX + 1)}", ("", BEFORE_ALL)),
        ("e.0-", ("", BEFORE_ALL)),
        ("e.0-x", ("", BEFORE_ALL)),
        ("e.0--1", ("", BEFORE_ALL)),
        ("e.0-\u0663", ("", BEFORE_ALL)),
        ("7", ("", BEFORE_ALL)),
        ("", ("", BEFORE_ALL)),
        (None, ("", BEFORE_ALL)),
    ],
)
def test_an_id_says_the_world_and_the_position_that_were_seen(seen, place):
    assert place_of(seen) == place

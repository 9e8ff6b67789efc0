"""A long page holds its process for a moment at most."""

import asyncio
from collections import Counter
from functools import partial

from jinja2 import DictLoader, Environment

from votes.http.edge.turns import Turns
from votes.site import render
from votes.site.render import Head, page, page_by_turns

ROWS, PAGES = 50, 10
MANY = "{{ head.title }}{% for row in rows %}<p>{{ row }}</p>{% endfor %}"


async def test_other_tasks_go_on_while_a_page_is_rendered(monkeypatch):
    made = Environment(loader=DictLoader({"many.html": MANY}), autoescape=True)
    monkeypatch.setattr(render, "environment", lambda: made)
    monkeypatch.setattr(render, "TURN_S", 0)
    turns = 0

    async def others():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    head = Head("Many <rows>", "", "/", "")
    text = await page_by_turns(partial(asyncio.sleep, 0), "many.html", head, rows=range(ROWS))
    beside.cancel()
    assert turns > ROWS
    assert text == page("many.html", head, rows=range(ROWS))
    assert text.endswith(f"<p>{ROWS - 1}</p>")


async def test_of_many_pages_one_goes_on_between_two_turns_of_others(monkeypatch):
    made = Environment(loader=DictLoader({"many.html": MANY}), autoescape=True)
    monkeypatch.setattr(render, "environment", lambda: made)
    monkeypatch.setattr(render, "TURN_S", 0)
    turns, pieces = 0, []

    def rows():
        for number in range(ROWS):
            pieces.append(turns)
            yield number

    async def others():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside, next_turn = asyncio.create_task(others()), Turns().next
    head = Head("Many", "", "/", "")
    pages = (page_by_turns(next_turn, "many.html", head, rows=rows()) for _ in range(PAGES))
    await asyncio.gather(*pages)
    beside.cancel()
    started, *others_of = Counter(pieces).values()
    assert started <= PAGES  # in the server their reads begin by turns too
    assert set(others_of) == {1}

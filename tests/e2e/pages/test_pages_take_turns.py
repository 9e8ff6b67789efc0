"""A long page holds its process for a moment at most."""

import asyncio

from jinja2 import DictLoader, Environment

from votes.site import render
from votes.site.render import Head, page, page_by_turns

ROWS = 50
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
    text = await page_by_turns("many.html", head, rows=range(ROWS))
    beside.cancel()
    assert turns > ROWS
    assert text == page("many.html", head, rows=range(ROWS))
    assert text.endswith(f"<p>{ROWS - 1}</p>")

"""The pictures that stand for pages on other sites."""

from io import BytesIO

import pytest
from PIL import Image

from tests.e2e.asking import new_tool
from votes.web.picture import Opinion, Side, draw

PICTURES = ("/og/notion.png", "/og/claude-haiku-open-weights-vs-mistral-3-small.png")


@pytest.mark.parametrize("path", PICTURES)
def test_it_is_1200_by_630_and_known_again(http, path):
    answer = http.get(path)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(answer.content)).size == (1200, 630)
    assert len(answer.content) < 200_000
    again = http.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_vote_makes_another_picture(live_site, http):
    tool = new_tool(live_site)
    before = http.get(f"/og/{tool}.png")
    position = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).json()["position"]
    http.get(f"/v1/tools/{tool}", params={"min_position": position})
    after = http.get(f"/og/{tool}.png")
    assert after.headers["etag"] != before.headers["etag"]
    assert after.content != before.content


def test_what_is_no_tool_has_no_picture(http):
    for name in ("nothing.png", "notion", "notion.jpg", "a-vs-b.png", ".png", "notion.png.png"):
        assert http.get(f"/og/{name}").status_code == 404


@pytest.mark.parametrize("name", ["x" * 120, "日本語", "\u0628" * 120, "a " * 60, "Æ", ""])
def test_any_name_can_be_drawn(name):
    opinion = Opinion("Panel", "ship", "Ship", "3 ship / 1 skip", 1.0)
    side = Side("a-slug", name, (opinion, opinion))
    for sides in ([side], [side, side]):
        assert Image.open(BytesIO(draw(sides))).size == (1200, 630)

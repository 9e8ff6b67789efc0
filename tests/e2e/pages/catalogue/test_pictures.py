"""The pictures that stand for pages on other sites."""

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import combinations

import pytest
from msgspec.structs import replace
from PIL import Image
from redis import Redis

from tests.e2e.asking import browser, get, new_tool
from tests.polling import LIMIT_S
from votes.site.pictures.drawing import Cover, Opinion, Side, draw
from votes.site.pictures.gallery import WAITING_MAX
from votes.site.verdicts import look
from votes.views import keys
from votes.views.pictures import PLACES

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


OPINIONS = (
    Opinion("Panel", look("ship"), 3, 1, 78),
    Opinion("Community", look("none"), 0, 0),
)


def side(name="Notion", tagline="Notes", opinions=OPINIONS) -> Side:
    return Side("a-slug", name, tagline, opinions)


@pytest.mark.parametrize("name", ["x" * 120, "日本語" * 40, "\u0628" * 120, "a " * 60, "Æ", ""])
def test_any_name_can_be_drawn(name):
    for sides in ((side(name, name),), (side(name), side(name, name))):
        drawn = draw(sides, "example.com/" + name)
        assert Image.open(BytesIO(drawn)).size == (1200, 630)
    assert Image.open(BytesIO(draw(Cover(name, name, ()), ""))).size == (1200, 630)


@pytest.mark.parametrize(
    "other",
    [
        side(name="Notions"),
        side(tagline="Wikis"),
        side(opinions=(replace(OPINIONS[0], score=79), OPINIONS[1])),
        side(opinions=(replace(OPINIONS[0], skip=2), OPINIONS[1])),
        side(opinions=(replace(OPINIONS[0], verdict=look("mixed")), OPINIONS[1])),
        side(opinions=(OPINIONS[0], replace(OPINIONS[1], skip=1))),
    ],
)
def test_all_that_is_known_of_a_tool_is_in_its_picture(other):
    address = "example.com/tools/notion"
    assert draw((other,), address) != draw((side(),), address)
    assert draw((other,), address) != draw((other,), "")


def test_that_of_home_and_of_a_category_show_their_tools(live_site, http):
    home = http.get("/og/site/home.png")
    tool = new_tool(live_site, category="Pictures of Lists")
    position = http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).json()["position"]
    http.get(f"/v1/tools/{tool}", params={"min_position": position})
    listed = http.get("/og/category/pictures-of-lists.png")
    for picture in (home, listed):
        assert Image.open(BytesIO(picture.content)).size == (1200, 630)
    assert http.get("/og/site/home.png").content != home.content  # it counts the tools
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "skip"})
    assert http.get("/og/category/no-such-category.png").status_code == 404
    assert http.get("/og/category/pictures-of-lists").status_code == 404


@pytest.mark.parametrize("path", ["/", "/?sort=new", "/?category=ai-writing", "/tools/notion"])
def test_a_page_names_its_picture(http, path):
    named = re.search(r'property="og:image" content="http://[^/]*(/og/[^"]+)"', http.get(path).text)
    assert named is not None
    assert http.get(named[1]).headers["content-type"] == "image/png"


def test_it_may_be_kept_for_hours(http):
    kept = http.get("/og/notion.png").headers["cache-control"]
    assert kept == "public, max-age=14400, stale-while-revalidate=86400"


def place_of(site, path: str) -> tuple[str, bytes]:
    """Where Redis keeps the picture, and its key."""
    drawn = get(site.url + path).content
    with Redis.from_url(site.servers.redis_owner_url) as redis:
        for place in (keys.picture(site.prefix, number) for number in range(PLACES)):
            kept = redis.get(place)
            if kept is not None and kept.endswith(drawn):
                return place, kept.removesuffix(drawn)
    raise LookupError(path)


def as_ours(site, theirs: str, path: str):
    """What another API process of the site responds, by the site's own name."""
    return get(theirs + path, headers={"Host": f"127.0.0.1:{site.port}"})


def test_what_one_process_has_drawn_another_need_not_draw(live_site, guarded):
    path = f"/og/{new_tool(live_site)}.png"
    place, key = place_of(live_site, path)
    with Redis.from_url(live_site.servers.redis_owner_url) as redis:
        assert redis.get(place) == key + get(live_site.url + path).content
        assert 0 < redis.ttl(place) <= 24 * 3_600
        redis.set(place, key + b"as it was drawn")
    ours, theirs = get(live_site.url + path), as_ours(live_site, guarded, path)
    assert theirs.content == b"as it was drawn"
    assert theirs.headers["etag"] != ours.headers["etag"]  # the tag is of what is sent


@pytest.mark.parametrize("kept", [b"", b"garbage", b"0" * 32 + b"of another", ["a list"]])
def test_what_is_not_the_picture_is_drawn_anew(live_site, guarded, kept):
    path = f"/og/{new_tool(live_site)}.png"
    place, key = place_of(live_site, path)
    with Redis.from_url(live_site.servers.redis_owner_url) as redis:
        redis.delete(place)
        redis.rpush(place, *kept) if isinstance(kept, list) else redis.set(place, kept)
        drawn = as_ours(live_site, guarded, path).content
        assert Image.open(BytesIO(drawn)).size == (1200, 630)
        assert redis.get(place) == key + drawn


@pytest.mark.parametrize("connections", [32, WAITING_MAX + 16])
def test_who_asks_for_many_takes_no_picture_from_others(live_site, guarded, connections, measured):
    """Each connection asks for one pair after the other; another network for single tools."""
    listed = get(f"{live_site.url}/v1/tools?limit=100&sort=new").json()["tools"]
    pairs = iter([f"{a['slug']}-vs-{b['slug']}" for a, b in combinations(listed, 2)])
    singles = [new_tool(live_site) for _ in range(12)]
    over, got = threading.Event(), Counter[int]()

    def flood() -> None:
        with browser(guarded) as http:
            http.timeout = LIMIT_S  # who asks for many waits in line, on a busy machine for long
            while not over.is_set():
                answer = http.get(
                    f"/og/{next(pairs)}.png", headers={"X-Forwarded-For": "203.0.113.7"}
                )
                got[answer.status_code] += 1
                over.wait(float(answer.headers.get("retry-after", 0)))

    with ThreadPoolExecutor(connections) as pool, browser(guarded) as http:
        floods = [pool.submit(flood) for _ in range(connections)]
        try:
            while got.total() < connections:
                over.wait(0.01)
            took_s = [_taken(http, f"/og/{tool}.png") for tool in singles]
        finally:
            over.set()
    for one in floods:
        one.result()
    assert set(got) <= {200, 503}
    assert got[200] > len(singles)  # they are served too, in their turn
    if connections <= WAITING_MAX:
        assert not got[503]
    measured(f"a picture beside {connections} who ask for many: {max(took_s):.2f} s at most")


def _taken(http, path: str) -> float:
    began = time.monotonic()
    answer = http.get(path, headers={"X-Forwarded-For": "198.51.100.9"})
    assert answer.status_code == 200, answer.text
    return time.monotonic() - began

"""A vote goes in, a tally comes out."""

from tests.e2e.asking import browser, new_tool


def test_a_vote_shows_in_the_tally(live_site):
    tool = f"/v1/tools/{new_tool(live_site)}"
    with browser(live_site.url) as http:
        vote = http.put(f"{tool}/vote", json={"choice": "ship"}).json()
        tally = http.get(f"{tool}/tally", params={"min_position": vote["position"]}).json()
    assert (tally["ship"], tally["total"]) == (1, 1)
    assert tally["position"] == vote["position"]


async def test_an_empty_log(store):
    assert await store.head() == 0

"""A vote goes in, a tally comes out."""

import httpx

from tests.site import TLS


def test_a_vote_shows_in_the_tally(live_site):
    with httpx.Client(verify=TLS, base_url=live_site.url) as browser:
        before = browser.get("/v1/tools/notion/tally").json()["ship"]
        vote = browser.put("/v1/tools/notion/vote", json={"choice": "ship"}).json()
        tally = browser.get(
            "/v1/tools/notion/tally", params={"min_position": vote["position"]}
        ).json()
    assert tally["ship"] == before + 1
    assert tally["position"] == vote["position"]


async def test_an_empty_log(store):
    assert await store.head() == 0

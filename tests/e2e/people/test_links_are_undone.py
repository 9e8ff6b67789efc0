"""A moderator undoes a link by its id alone, and is told of nobody."""

from tests.e2e.asking import (
    authorization,
    bearer,
    browser,
    get,
    new_tool,
    problem,
    request,
    unique,
    visitor_token,
)
from tests.polling import wait_for
from votes.client import Votes


def vote(site, tool, choice, who):
    with browser(site.url) as http:
        answer = http.put(f"/v1/tools/{tool}/vote", json={"choice": choice}, headers=who)
    assert answer.status_code == 200, answer.text


def counts(site, tool):
    said = get(f"{site.url}/v1/tools/{tool}/tally").json()
    return said["ship"], said["skip"]


def my_votes(site, who):
    return get(f"{site.url}/v1/me/votes", headers=who).json()


def link(site, user, token):
    with browser(site.url) as http:
        answer = http.post("/v1/me/link", json={"visitor": token}, headers=user)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_moderator_gives_a_visitor_the_votes_back(live_site):
    tool, other = new_tool(live_site), new_tool(live_site)
    ada = bearer(live_site, unique("ada"))
    moderator = bearer(live_site, unique("mod"), "moderator")
    with browser(live_site.url) as http:
        token = visitor_token(http)
    visitor = authorization(token, "Visitor")
    vote(live_site, tool, "ship", ada)
    vote(live_site, tool, "skip", visitor)
    vote(live_site, other, "skip", visitor)
    assert my_votes(live_site, visitor)["link"] is None
    name = link(live_site, ada, token)["link"]
    seen = my_votes(live_site, visitor)
    assert (seen["link"], seen["total"]) == (name, 2)
    assert my_votes(live_site, ada)["link"] is None
    held = get(f"{live_site.url}/v1/me/export", headers=ada).json()
    assert [one["id"] for one in held["links"]] == [name]
    wait_for(lambda: counts(live_site, tool) == (0, 1), "the vote to be moved")

    async with Votes(live_site.url, user_token=moderator["Authorization"].split()[1]) as votes:
        told = await votes.get_link(name)
        assert (told.votes, told.undone_at) == (2, None)
        await votes.undo_link(name)
        await votes.undo_link(name)
        wait_for(
            lambda: (counts(live_site, tool), counts(live_site, other)) == ((1, 1), (0, 1)),
            "the votes to come back",
        )
        told = await votes.get_link(name)
        assert told.votes == 0
        assert told.undone_at is not None
        did = await votes.export_me()
    assert [(act.type, act.tool, act.data) for act in did.acts] == [("LinkUndone", None, {})]
    seen = my_votes(live_site, visitor)
    assert (seen["link"], [one["choice"] for one in seen["votes"]]) == (None, ["skip", "skip"])
    assert [one["choice"] for one in my_votes(live_site, ada)["votes"]] == ["ship"]
    assert get(f"{live_site.url}/v1/me/export", headers=ada).json()["links"] == []


def test_a_look_of_the_user_does_not_link_again_what_was_undone(live_site):
    tool, ada = new_tool(live_site), bearer(live_site, unique("ada"))
    moderator = bearer(live_site, unique("mod"), "moderator")
    with browser(live_site.url) as http:
        assert http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"}).status_code == 200
        name = http.post("/v1/me/link", headers=ada).json()["link"]
        undone = request("DELETE", f"{live_site.url}/v1/moderation/links/{name}", headers=moderator)
        assert undone.status_code == 204
        assert http.get(f"/v1/me/state?tools={tool}", headers=ada).status_code == 200
        wait_for(lambda: http.get("/v1/me/votes").json()["total"] == 1, "the vote to come back")
        assert http.get("/v1/me/votes").json()["link"] is None
        assert http.get(f"/v1/me/state?tools={tool}", headers=ada).json()[tool]["vote"] is None
        again = http.post("/v1/me/link", headers=ada).json()
        assert (again["linked"], again["votes"], again["link"] != name) == (True, 1, True)


def test_no_link_is_found_by_a_guess(live_site):
    moderator = bearer(live_site, unique("mod"), "moderator")
    with browser(live_site.url) as http:
        name = link(live_site, bearer(live_site, unique("ada")), visitor_token(http))["link"]
    place, _ = name.split("-")
    for guess in (place, f"{place}-{0:012}", "none", "9" * 30, "%00", "-"):
        for method in ("GET", "DELETE"):
            answer = request(
                method, f"{live_site.url}/v1/moderation/links/{guess}", headers=moderator
            )
            problem(answer, 404, "link_unknown")

"""The panel's reviews over HTTP."""

import httpx

from tests.e2e.asking import bearer, problem, put, unique
from tests.e2e.shapes import REVIEW_WRITTEN, REVIEWS, check_shape
from tests.site import Site


def panelist(site: Site, persona: str) -> dict[str, str]:
    return bearer(site, unique("panelist"), "panelist", persona=persona)


def publish(site: Site, tool: str, persona: str, score: int, choice: str) -> httpx.Response:
    path = f"{site.url}/v1/tools/{tool}/reviews/{persona}"
    body = {"score": score, "choice": choice, "body": f"As {persona} says."}
    return put(path, json=body, headers=panelist(site, persona))


def test_a_review_is_published_revised_and_withdrawn(http, live_site, tool):
    path, headers = f"/v1/tools/{tool}/reviews/builder", panelist(live_site, "builder")
    body = {"score": 85, "choice": "ship", "body": "Good.\nVery."}
    new = http.put(path, json=body, headers=headers)
    same = http.put(path, json=body, headers=headers)
    revised = http.put(path, json={"score": 0, "choice": "skip"}, headers=headers)
    assert [answer.status_code for answer in (new, same, revised)] == [201, 200, 200]
    for answer in (new, same, revised):
        check_shape(answer.json(), REVIEW_WRITTEN)
    assert [answer.json()["changed"] for answer in (new, same, revised)] == [True, False, True]
    assert {key: new.json()[key] for key in body} == body
    assert revised.json()["body"] == ""
    gone = [http.delete(path, headers=headers) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in gone] == [(204, b"")] * 2
    seen = {"min_position": gone[0].headers["votes-position"]}
    reviews = http.get(f"/v1/tools/{tool}/reviews", params=seen).json()
    assert reviews["panel"]["reviews"] == []
    assert http.put(path, json=body, headers=headers).status_code == 201


def test_the_panel_of_a_tool_follows_its_reviews(http, live_site, tool):
    said = []
    for persona, score, choice in (
        ("one", 90, "ship"),
        ("two", 10, "skip"),
        ("three", 60, "ship"),
        ("four", 41, "skip"),
        ("five", 0, "skip"),
    ):
        last = publish(live_site, tool, persona, score, choice).json()["position"]
        answer = http.get(f"/v1/tools/{tool}/reviews", params={"min_position": last}).json()
        check_shape(answer, REVIEWS)
        panel = answer["panel"]
        assert panel == http.get(f"/v1/tools/{tool}").json()["panel"]
        said.append((panel["verdict"], panel["ship"], panel["skip"], panel["spread"]))
    assert said == [
        ("pending", 1, 0, 0),
        ("pending", 1, 1, 80),
        ("ship", 2, 1, 80),
        ("mixed", 2, 2, 80),
        ("skip", 2, 3, 90),
    ]
    assert panel["mean_score"] == 40.2
    assert [one["persona"] for one in panel["reviews"]] == ["one", "two", "three", "four", "five"]


def test_a_persona_writes_only_its_own_review(http, live_site, tool):
    path = f"/v1/tools/{tool}/reviews/builder"
    body = {"score": 1, "choice": "skip"}
    for headers, status, code in (
        ({}, 401, "not_authenticated"),
        (bearer(live_site, "ada"), 403, "forbidden"),
        (bearer(live_site, "ada", "panelist"), 403, "forbidden"),
        (bearer(live_site, "ada", "panelist", persona="another"), 403, "forbidden"),
        (bearer(live_site, "ada", "admin", persona="builder"), 403, "forbidden"),
    ):
        problem(http.put(path, json=body, headers=headers), status, code)
        problem(http.delete(path, headers=headers), status, code)
    assert http.get(f"/v1/tools/{tool}/reviews").json()["panel"]["reviews"] == []


def test_an_unknown_tool_has_no_reviews(http, live_site):
    slug = unique("tool")
    problem(http.get(f"/v1/tools/{slug}/reviews"), 404, "tool_unknown")
    problem(publish(live_site, slug, "builder", 1, "ship"), 404, "tool_unknown")


def test_a_panelist_reads_what_waits_what_is_done_and_what_it_said_before(http, live_site, tool):
    persona = unique("persona")
    me = bearer(live_site, unique("pia"), "panelist", persona=persona)

    def waiting(position=0):
        asked = {"limit": 1, "min_position": position}
        return http.get("/v1/me/reviews/missing", params=asked, headers=me).json()

    before = waiting()
    assert [one["tool"] for one in before["tools"]] == [tool]
    path = f"/v1/tools/{tool}/reviews/{persona}"
    said = [{"score": score, "choice": "ship", "body": f"Said {score}."} for score in (70, 80)]
    for body in said:
        last = http.put(path, json=body, headers=me).json()["position"]
    after = waiting(last)
    assert after["total"] == before["total"] - 1
    assert tool not in [one["tool"] for one in after["tools"]]
    done = http.get("/v1/me/reviews", headers=me).json()
    assert (done["total"], done["next_cursor"]) == (1, None)
    assert (done["reviews"][0]["tool"], done["reviews"][0]["review"]["score"]) == (tool, 80)
    http.delete(path, headers=me)
    told = http.get(f"/v1/me/reviews/{tool}/revisions", headers=me).json()
    assert (told["tool"], told["persona"]) == (tool, persona)
    assert [one["opinion"] for one in told["revisions"]] == [None, said[1], said[0]]
    other = bearer(live_site, unique("pim"), "panelist", persona=unique("persona"))
    theirs = http.get(f"/v1/me/reviews/{tool}/revisions", headers=other).json()
    assert theirs["revisions"] == []
    nowhere = f"/v1/me/reviews/{unique('tool')}/revisions"
    problem(http.get(nowhere, headers=me), 404, "tool_unknown")


def test_all_tools_that_wait_are_read_page_by_page(http, live_site):
    me = bearer(live_site, unique("pia"), "panelist", persona=unique("persona"))
    seen: list[str] = []
    cursor = None
    while cursor is not None or not seen:
        asked = {"limit": 100, "cursor": cursor}
        page = http.get("/v1/me/reviews/missing", params=asked, headers=me).json()
        seen += [one["tool"] for one in page["tools"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == page["total"]

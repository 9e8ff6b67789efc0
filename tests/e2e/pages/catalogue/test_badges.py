"""Badges: a verdict as a picture, for the pages of others."""

from xml.etree import ElementTree

import html5lib
import pytest
from markdown_it import MarkdownIt

from tests.e2e.asking import bearer, browser, new_tool
from tests.e2e.pages.reading import named, one, page, words

HOSTILE = "](x) <script>alert(1)</script> \"' & `*_ ![a](b)"
SVG = "{http://www.w3.org/2000/svg}"


def badge(http, tool, **asked):
    answer = http.get(f"/tools/{tool}/badge.svg", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/svg+xml"
    return ElementTree.fromstring(answer.text)


def said(picture):
    return [text.text for text in picture.iter(f"{SVG}text")]


def votes(live_site, tool, ships):
    """So many votes for it; their last position."""
    for _ in range(ships):
        with browser(live_site.url) as voter:
            answer = voter.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
    return answer.json()["position"]


def test_it_says_the_verdict_and_the_votes_and_is_always_of_one_size(live_site, http):
    tool = new_tool(live_site, name="Atlas")
    before = badge(http, tool)
    assert said(before)[1:] == ["No votes yet", "Be the first to vote"]
    position = votes(live_site, tool, 2)
    after = badge(http, tool, min_position=position, theme="dark")
    assert said(after)[1:] == ["Too early", "100% ship of 2 votes, leaning ship"]
    title = after.find(f"{SVG}title").text
    assert title == "Atlas on Ship or skip: Too early · 100% ship of 2 votes, leaning ship"
    size = [(one.get("width"), one.get("height"), one.get("viewBox")) for one in (before, after)]
    assert size[0] == size[1] == ("240", "76", "0 0 240 76")
    alone = badge(http, tool, counts="no", min_position=position)
    assert said(alone)[1:] == ["Too early"]
    assert alone.get("height") == "56"


def test_it_is_kept_for_minutes_by_its_content_and_shown_by_other_sites(live_site, http):
    tool = new_tool(live_site)
    answer = http.get(f"/tools/{tool}/badge.svg")
    assert answer.headers["cache-control"].startswith("public, max-age=300")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    tag = {"If-None-Match": answer.headers["etag"]}
    assert http.get(f"/tools/{tool}/badge.svg", headers=tag).status_code == 304
    votes(live_site, tool, 1)
    dark = http.get(f"/tools/{tool}/badge.svg?theme=dark", headers=tag)
    assert dark.status_code == 200
    assert "script" not in dark.text
    assert "style" not in dark.text


def test_a_name_that_tries_to_be_markup_stays_a_name(live_site, http):
    tool = new_tool(live_site, name=HOSTILE)
    picture = badge(http, tool)
    assert {element.tag.removeprefix(SVG) for element in picture.iter()} == {
        *("svg", "title", "rect", "g", "text"),
    }
    assert picture.find(f"{SVG}title").text.startswith(HOSTILE)
    html, markdown = codes(http, tool)
    (image,) = named(html5lib.parse(html, namespaceHTMLElements=False), "img")
    assert image.get("alt") == f"{HOSTILE} on Ship or skip"
    shown = html5lib.parse(MarkdownIt().render(markdown), namespaceHTMLElements=False)
    (image,) = named(shown, "img")
    assert image.get("alt") == f"{HOSTILE} on Ship or skip"


def test_it_says_the_panel_s_verdict_and_scores(live_site, http):
    tool = new_tool(live_site, name="Atlas")
    assert said(badge(http, tool, by="panel"))[1:] == ["Pending", "Not reviewed yet"]
    for number, score in enumerate((40, 62, 90)):
        persona = f"critic-{number}"
        who = bearer(live_site, persona, "panelist", persona=persona)
        review = {"score": score, "choice": "ship" if score > 50 else "skip", "body": ""}
        answer = http.put(f"/v1/tools/{tool}/reviews/{persona}", json=review, headers=who)
        assert answer.status_code == 201, answer.text
    position = votes(live_site, tool, 1)
    asked = {"by": "panel", "min_position": position}
    after = badge(http, tool, **asked)
    assert said(after) == ["Ship or skip · Panel", "Ship", "Scores 40\u201390, 64 on average"]
    title = "Atlas on Ship or skip: Ship · 2 ship / 1 skip"
    assert after.find(f"{SVG}title").text == title
    assert said(badge(http, tool, counts="no", **asked))[1:] == ["Ship"]
    assert (after.get("width"), after.get("height")) == ("240", "76")


def codes(http, tool, by="community"):
    tree = page(http, f"/tools/{tool}/badge?by={by}")
    return [str(field.text).removeprefix("\n") for field in tree.iter("textarea")]


@pytest.mark.parametrize("by", ["community", "panel"])
def test_the_code_to_copy_shows_the_badge_and_leads_to_the_tool(live_site, http, by):
    tool = new_tool(live_site, name="Atlas")
    tree = page(http, f"/tools/{tool}")
    link = next(link for link in named(tree, "a") if "Badge" in words(link))
    assert link.get("href") == f"/tools/{tool}/badge"
    html, markdown = codes(http, tool, by)
    for text in (html, MarkdownIt().render(markdown)):
        code = html5lib.parse(text, namespaceHTMLElements=False)
        assert one(code, "a").get("href") == f"{live_site.url}/tools/{tool}"
        assert one(code, "img").get("alt") == "Atlas on Ship or skip"
        sources = [one(code, "img").get("src")]
        sources += [source.get("srcset") for source in named(code, "source")]
        for address in sources:
            assert http.get(address).headers["content-type"] == "image/svg+xml"
            assert f"· {by.capitalize()}" in http.get(address).text
    sized = one(html5lib.parse(html, namespaceHTMLElements=False), "img")
    picture = badge(http, tool)
    assert (sized.get("width"), sized.get("height")) == (
        picture.get("width"),
        picture.get("height"),
    )


@pytest.mark.parametrize(
    "asked", ["theme=blue", "by=me", "counts=perhaps", "theme=%00", "min_position=x"]
)
def test_what_it_does_not_know_is_refused(http, asked):
    assert http.get(f"/tools/notion/badge.svg?{asked}").status_code == 400


def test_a_renamed_tool_keeps_its_badge_and_a_delisted_one_loses_it(live_site, http):
    tool, admin = new_tool(live_site), bearer(live_site, "an-admin", "admin")
    url = f"{live_site.url}/v1/tools/{tool}"
    answer = http.post(f"{url}/rename", json={"slug": f"{tool}-2"}, headers=admin)
    seen = {"min_position": answer.json()["position"]}
    moved = http.get(f"/tools/{tool}/badge.svg", params=seen)
    assert moved.status_code == 308
    assert moved.headers["location"].startswith(f"/tools/{tool}-2/badge.svg")
    gone = http.delete(f"/v1/tools/{tool}-2", headers=admin)
    seen = {"min_position": gone.headers["votes-position"]}
    assert http.get(f"/tools/{tool}-2/badge.svg", params=seen).status_code == 404

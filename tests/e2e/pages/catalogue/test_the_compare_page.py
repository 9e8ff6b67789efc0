"""Two tools side by side: every part of the page says what the API says."""

import json

import httpx

from tests.e2e.asking import bearer, get, new_tool, put, unique
from tests.e2e.pages.reading import PAIR, attribute, meta, named, one, page, section, title, words

A, B = "claude-haiku-open-weights", "mistral-3-small"


def test_it_is_headed_by_both_names_and_says_where_it_is(http):
    tree = page(http, PAIR)
    assert words(one(tree, "h1")) == "Claude Haiku Open Weights vs Mistral 3 Small"
    assert words(named(tree, "nav", class_="eyebrow")[0]).startswith("Compare / ")
    assert "Claude Haiku Open Weights vs Mistral 3 Small" in title(tree)
    assert meta(tree, "description")


def test_each_card_has_a_monogram_category_name_tagline_badge_figures_and_description(http):
    told = http.get(f"/v1/compare/{A}/{B}").json()
    for side, card in zip(
        ("a", "b"), named(page(http, PAIR), "article", class_="card"), strict=True
    ):
        tool = told[side]
        assert words(one(card, "h2")) == tool["name"]
        assert words(named(card, "span", class_="monogram")[0]) == tool["name"][0]
        assert words(one(card, "span", class_="stamp")) == tool["panel"]["verdict"].capitalize()
        figures = {words(f[0]): words(f[1]) for f in one(card, "dl", class_="figures")}
        assert figures["Panel ship"] == f"{tool['panel']['ship_share']:.0%}"
        assert figures["Entry price"] == "Free"
        assert "Community" in figures
        text = words(card)
        for said in (tool["category"], tool["tagline"], tool["description"]):
            assert said in text


def test_the_panel_ships_half_of_the_one_and_three_quarters_of_the_other(http):
    cards = named(page(http, PAIR), "article", class_="card")
    assert [words(one(card, "span", class_="stamp")) for card in cards] == ["Mixed", "Ship"]
    shares = [words(one(card, "dl", class_="figures")[0][1]) for card in cards]
    assert shares == ["50%", "75%"]


def test_the_decision_table_has_its_rows_in_order(http):
    table = one(page(http, PAIR), "table", class_="decision")
    rows = [[words(cell) for cell in row] for row in table.iter("tr")]
    told = http.get(f"/v1/compare/{A}/{B}").json()
    assert rows[0] == ["Decision", told["a"]["name"], told["b"]["name"]]
    assert [row[0] for row in rows[1:]] == [
        *("Panel verdict", "Community", "Pricing", "Best for", "Category"),
    ]
    assert rows[1][1:] == ["Mixed · 2 ship / 2 skip", "Ship · 3 ship / 1 skip"]
    for number, field in ((3, "pricing"), (4, "best_for"), (5, "category")):
        assert rows[number][1:] == [told[side][field] for side in ("a", "b")]


def test_the_scorecard_sets_each_persona_s_reviews_side_by_side(http):
    duels = named(page(http, PAIR), "section", class_="duel")
    assert [words(one(duel, "h3")) for duel in duels] == [
        "Builder Mistral 3 Small: 11 points ahead",
        "Skeptic Mistral 3 Small: 26 points ahead",
        "Futurist Mistral 3 Small: 12 points ahead",
        "Founder Mistral 3 Small: 7 points ahead",
    ]
    told = http.get(f"/v1/compare/{A}/{B}").json()
    for number, duel in enumerate(duels):
        for side, article in zip(("a", "b"), named(duel, "article", class_="review"), strict=True):
            review = told[side]["panel"]["reviews"][number]
            said = words(article)
            assert f"{review['score']}/100 {review['choice']}" in said
            assert " ".join(review["body"].split()) in said


def test_it_leads_on_and_offers_the_feed_and_the_bookmarks(http):
    tree = page(http, PAIR)
    onward = named(section(tree, "onward"), "a")
    assert any(link.get("href", "").startswith("/compare/") for link in onward)
    assert named(section(tree, "subscribe"), "a", href="/feed.xml")
    assert "Log in" in words(section(tree, "bookmarks"))


def test_a_user_s_bookmarks_are_loaded_into_it(live_site, http):
    tree = page(http, PAIR, headers=bearer(live_site, unique("reader")))
    assert named(section(tree, "bookmarks"), "ship-bookmarks")


def test_without_reviews_and_votes_it_says_so(live_site, http):
    first, second = sorted((new_tool(live_site), new_tool(live_site)))
    tree = page(http, f"/compare/{first}-vs-{second}")
    assert "No votes yet" in words(one(tree, "table", class_="decision"))
    assert words(one(section(tree, "scorecard"), "p")).startswith("The panel has reviewed neither")
    for card in named(tree, "article", class_="card"):
        assert words(one(card, "span", class_="stamp")) == "Pending"


def moved(http: httpx.Client, path: str, to: str, status: int = 301) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (status, to)


def test_a_pair_has_one_address(http):
    moved(http, f"/compare/{B}-vs-{A}", PAIR)
    moved(http, f"/compare/{B}-vs-{A}?min_position=1", f"{PAIR}?min_position=1")
    moved(http, f"/compare?a={A}&b={B}", PAIR, 303)
    moved(http, f"/compare/{A}-vs-{A}", f"/tools/{A}")


def test_tools_are_found_by_their_names_however_written(live_site, http):
    one_, two = sorted(listed(live_site, unique(name)) for name in ("named", "called"))
    moved(http, f"/compare?a={two.upper()}&b=+{one_.title()}+", f"/compare/{one_}-vs-{two}", 303)


def listed(live_site, slug: str) -> str:
    headers = bearer(live_site, "an-admin", "admin")
    entry = {"name": slug, "category": "Tests"}
    answer = put(f"{live_site.url}/v1/tools/{slug}", json=entry, headers=headers)
    seen = {"min_position": answer.json()["position"]}
    assert get(f"{live_site.url}/v1/tools/{slug}", params=seen).status_code == 200
    return slug


def test_a_slug_may_hold_what_stands_between_two(live_site, http):
    one_, two = listed(live_site, unique("aa-vs-b")), listed(live_site, unique("zz-vs-y-vs-x"))
    tree = page(http, f"/compare/{one_}-vs-{two}")
    assert words(one(tree, "h1")) == f"{one_} vs {two}"


def test_a_pair_that_an_address_cannot_name_is_shown_all_the_same(live_site, http):
    a, c = listed(live_site, unique("ma")), listed(live_site, unique("mc"))
    a_b = listed(live_site, f"{a}-vs-mb")
    b_c = listed(live_site, f"mb-vs-{c}")
    tree = page(http, f"/compare/{a}-vs-mb-vs-{c}")
    assert words(one(tree, "h1")) == f"{a} vs {b_c}"
    other = page(http, "/compare", params={"a": a_b, "b": c})
    assert words(one(other, "h1")) == f"{a_b} vs {c}"


def test_an_address_of_no_two_tools_is_not_found(http):
    for path in (
        *("/compare/nothing", "/compare/-vs-", f"/compare/{A}-vs-", f"/compare/-vs-{A}"),
        *(f"/compare/{A}-vs-nothing-of-this-name", "/compare/" + "-vs-" * 60),
    ):
        page(http, path, 404)
    tree = page(http, "/compare", params={"a": A, "b": "nothing of this name"})
    assert "nothing of this name" in words(one(tree, "p", role="alert"))


def test_three_and_four_tools_are_side_by_side_at_one_address(http):
    slugs = sorted((A, B, "notion", "figma"))
    for chosen in (slugs[:3], slugs):
        path = "/compare/" + "-vs-".join(chosen)
        tree = page(http, path)
        told = http.get("/v1/compare", params={"tools": ",".join(chosen)}).json()["tools"]
        names = [tool["name"] for tool in told]
        assert words(one(tree, "h1")) == " vs ".join(names)
        assert [words(one(card, "h2")) for card in named(tree, "article", class_="card")] == names
        rows = [[words(cell) for cell in row] for row in one(tree, "table").iter("tr")]
        assert rows[0] == ["Decision", *names]
        assert {len(row) for row in rows} == {1 + len(chosen)}
        assert named(tree, "form", class_="add") == [] if len(chosen) == 4 else True
        moved(http, "/compare/" + "-vs-".join(reversed(chosen)), path)
        fields = zip("dcba", chosen, strict=False)
        moved(http, "/compare?" + "&".join(f"{field}={slug}" for field, slug in fields), path, 303)
        assert str(meta(tree, "og:image")).endswith(f"/og/{'-vs-'.join(chosen)}.png")
        graph = json.loads(str(one(tree, "script", type="application/ld+json").text))["@graph"]
        assert [thing["name"] for thing in graph[:-1]] == names
    moved(http, f"/compare/{A}-vs-{B}-vs-{A}", PAIR)
    page(http, "/compare/" + "-vs-".join([*slugs, "miro"]), 404)


def test_a_persona_s_scores_are_told_apart_over_all_tools(http):
    tree = page(http, "/compare/" + "-vs-".join(sorted((A, B, "notion"))))
    builder = named(tree, "section", class_="duel")[0]
    scores = {
        words(one(article, "p", class_="review-about")): words(one(article, "b"))
        for article in named(builder, "article", class_="review")[:2]
    }
    low, high = sorted(scores.values())
    assert (
        words(one(builder, "h3")) == f"Builder Mistral 3 Small: {int(high) - int(low)} points ahead"
    )
    assert "No review by this panelist." in words(builder)


def test_a_tool_is_added_put_first_changed_and_removed(http):
    chosen = sorted((A, B, "notion"))
    tree = page(http, "/compare/" + "-vs-".join(chosen))
    links = {link.get("aria-label"): attribute(link, "href") for link in named(tree, "a")}
    first = page(http, links["Put first: Notion"])
    assert words(one(first, "h1")).startswith("Notion vs ")
    assert "Put first: Notion" not in {link.get("aria-label") for link in named(first, "a")}
    assert links["Remove Notion"] == PAIR
    kept = page(http, links["Change Notion"])
    values = {field.get("name"): field.get("value") for field in named(kept, "input")}
    assert sorted(filter(None, values.values())) == sorted((A, B))
    form = one(page(http, PAIR), "form", class_="add")
    sent = {field.get("name"): field.get("value") or "Notion" for field in named(form, "input")}
    answer = http.get(form.get("action"), params=sent)
    assert answer.headers["location"] == "/compare/" + "-vs-".join(chosen)
    again = page(http, "/compare", params={"a": A, "b": B, "c": "nothing of this name"})
    assert "nothing of this name" in words(one(again, "p", role="alert"))

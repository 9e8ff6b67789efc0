"""Admins list, revise, rename and delist tools by plain forms that first show what follows."""

import pytest

from tests.e2e.asking import bearer, unique
from tests.e2e.pages.reading import named, one, page, parsed, section, words
from tests.site import SAME_ORIGIN
from votes.site.forms import FORM_TYPE

ENTRY = {
    "name": "Atlas & Co",
    "category": "Notes",
    "tagline": "Maps <everything>",
    "description": "One.\r\n\r\nTwo.",
    "url": "https://atlas.example",
    "pricing": "From $12",
    "best_for": "Teams",
    "plans": "Free | 0 | forever\r\n\r\nPro | 12.5 | mo\r\nAll | | on request",
}
PLANS = [
    {"name": "Free", "price": 0.0, "period": "forever"},
    {"name": "Pro", "price": 12.5, "period": "mo"},
    {"name": "All", "price": None, "period": "on request"},
]


@pytest.fixture
def chief(live_site):
    return SAME_ORIGIN | bearer(live_site, "an-admin", "admin")


def sent(http, chief, path, **fields):
    return http.post(path, data=fields, headers=chief | {"Content-Type": FORM_TYPE})


def done(http, chief, path, **fields):
    """Send the form for good, and return the page that the answer leads to."""
    answer = sent(http, chief, path, **fields, sure="yes")
    assert answer.status_code == 303, answer.text
    return page(http, answer.headers["location"], headers=chief)


def hidden(tree):
    return {field.get("name"): field.get("value") for field in named(tree, "input", type="hidden")}


def filled(tree):
    """What a browser sends of the form of an entry."""
    form = section(tree, "entry")
    said = {field.get("name"): field.get("value") for field in named(form, "input")}
    return said | {area.get("name"): area.text or "" for area in named(form, "textarea")}


def test_a_tool_is_previewed_listed_and_revised(http, chief):
    slug = unique("atlas")
    tried = sent(http, chief, "/catalogue/tools", slug=slug, **ENTRY)
    assert (tried.status_code, tried.headers["cache-control"]) == (200, "private, no-store")
    preview = section(parsed(tried.text), "preview")
    assert f"A new tool at /tools/{slug}" in words(preview)
    assert "Maps <everything>" in words(preview)
    assert http.get(f"/v1/tools/{slug}").status_code == 404

    after = done(http, chief, "/catalogue/tools", **hidden(preview))
    shown = http.get(f"/v1/tools/{slug}").json()
    assert shown["plans"] == PLANS
    assert shown["description"] == "One.\n\nTwo."
    again = sent(http, chief, "/catalogue/tools", **filled(after))
    assert "says all of this already" in words(section(parsed(again.text), "preview"))

    tried = sent(http, chief, "/catalogue/tools", **filled(after) | {"tagline": "Better"})
    rows = named(one(section(parsed(tried.text), "preview"), "tbody"), "tr")
    assert [words(row) for row in rows] == ["TaglineMaps <everything>Better"]
    done(http, chief, "/catalogue/tools", **filled(after) | {"tagline": "Better"})
    assert http.get(f"/v1/tools/{slug}").json()["tagline"] == "Better"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"slug": "No Slug"}, "lower-case"),
        ({"name": ""}, "1 to 120"),
        ({"category": "x" * 65}, "1 to 64"),
        ({"url": "javascript:alert(1)"}, "http://"),
        ({"url": "https://"}, "http://"),
        ({"plans": "Pro | twelve | mo"}, "name | price"),
        ({"plans": "Pro | nan | mo"}, "name | price"),
        ({"plans": "Pro | -1 | mo"}, "name | price"),
        ({"plans": "\n".join(["Pro"] * 21)}, "20 lines"),
        ({"tagline": "a\u202eb"}, "invisible"),
    ],
)
@pytest.mark.parametrize("sure", ["", "yes"])
def test_what_is_no_entry_is_given_back_with_the_reason(http, chief, wrong, hint, sure):
    slug = unique("atlas")
    answer = sent(http, chief, "/catalogue/tools", **{"slug": slug} | ENTRY | wrong, sure=sure)
    assert answer.status_code == 400
    assert hint in words(one(parsed(answer.text), "p", role="alert"))
    assert http.get(f"/v1/tools/{slug}").status_code == 404


def test_a_tool_is_renamed_after_a_look_at_what_follows(http, chief, tool):
    to = unique("renamed")
    tried = sent(http, chief, f"/catalogue/tools/{tool}/rename", to=to)
    assert tried.status_code == 200
    assert f"/tools/{tool} and every comparison with it lead there for good" in words(
        one(parsed(tried.text), "main")
    )
    assert http.get(f"/tools/{tool}").status_code == 200
    after = done(http, chief, f"/catalogue/tools/{tool}/rename", to=to)
    assert hidden(section(after, "entry"))["slug"] == to
    moved = http.get(f"/tools/{tool}")
    assert (moved.status_code, moved.headers["location"]) == (308, f"/tools/{to}")
    moved = http.get(f"/catalogue/tools/{tool}", headers=chief)
    assert (moved.status_code, moved.headers["location"]) == (308, f"/catalogue/tools/{to}")
    wrong = sent(http, chief, "/catalogue/tools", slug=tool, name="Other", category="Notes")
    assert "leads to" in words(one(parsed(wrong.text), "p", role="alert"))


@pytest.mark.parametrize("sure", ["", "yes"])
def test_a_slug_that_is_taken_is_refused_before_and_after_the_look(http, chief, tool, sure):
    where = f"/catalogue/tools/{tool}/rename"
    assert sent(http, chief, where, to="notion", sure=sure).status_code == 409
    assert sent(http, chief, where, to="No Slug", sure=sure).status_code == 400


def test_a_tool_is_delisted_and_comes_back_with_its_votes(http, chief, tool):
    http.put(f"/v1/tools/{tool}/vote", json={"choice": "ship"})
    tried = sent(http, chief, f"/catalogue/tools/{tool}/delist")
    assert tried.status_code == 200
    assert http.get(f"/tools/{tool}").status_code == 200
    after = done(http, chief, f"/catalogue/tools/{tool}/delist")
    assert "Delisted. Its 1 vote" in words(one(after, "main"))
    assert http.get(f"/tools/{tool}").status_code == 404
    tried = sent(http, chief, "/catalogue/tools", **filled(after))
    assert "It would be listed again" in words(section(parsed(tried.text), "preview"))
    done(http, chief, "/catalogue/tools", **filled(after))
    assert http.get(f"/v1/tools/{tool}/tally").json()["ship"] == 1


def test_the_catalogue_is_in_order_of_names_and_searched(http, chief):
    found: list[str] = []
    path: str | None = "/catalogue"
    while path:
        tree = page(http, path, headers=chief)
        links = named(tree, "a", class_="row-name")
        found += ["".join(named(link, "span")[-1].itertext()) for link in links]
        path = next((link.get("href") for link in named(tree, "a", rel="next")), None)
    names = [name.casefold() for name in found]
    assert names == sorted(names)
    assert len(names) == http.get("/v1/tools", params={"limit": 1}).json()["total"]
    tree = page(http, "/catalogue?q=notin", headers=chief)
    assert "/catalogue/tools/notion" in [link.get("href") for link in named(tree, "a")]


def test_two_admins_do_not_overwrite_each_other(http, chief):
    slug = unique("atlas")
    opened = done(http, chief, "/catalogue/tools", slug=slug, **ENTRY)
    ours, theirs = filled(opened) | {"tagline": "ours"}, filled(opened) | {"tagline": "theirs"}
    ours["read"] = theirs["read"] = hidden(section(opened, "entry"))["read"]
    done(http, chief, "/catalogue/tools", **theirs)
    for sure in ({}, {"sure": "yes"}):  # however late it shows
        answer = sent(http, chief, "/catalogue/tools", **ours, **sure)
        assert answer.status_code == 412
        told = parsed(answer.text)
        assert "Somebody else changed this entry" in words(one(told, "p", role="alert"))
        changes = words(section(told, "preview"))
        assert "theirs" in changes
        assert "ours" in changes
    assert filled(page(http, f"/catalogue/tools/{slug}", headers=chief))["tagline"] == "theirs"
    seen = hidden(section(told, "preview"))
    assert filled(done(http, chief, "/catalogue/tools", **seen))["tagline"] == "ours"


def test_who_lists_a_tool_that_somebody_else_lists_first_is_told(http, chief):
    slug = unique("atlas")
    form = ENTRY | {"slug": slug}
    ours = hidden(section(parsed(sent(http, chief, "/catalogue/tools", **form).text), "preview"))
    done(http, chief, "/catalogue/tools", **form | {"tagline": "theirs"})
    answer = sent(http, chief, "/catalogue/tools", **ours, sure="yes")
    assert answer.status_code == 412
    assert "theirs" in words(section(parsed(answer.text), "preview"))

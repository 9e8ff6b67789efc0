"""`votes ruling` makes, lifts and lists rulings as the API does, and says what one would do."""

import json

import pytest

from tests.e2e.asking import bearer, browser, get, new_tool, unique
from tests.polling import wait_for


@pytest.fixture
def voted_on(live_site):
    """A tool with two votes for ship and one for skip, of users."""
    tool = new_tool(live_site)
    with browser(live_site.url) as http:
        for choice in ("ship", "ship", "skip"):
            who = bearer(live_site, unique("ada"))
            http.put(f"/v1/tools/{tool}/vote", json={"choice": choice}, headers=who)
    return tool


def counts(site, tool):
    said = get(f"{site.url}/v1/tools/{tool}/tally").json()
    return said["ship"], said["skip"], said["discounted"]


def told(site, *arguments):
    done = site.votes("ruling", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rule(site, tool, *options):
    return told(site, "discount", tool, "--reason", "A burst.", *options)


def test_a_ruling_is_tried_made_listed_and_lifted(live_site, voted_on):
    tried = rule(live_site, voted_on, "--preview")
    assert (tried["votes"], tried["tally"]["total"], tried["tally"]["discounted"]) == (3, 0, 3)
    assert voted_on not in [one["tool"] for one in told(live_site, "list")]
    wait_for(lambda: counts(live_site, voted_on) == (2, 1, 0), "the votes to be shown")
    made = rule(live_site, voted_on)
    wait_for(lambda: counts(live_site, voted_on) == (0, 0, 3), "the ruling to be carried out")
    listed = [one for one in told(live_site, "list") if one["id"] == made["id"]]
    assert [(one["tool"], one["votes"], one["reason"]) for one in listed] == [
        (voted_on, 3, "A burst.")
    ]
    lifted = told(live_site, "lift", made["id"])
    assert lifted["changed"]
    assert told(live_site, "lift", made["id"]) == lifted | {"changed": False}
    wait_for(lambda: counts(live_site, voted_on) == (2, 1, 0), "the ruling to be lifted")


def test_it_selects_as_the_api_does(live_site, voted_on):
    past, future = "2026-01-01T00:00:00Z", "2199-01-01T00:00:00Z"
    for options, votes in (
        (("--from", past), 3),
        (("--to", past), 0),
        (("--from", future), 0),
        (("--from", past, "--to", future), 3),
        (("--held",), 0),
    ):
        assert rule(live_site, voted_on, "--preview", *options)["votes"] == votes, options
    reason = ("--reason", "Fine.", "--preview")
    assert told(live_site, "release", voted_on, *reason)["votes"] == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["discount", "no-such-tool"], "Error: There is no tool 'no-such-tool' in the catalogue."),
        (["discount", "TOOL", "--cluster", "abc"], "Error: There is no such cluster"),
        (["release", "TOOL", "--without", "abc", "--preview"], "Error: There is no such cluster"),
        (["lift", "no-such-ruling"], "Error: There is no such ruling."),
        (["lift", "NO"], "Error: There is no such ruling."),
    ],
)
def test_what_there_is_not_is_told_in_one_line(live_site, voted_on, arguments, line):
    given = [voted_on if one == "TOOL" else one for one in arguments]
    reason = [] if given[0] == "lift" else ["--reason", "A burst."]
    done = live_site.votes("ruling", *given, *reason)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_it_speaks_to_people(live_site, voted_on):
    asked = ("ruling", "discount", voted_on, "--reason", "A burst.")
    said = live_site.votes(*asked, "--preview").stdout.splitlines()
    assert said == [
        "3 votes would change. Then 0 votes count:",
        "0 ship, 0 skip; the call is none.",
        "0 are held, 3 discounted. Nothing is stored.",
    ]
    made = live_site.votes(*asked).stdout
    name = made.split()[1]
    assert f" on {voted_on}, made at position " in made
    assert name in live_site.votes("ruling", "list").stdout
    assert live_site.votes("ruling", "lift", name).stdout.startswith(f"ruling {name} is lifted, at")
    assert live_site.votes("ruling", "lift", name).stdout == f"ruling {name} is lifted already\n"

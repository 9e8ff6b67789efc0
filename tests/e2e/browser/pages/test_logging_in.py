"""Logging in and out in a browser, under the pages' own policy: at an issuer on another site and in
a demo, with script and without."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.asking import api_beside, unique
from tests.e2e.browser.conftest import Open, visit
from tests.e2e.browser.looks import KILOBYTES_MAX, NARROW, REQUESTS_MAX, WIDE, cost, faults
from tests.site import Site

pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")


@pytest.fixture(scope="module")
def url(live_site: Site, issuer: Any):
    with api_beside(live_site, **issuer.settings()) as running:
        yield running


@pytest.fixture
def person(person: Open) -> Open:
    """As any, but nothing comes from outside this machine: the issuer's page wants a sheet."""

    def new(**options: Any) -> Any:
        context = person(**options)
        context.route(re.compile("^https://"), lambda route: route.abort())
        return context

    return new


def agree(page: Any, subject: str) -> None:
    """Log in at the issuer, on its own page."""
    page.locator("input[name=sub]").fill(subject)
    page.get_by_role("button", name="Authorize").click()


def account(page: Any) -> Any:
    return page.locator(".account")


@pytest.mark.parametrize("script", [True, False])
def test_a_bookmark_leads_through_the_login_and_is_done(url, issuer, person: Open, tool, script):
    ada = issuer.knows(unique("ada"), name="Ada Lovelace")
    page = visit(person(java_script_enabled=script, viewport=NARROW), f"{url}/tools/{tool}")
    page.get_by_role("link", name=f"Log in and bookmark {tool}").click()
    expect(page).to_have_url(re.compile(re.escape(issuer.url)))
    agree(page, ada)
    expect(page).to_have_url(f"{url}/tools/{tool}#vote")
    bookmark = page.locator("ship-bookmark button")
    expect(bookmark).to_have_attribute("aria-pressed", "true")
    expect(account(page)).to_contain_text("Ada Lovelace")
    bookmark.click()
    expect(bookmark).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("script", [True, False])
def test_somebody_logs_out_here_and_at_the_issuer(url, issuer, person: Open, script):
    page = visit(person(java_script_enabled=script, viewport=WIDE), f"{url}/votes")
    account(page).get_by_role("link", name="Log in").click()
    agree(page, issuer.knows(unique("ada")))
    expect(page).to_have_url(f"{url}/votes")
    account(page).get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{url}/logged-out")
    page.get_by_role("link", name="Log out at localhost").click()
    expect(page).to_have_url(re.compile(f"{re.escape(issuer.url)}/oauth2/end_session"))


def test_its_pages_are_for_everybody_and_small(live_site: Site, url, person: Open):
    for path in (f"{live_site.url}/login", f"{url}/login/back", f"{url}/logged-out"):
        page = visit(person(viewport=NARROW), path)
        spent = cost(page)
        assert len(spent["files"]) <= REQUESTS_MAX
        assert spent["kilobytes"] <= KILOBYTES_MAX
        assert faults(page) == []


def test_a_long_name_takes_no_room_from_others(url, issuer, person: Open):
    page = visit(person(viewport=NARROW), f"{url}/")
    account(page).get_by_role("link", name="Log in").click()
    agree(page, issuer.knows(unique("ada"), name="Wolfeschlegelsteinhausen" * 5, roles=["admin"]))
    expect(page).to_have_url(f"{url}/")
    assert faults(page) == []
    expect(page.get_by_role("link", name="Moderation")).to_be_visible()


def test_one_click_in_a_demo(live_site: Site, person: Open, tool):
    page = visit(person(java_script_enabled=False), f"{live_site.url}/tools/{tool}")
    page.get_by_role("link", name=f"Log in and bookmark {tool}").click()
    page.get_by_role("button", name="A moderator").click()
    expect(page).to_have_url(f"{live_site.url}/tools/{tool}#vote")
    expect(page.locator("ship-bookmark button")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Moderation").click()
    expect(page.locator("h1")).to_contain_text("Moderation")


def test_a_page_of_a_stranger_logs_nobody_in(other_site: Any, url, person: Open):
    other = other_site.show("/lure.html", f'<a href="{url}/login?next=/votes">A present</a>')
    context = person()
    page = visit(context, other.replace("127.0.0.1", "localhost"))
    page.get_by_role("link", name="A present").click()
    expect(page.locator("h1")).to_have_text("Log in")
    assert not [cookie for cookie in context.cookies() if cookie["name"].startswith("login")]

"""The pages of panelists and admins in a browser, with script and without."""

from typing import Any

from playwright.sync_api import expect

from tests.e2e.asking import new_tool, unique
from tests.e2e.browser.conftest import Open, logged_in, visit
from tests.site import Site


def somebody(live_site: Site, person: Open, **options: Any) -> Any:
    """The browser of somebody who may all of it."""
    name, roles = unique("pat"), ("panelist", "admin")
    return logged_in(person(**options), live_site, name, *roles, persona="builder")


def written(page: Any, score: str, choice: str, body: str) -> None:
    page.get_by_label("Score").fill(score)
    page.get_by_label(choice).check()
    page.get_by_label("Review", exact=True).fill(body)


def test_a_draft_waits_in_the_browser_until_it_is_published(live_site: Site, person: Open):
    tool, context = new_tool(live_site), somebody(live_site, person)
    where = f"{live_site.url}/panel/{tool}"
    page = visit(context, where)
    written(page, "64", "Ship", "Half a thought")
    page.close()

    page = visit(context, where)
    body, put_back = page.get_by_label("Review", exact=True), page.get_by_text("is put back")
    expect(put_back).to_be_visible()
    expect(body).to_have_value("Half a thought")
    expect(page.get_by_label("Ship")).to_be_checked()
    page.get_by_role("button", name="Discard it").click()
    expect(body).to_have_value("")
    page.reload()
    expect(put_back).to_be_hidden()

    written(page, "64", "Ship", "A whole thought")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="As all would read it")).to_be_visible()
    page.goto(where)
    expect(body).to_have_value("A whole thought")
    page.locator("#write ~ form").get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Your review is published")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    page.goto(where)
    expect(put_back).to_be_hidden()
    expect(body).to_have_value("A whole thought")
    assert not page.said


def test_a_draft_of_one_persona_is_not_shown_to_another(live_site: Site, person: Open):
    tool, context = new_tool(live_site), somebody(live_site, person)
    page = visit(context, f"{live_site.url}/panel/{tool}")
    written(page, "64", "Ship", "Mine")
    logged_in(context, live_site, unique("pim"), "panelist", persona="skeptic")
    page.reload()
    expect(page.get_by_label("Review", exact=True)).to_have_value("")


def test_without_script_a_review_is_written_and_a_doubt_is_asked_about(
    live_site: Site, person: Open
):
    tool = new_tool(live_site)
    context = somebody(live_site, person, java_script_enabled=False)
    page = visit(context, f"{live_site.url}/panel/{tool}")
    written(page, "10", "Ship", "It sinks.\n\nSlowly.")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("alert")).to_contain_text("Is that what you mean?")
    expect(page.get_by_label("Review", exact=True)).to_have_value("It sinks.\n\nSlowly.")
    page.get_by_role("button", name="Publish all the same").click()
    expect(page.get_by_text("Your review is published")).to_be_visible()


def test_without_script_an_admin_renames_a_tool(live_site: Site, person: Open):
    tool, to = new_tool(live_site), unique("renamed")
    context = somebody(live_site, person, java_script_enabled=False)
    page = visit(context, f"{live_site.url}/catalogue/tools/{tool}")
    page.get_by_label("New address").fill(to)
    page.locator("#rename ~ form").get_by_role("button").click()
    page.get_by_role("button", name="Rename it").click()
    expect(page.get_by_text("Stored.")).to_be_visible()
    page.goto(f"{live_site.url}/tools/{tool}")
    assert page.url == f"{live_site.url}/tools/{to}"

"""What a page of a stranger does in the browser of somebody who votes here: on another port of this
machine, so that the browser sends our cookies with its forms."""

from functools import partial
from typing import Any

from playwright.sync_api import expect

from tests.e2e.browser.conftest import COOKIE, Open, Vote, visit
from tests.e2e.browser.stage import Stage
from tests.polling import wait_for
from tests.site import Site


def shown(stranger: Stage, path: str, body: str) -> str:
    """The address of a page without any policy."""
    stranger.pages[path] = f"<!doctype html><title>A stranger</title>{body}", ""
    return stranger.url + path


def form(live_site: Site, action: str, name: str, value: str) -> str:
    return (
        f'<form method="post" action="{live_site.url}{action}">'
        f'<button name="{name}" value="{value}">Win</button></form>'
    )


def test_its_form_does_not_vote(live_site: Site, stranger: Stage, person: Open, tool: str):
    context = person()
    page = visit(context, f"{live_site.url}/tools/{tool}")
    Vote(page, tool).casts("ship")
    (before,) = context.cookies()
    body = form(live_site, f"/tools/{tool}/vote", "choice", "skip")
    sent = visit(context, shown(stranger, f"/{tool}", body))
    with sent.expect_request("**/vote") as asked:
        sent.locator("button").click()
    headers = asked.value.all_headers()
    assert (headers["sec-fetch-site"], "cookie" in headers) == ("same-site", True)
    expect(sent.locator("main")).to_contain_text("No page of this site sent this")
    assert asked.value.response().status == 403
    assert context.cookies() == [before]
    Vote(page, tool).shows(1, 0, "ship")


def test_its_form_makes_no_visitor(live_site: Site, stranger: Stage, person: Open, tool: str):
    context = person()
    body = form(live_site, f"/tools/{tool}/vote", "choice", "skip")
    sent = visit(context, shown(stranger, f"/new-{tool}", body))
    sent.locator("button").click()
    expect(sent.locator("main")).to_contain_text("No page of this site sent this")
    assert context.cookies() == []


def test_its_form_keeps_no_bookmark(live_site: Site, stranger: Stage, user: Any, tool: str):
    body = form(live_site, f"/tools/{tool}/bookmark", "bookmarked", "yes")
    sent = visit(user, shown(stranger, f"/bookmark-{tool}", body))
    sent.locator("button").click()
    expect(sent.locator("main")).to_contain_text("No page of this site sent this")
    assert [cookie["name"] for cookie in user.cookies()] == [COOKIE]
    assert tool not in visit(user, f"{live_site.url}/bookmarks").content()


READ = """(url) => Promise.all(["cors", "no-cors"].map((mode) =>
  fetch(url, { mode }).then(() => "read", () => "not read")))"""


def test_its_script_reads_nothing(live_site: Site, stranger: Stage, person: Open):
    page = visit(person(), shown(stranger, "/script", ""))
    for path in ("/v1/tools", "/v1/me", "/", "/bookmarks"):
        assert page.evaluate(READ, live_site.url + path) == ["not read", "not read"]


def test_no_page_of_ours_is_framed(live_site: Site, stranger: Stage, person: Open):
    for path in ("/", "/moderation", "/docs", "/v1/tools"):
        body = f'<iframe src="{live_site.url}{path}"></iframe>'
        page = visit(person(), shown(stranger, f"/frame-{len(path)}", body))
        wait_for(partial(_is_refused, page), f"{path} to be framed by nobody")


def _is_refused(page: Any) -> bool:
    """The browser has said so, and shows its own page."""
    shown = page.evaluate("1") and page.frames[1].url.startswith("chrome-error:")
    return shown and any("frame-ancestors" in said for said in page.said)


def test_it_shows_our_pictures(live_site: Site, stranger: Stage, person: Open):
    body = f'<img src="{live_site.url}/og/notion.png">'
    page = visit(person(), shown(stranger, "/picture", body))
    assert page.evaluate("document.images[0].decode().then(() => 'shown')") == "shown"

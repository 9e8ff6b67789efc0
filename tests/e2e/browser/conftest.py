"""A browser, the program that it talks to, and another site that uses the elements."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.e2e.asking import bearer
from tests.e2e.browser.stage import Stage, stage
from tests.e2e.logins.provider import Provider, provider
from tests.mail.post import Post
from tests.polling import LIMIT_S
from tests.site import Site, free_port, site

COOKIE = "session"

Open = Callable[..., Any]
NewPage = Callable[[str], Any]
Measured = Callable[[str], None]
BROWSERS = "chromium-headless-shell", "chromium"
"""Debian's, both with one engine; for the first a new person takes half of the processor time."""
OPTIONS = "--no-sandbox", "--renderer-process-limit=1"
"""The pages of one context share a process: to start one takes longer than most pages."""
WITHOUT_SCRIPT = "matchMedia('(scripting: none)').matches"


@pytest.fixture(scope="session")
def live_site(other_port: int) -> Iterator[Site]:
    origin = f"http://127.0.0.1:{other_port}"
    with site(VOTES_ALLOWED_ORIGINS=origin, VOTES_USER_COOKIE=COOKIE) as running:
        yield running


@pytest.fixture(scope="session")
def other_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def other_site(other_port: int) -> Iterator[Stage]:
    """A site on an origin that may call the API."""
    with stage(other_port) as running:
        yield running


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stage]:
    """A site whose origin may not call the API."""
    with stage(free_port()) as running:
        yield running


@pytest.fixture(scope="session")
def issuer() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture(scope="session")
def post() -> Post:
    """What a server of mails has taken."""
    return Post()


@pytest.fixture(scope="session")
def another_site(issuer: Provider, post: Post) -> Iterator[Site]:
    """A site with a log of its own, a login at an issuer, and mails that go to a server."""
    server = Controller(post, hostname="127.0.0.1", port=free_port())
    server.start()
    port = free_port()
    mails: dict[str, Any] = {
        "VOTES_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
        "VOTES_MAIL_FROM": "news@example.com",
        "VOTES_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    try:
        with site(port=port, **mails, **issuer.settings()) as running:
            yield running
    finally:
        server.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Debian's Chromium. Of this folder, for while it runs no other event loop can."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        pytest.skip("playwright is not installed: THE ELEMENTS ARE NOT TESTED IN A BROWSER")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("there is no chromium: THE ELEMENTS ARE NOT TESTED IN A BROWSER")
    expect.set_options(timeout=1_000 * LIMIT_S)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def person(chromium: Any) -> Iterator[Open]:
    """Opens a browser of somebody new: a context whose pages keep `said`, their complaints."""
    contexts: list[Any] = []

    def new(**options: Any) -> Any:
        context = chromium.new_context(**options)
        context.set_default_timeout(1_000 * LIMIT_S)
        contexts.append(context)
        return context

    yield new
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def newcomer(chromium: Any) -> Iterator[NewPage]:
    """Opens an empty page of somebody new at an origin, instead of the last one: all in one
    context, whose process is started once, emptied of what that origin left in it."""
    context = chromium.new_context()
    context.set_default_timeout(1_000 * LIMIT_S)

    def new(origin: str) -> Any:
        last = context.pages
        page = context.new_page()  # before the last one is closed, and the process with it
        for other in last:
            other.close()
        context.clear_cookies()
        devtools = context.new_cdp_session(page)
        everything = {"origin": origin, "storageTypes": "all"}
        devtools.send("Storage.clearDataForOrigin", everything)
        devtools.send("Network.enable")
        devtools.send("Network.clearBrowserCache")
        for disabled in (True, False):  # to disable it empties what the process keeps of files
            devtools.send("Network.setCacheDisabled", {"cacheDisabled": disabled})
        devtools.detach()
        return page

    yield new
    context.close()


@pytest.fixture
def user(live_site: Site, person: Open) -> Any:
    """The browser of a logged-in user, who may moderate too."""
    return logged_in(person(), live_site, "ada", "moderator")


def logged_in(context: Any, live_site: Site, subject: str, *roles: str, **claims: Any) -> Any:
    """The browser, in which somebody is logged in at the site now."""
    token = bearer(live_site, subject, *roles, **claims)["Authorization"].removeprefix("Bearer ")
    context.add_cookies([{"name": COOKIE, "value": token, "url": live_site.url}])
    return context


def visit(context: Any, url: str) -> Any:
    """A page; `page.said` holds what it complains of, `page.asked` what it asked for, and
    `page.upgraded` which elements do what they are for: without script all, as forms."""
    return shown(context.new_page(), url)


def shown(page: Any, url: str) -> Any:
    """What `visit` does, in an empty page."""
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.extend([request]))
    page.goto(url)
    page.upgraded = "" if page.evaluate(WITHOUT_SCRIPT) else ":defined"
    return page


class Vote:
    """A <ship-vote> on a page."""

    def __init__(self, page: Any, tool: str) -> None:
        self.element = page.locator(f'ship-vote[tool="{tool}"]{page.upgraded}').first
        self.ship = self.element.locator('[part~="ship"]')
        self.skip = self.element.locator('[part~="skip"]')
        self.caption = self.element.locator('[part~="caption"]')
        self.status = self.element.locator('[part~="status"]')

    def casts(self, choice: str) -> None:
        """Press, and wait until the vote is kept."""
        from playwright.sync_api import expect

        getattr(self, choice).click()
        expect(self.status).to_have_text(f"Your vote: {choice}")

    def shows(self, ship: int, skip: int, mine: str | None = None) -> None:
        """Wait until it does."""
        from playwright.sync_api import expect

        expect(self.ship.locator('[part="count"]')).to_have_text(str(ship))
        expect(self.skip.locator('[part="count"]')).to_have_text(str(skip))
        for choice, button in (("ship", self.ship), ("skip", self.skip)):
            expect(button).to_have_attribute("aria-pressed", str(choice == mine).lower())

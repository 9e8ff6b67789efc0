"""The weekly mail, from the sign-up on a comparison to its end: the mails are read from the server
that got them, and what their links lead to is a page."""

import re
from email.message import EmailMessage
from typing import Any

from playwright.sync_api import expect

from tests.e2e.asking import request, unique
from tests.e2e.browser.conftest import Open, visit
from tests.e2e.pages.reading import PAIR
from tests.mail.post import Post
from tests.polling import wait_for
from tests.site import Site


def mail_to(post: Post, address: str, number: int) -> EmailMessage:
    """The mail with this number that the server got for the address; there is no later one."""

    def mails() -> list[EmailMessage]:
        return [mail for to, mail in list(post.taken) if to == address]

    wait_for(lambda: len(mails()) >= number, f"{number} mails to {address}")
    (*_, last) = mails()
    assert len(mails()) == number
    return last


def link(mail: EmailMessage, path: str) -> str:
    """The address in its text that begins with the path."""
    text = mail.get_body(["plain"])
    assert text is not None
    found = re.search(rf"http://\S+{path}\S+", text.get_content())
    assert found is not None
    return found[0]


def test_from_a_comparison_to_the_one_click(another_site: Site, post: Post, person: Open):
    """Of two readers, one without script: a week has one mail, and it is sent once."""
    readers = {f"{unique('reader')}@example.com": script for script in (True, False)}
    pages = {
        address: visit(person(java_script_enabled=script), f"{another_site.url}{PAIR}")
        for address, script in readers.items()
    }
    for address, page in pages.items():
        _signs_up(page, post, address)
        _chooses(page)
    sent = another_site.votes("digest", "--now", "--json")
    assert sent.returncode == 0, sent.stderr
    for address, page in pages.items():
        _ends_it_by_one_click(page, mail_to(post, address, 2))
        page.goto(f"{another_site.url}{PAIR}")
        _signs_up(page, post, address, before=2)
        page.get_by_role("button", name="Unsubscribe").click()
        expect(page.locator("h1")).to_have_text("You get no more mails")


def _ends_it_by_one_click(page: Any, weekly: EmailMessage) -> None:
    """As the program that shows the mail does (RFC 8058)."""
    page.goto(link(weekly, "/digest/preferences/"))
    expect(page.get_by_label("New tools")).not_to_be_checked()
    assert weekly["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    one_click = weekly["List-Unsubscribe"].strip("<>")
    ended = request("POST", one_click, data={"List-Unsubscribe": "One-Click"})
    assert ended.status_code == 200
    page.reload()
    expect(page.get_by_text("This link has ended: sign up once more.")).to_be_visible()


def _signs_up(page: Any, post: Post, address: str, before: int = 0) -> None:
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Sign up").click()
    expect(page.locator("h1")).to_have_text("Look into your mail")
    asked = mail_to(post, address, before + 1)
    assert asked["Subject"] == "Please confirm: the weekly mail of Ship or skip"
    page.goto(link(asked, "/digest/confirm/"))
    expect(page.locator("h1")).to_have_text("One more click")
    page.get_by_role("button", name="Yes, send it to me").click()
    expect(page.locator("h1")).to_have_text("You get the weekly mail")


def _chooses(page: Any) -> None:
    page.get_by_label("New tools").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Saved")
    page.reload()
    expect(page.get_by_label("New tools")).not_to_be_checked()
    expect(page.get_by_label("Verdicts that changed")).to_be_checked()

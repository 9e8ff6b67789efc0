"""The weekly mail, from the sign-up to the one click that ends it, by forms and by the API."""

import email
import email.policy
import re

import pytest

from tests.e2e.asking import api_beside, browser, request, unique
from tests.polling import wait_for
from tests.site import SAME_ORIGIN

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def mails_to(site, address):
    """The mails of the demo's folder, oldest first."""
    files = sorted((site.data_dir / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime)
    read = (
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files
    )
    return [mail for mail in read if mail["To"] == address]


def token_for(site, address):
    (mail,) = wait_for(lambda: mails_to(site, address), f"a mail to {address}")
    text = mail.get_body(["plain"]).get_content()
    link = re.search(r"(http://\S+)/digest/confirm/(\S+)", text)
    assert link is not None
    assert link[1] == site.url
    return link[2]


@pytest.fixture
def address():
    return f"{unique('reader')}@example.com"


def signed_up(site, http, address):
    answer = http.post(
        f"{site.url}/digest", data={"email": address}, headers=SAME_ORIGIN, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/digest?asked=yes")
    return token_for(site, address)


def test_from_the_sign_up_to_the_one_click_that_ends_it(live_site, http, address):
    assert 'action="/digest"' in http.get("/").text
    token = signed_up(live_site, http, address)
    page = f"/digest/confirm/{token}"
    for _ in range(3):  # a scanner of mails opens every link
        assert "One more click" in http.get(page).text
    assert (
        "You get the weekly mail"
        in http.post(page, headers=SAME_ORIGIN, follow_redirects=True).text
    )
    sent = live_site.votes("digest", "--now", "--json")
    assert sent.returncode == 0, sent.stderr
    _, weekly = wait_for(
        lambda: mails_to(live_site, address)[1:] and mails_to(live_site, address), "the weekly mail"
    )
    assert weekly["Message-ID"].startswith("<20")
    assert weekly["List-Unsubscribe"] == f"<{live_site.url}/digest/unsubscribe/{token}>"
    ended = request("POST", weekly["List-Unsubscribe"].strip("<>"), data=ONE_CLICK)
    assert ended.status_code == 200
    assert http.get(f"/digest/preferences/{token}").status_code == 404
    unsubscribe = f"{live_site.url}/digest/unsubscribe/{token}"
    assert request("POST", unsubscribe, data=ONE_CLICK).status_code == 200


def test_a_reader_chooses_the_parts(live_site, http, address):
    token = signed_up(live_site, http, address)
    http.post(f"/digest/confirm/{token}", headers=SAME_ORIGIN)
    page = f"/digest/preferences/{token}"
    saved = http.post(page, data={"new": "on"}, headers=SAME_ORIGIN, follow_redirects=True)
    assert re.findall(r'name="(\w+)" checked', saved.text) == ["new"]
    refused = http.post(page, data={"all": "on"}, headers=SAME_ORIGIN)
    assert refused.status_code == 400
    assert 'name="new" checked' in http.get(page).text


def test_the_answer_is_the_same_for_a_known_address(live_site, http, address):
    asked = [http.post("/v1/digest/subscriptions", json={"email": address}) for _ in range(2)]
    token = token_for(live_site, address)
    http.post(f"/digest/confirm/{token}", headers=SAME_ORIGIN)
    asked.append(http.post("/v1/digest/subscriptions", json={"email": address.upper()}))
    assert {(answer.status_code, answer.content) for answer in asked} == {(202, b"")}
    assert len(mails_to(live_site, address)) == 1


def test_the_mails_of_a_german_sign_up_are_german(live_site, http, address):
    http.post("/de/digest", data={"email": address}, headers=SAME_ORIGIN)
    (mail,) = wait_for(lambda: mails_to(live_site, address), f"a mail to {address}")
    assert mail["Subject"] == "Bitte bestätigen: die Wochenmail von Ship or skip"
    text = mail.get_body(["plain"]).get_content()
    link = re.search(r"http://\S+(/de/digest/confirm/\S+)", text)
    assert link is not None
    assert 'lang="de"' in http.get(link[1]).text


@pytest.mark.parametrize(
    "text", ["", "ada", "ada@", "a@b.co\nBcc: c@d.co", "a@b.co, c@d.co", "<a@b.co>"]
)
def test_what_is_no_address_is_refused(http, text):
    answer = http.post("/v1/digest/subscriptions", json={"email": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


def test_a_form_of_another_site_signs_nobody_up(http, address):
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert http.post("/digest", data={"email": address}, headers=headers).status_code == 403


def test_without_a_server_of_mails_the_form_is_not_there(live_site):
    with api_beside(live_site, VOTES_SMTP_URL="") as url, browser(url) as http:
        assert 'action="/digest"' not in http.get("/").text
        answer = http.post("/v1/digest/subscriptions", json={"email": "ada@example.com"})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_mail")
        assert http.get("/digest").status_code == 404


def test_a_preview_shows_the_mail(live_site, tmp_path):
    file = tmp_path / "mail.html"
    shown = live_site.votes("digest", "--preview", "--html", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "NEXT TO COMPARE" in shown.stdout
    assert "prefers-color-scheme" in file.read_text()

"""A mail as its reader gets it."""

import email
import email.policy
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import convert
from msgspec.structs import replace

from tests.languages.pseudo import CLOSE, OPEN, TAG, write_pseudo
from tests.mail.post import DIGEST, LETTERS, TIME
from votes.app.digest import Close, Compared, Flipped, Listed
from votes.http.addresses import checked_address
from votes.http.errors import Refused
from votes.languages import languages_of
from votes.mail.letters import LABELS
from votes.site.verdicts import Verdict, look
from votes.store.subscriptions import PARTS, Due

DUE = Due("x" * 22, "ada@example.com", PARTS, "en", confirmed=True, asked_at=TIME, tries=0)
HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "Auto-Submitted", "MIME-Version", "Content-Type"),
]


def read(letter):
    return email.message_from_bytes(letter.content, policy=email.policy.default)


def texts(letter):
    mail = read(letter)
    return [mail.get_body([kind]).get_content() for kind in ("plain", "html")]


def test_it_says_the_same_as_text_and_as_html():
    for text in texts(LETTERS.weekly(DIGEST, DUE, TIME)):
        for said in (
            "Alpha",
            "Beta",
            "Does things.",
            "Too early",
            "Ship",
            "/compare/alpha-vs-beta",
        ):
            assert said in text
        for page in ("preferences", "unsubscribe"):
            assert f"https://votes.example.com/digest/{page}/{DUE.token}" in text


@pytest.mark.parametrize("part", PARTS)
def test_a_reader_gets_the_parts_that_they_chose(part):
    digest = replace(DIGEST, close=[])
    rest = [each for each in PARTS if each != part]
    text, _ = texts(LETTERS.weekly(digest, replace(DUE, parts=rest), TIME))
    said = {"new": "NEW TOOLS", "flipped": "CHANGED", "close": "CLOSEST", "next": "NEXT TO"}
    assert said[part] not in text
    assert all(said[each] in text for each in rest if each != "close")


def test_who_wants_only_what_does_not_exist_gets_no_mail():
    assert LETTERS.weekly(replace(DIGEST, close=[]), replace(DUE, parts=["close"]), TIME) is None


@given(st.text(), st.text(), st.text(alphabet="\r\n:.<>@ aB\x00", max_size=30))
def test_no_text_of_a_tool_gets_into_a_header(name, tagline, odd):
    digest = replace(
        DIGEST,
        new=[Listed("a", odd + name, tagline)],
        flipped=[Flipped("b", name + odd, "panel", "pending", "ship")],
    )
    assert read(LETTERS.weekly(digest, DUE, TIME)).keys() == HEADERS


@given(
    st.text('\r\n:.<>@,;"() aB\x00\u00e9', max_size=20),
    st.sampled_from(["", "@b.co", "@\u00e9.de\r\n"]),
)
@example("a\r\nBcc: b@b.co\r\n", "@b.co")
@example("A", "@\u00c9.de")
def test_what_is_taken_as_an_address_is_one(odd, host):
    try:
        address = checked_address(odd + host)
    except Refused:
        return
    letter = LETTERS.weekly(DIGEST, replace(DUE, address=address), TIME)
    mail = read(letter)
    assert mail.keys() == HEADERS
    assert [each.addr_spec for each in mail["To"].addresses] == [address]
    assert letter is not None
    assert letter.to == address


def test_names_are_text_in_html():
    hostile = replace(DIGEST, new=[Listed("a", "<script>alert(1)</script>", '"><img src=x>')])
    _, html = texts(LETTERS.weekly(hostile, DUE, TIME))
    assert "<script" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("language", "root", "unsaid", "subject"),
    [("de", "/de", "This week: 1", "Diese Woche: 1"), ("xx", "", "Diese Woche", "This week: 1")],
)
def test_it_is_in_the_language_of_the_sign_up_while_there_is_one(language, root, unsaid, subject):
    due = replace(DUE, language=language)
    letter = LETTERS.weekly(DIGEST, due, TIME)
    assert read(letter)["Subject"].startswith(subject)
    for text in texts(letter):
        assert unsaid not in text
        for path in (f"/digest/preferences/{due.token}", "/tools/alpha", "/compare/alpha-vs-beta"):
            assert f"https://votes.example.com{root}{path}" in text
    assert f'<html lang="{language if root else "en"}"' in texts(letter)[1]


def test_no_word_of_a_mail_is_left_in_english(tmp_path):
    letters = replace(LETTERS, languages=languages_of(write_pseudo(tmp_path)))
    close = [Close("gamma", "3", 4, 5)]
    digest = replace(
        DIGEST,
        new=[Listed("alpha", "1", "2")],
        new_total=9,
        flipped=[Flipped("beta", "6", "panel", "pending", "ship")],
        flipped_total=9,
        close=close,
        next=Compared("7", "8", "/compare/alpha-vs-beta"),
    )
    due = replace(DUE, language=TAG)
    for letter in (letters.weekly(digest, due, TIME), letters.confirmation(due, TIME)):
        subject = read(letter)["Subject"]
        text, html = texts(letter)
        body = html[html.index("<body") :]
        for said in (subject, text, re.sub(r"<[^>]+>|&rarr;", " ", body)):
            left = re.sub(r"https://\S+|novembro|ship\s+or\s+skip", " ", said)
            while OPEN in left:
                left = re.sub(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", " ", left)
            assert not re.findall(r"[^\W\d_]{2,}", left), said


def test_it_has_the_words_of_the_pages():
    assert {verdict: look(convert(verdict, Verdict)).label for verdict in LABELS} == LABELS

"""The session that a login begins: a cookie that only we can make, for a limited time."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from votes.config import Config
from votes.domain.terms import PersonaSlug
from votes.http.logins.sessions import (
    ENDED_SHOWN,
    LIFETIME,
    LIFETIME_WITH_ROLE,
    ROLES,
    Sessions,
    Signed,
    _Session,
)
from votes.http.logins.tokens import User
from votes.resources import now
from votes.site.forms import is_local

OLD, NEW = b"an older key of the cookies", b"a newer key of the cookies"
ISSUER = "https://login.example.com"
CONFIG = Config(secret_keys=(OLD,), oidc_issuer=ISSUER)
ADA = User("ada", frozenset({"panelist"}), PersonaSlug("builder"), "Ada")
roles = st.frozensets(st.sampled_from(["admin", "moderator", "panelist", "service", "root"]))


def begun(user: User = ADA, at: datetime | None = None, config: Config = CONFIG) -> str:
    return Sessions(config).begin(user, at or now())[0]


@given(roles, st.none() | st.just(PersonaSlug("builder")), st.none() | st.just("Ada"))
def test_it_says_who_somebody_is_with_the_roles_of_a_session(roles, persona, name):
    found = Sessions(CONFIG).user(begun(User("ada", roles, persona, name)), now())
    kept = persona if "panelist" in roles else None
    assert found == User("ada", roles & ROLES, kept, name)


def test_keys_rotate():
    newer = replace(CONFIG, secret_keys=(NEW, OLD))
    assert Sessions(newer).user(begun(), now()) == ADA
    assert Sessions(replace(CONFIG, secret_keys=(NEW,))).user(begun(), now()) is None
    assert Sessions(CONFIG).user(begun(config=newer), now()) is None


@pytest.mark.parametrize(("user", "lifetime"), [(User("bob"), LIFETIME), (ADA, LIFETIME_WITH_ROLE)])
def test_it_ends(user, lifetime):
    text, kept_s = Sessions(CONFIG).begin(user, now() - lifetime - timedelta(seconds=1))
    assert Sessions(CONFIG).user(text, now()) is None
    assert kept_s == (lifetime + ENDED_SHOWN).total_seconds()
    assert (
        Sessions(CONFIG).user(begun(user, now() - lifetime + timedelta(minutes=1)), now()) == user
    )


def test_one_that_is_remembered_ends_too():
    sessions, text = (
        Sessions(CONFIG),
        begun(ADA, now() - LIFETIME_WITH_ROLE + timedelta(seconds=60)),
    )
    assert sessions.user(text, now()) == sessions.user(text, now()) == ADA
    sessions._signed = Signed((b"another",), "session", _Session)  # what is remembered is not asked
    assert sessions.user(text, now()) == ADA
    assert sessions.user(text, now() + timedelta(seconds=61)) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(CONFIG, oidc_issuer="https://other.example.com"),
        replace(CONFIG, oidc_issuer=None),
        replace(CONFIG, oidc_issuer=None, demo_login=True),
    ],
)
def test_it_is_of_one_issuer_alone(other):
    assert Sessions(other).user(begun(), now()) is None


def test_a_session_of_a_demo_is_none_elsewhere():
    demo = Config(secret_keys=(OLD,), demo_login=True)
    text = begun(config=demo)
    assert Sessions(demo).user(text, now()) == ADA
    assert Sessions(Config(secret_keys=(OLD,))).user(text, now()) is None
    assert Sessions(CONFIG).user(text, now()) is None


@given(st.integers(0, 1_000), st.characters(codec="latin-1"))
def test_nothing_of_it_can_be_changed(place, letter):
    text = begun(at=datetime(2090, 1, 1, tzinfo=UTC))
    place %= len(text)
    bent = text[:place] + letter + text[place + 1 :]
    assert Sessions(CONFIG).user(bent, now()) in (
        (ADA, None) if place == len(text) - 1 else (None,)
    ) or (bent == text)


@given(st.text())
def test_anything_else_is_nobody(text):
    assert Sessions(CONFIG).user(text, now()) is None


def test_what_is_signed_for_one_purpose_is_nothing_for_another():
    said = _Session(ISSUER, "ada", 2**33)
    other = Signed(CONFIG.secret_keys, "login", _Session).sign(said, now() + timedelta(days=1))
    assert Sessions(CONFIG).user(other, now()) is None


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"/[/\\.a-z@:#?\t]{0,6}"))
def test_a_way_back_never_leaves_this_site(path):
    if is_local(path):
        for base in ("https://here.example/", "http://here.example/a/b"):
            assert urlsplit(urljoin(base, path)).netloc == "here.example"
        assert not path.startswith(("//", "/\\"))
        assert path.isascii()
        assert path.isprintable()

"""Mails to a real server, and what it says to them."""

from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from tests.mail.post import DIGEST, LETTERS, WEEK, Post, readers, serving, written
from votes.mail.delivery import deliver
from votes.mail.sending import Folder, NoServer, mailer_of
from votes.store.subscriptions import Subscriptions


@pytest.fixture
def subscriptions(store):
    return Subscriptions(store)


@pytest.fixture
def post():
    return Post()


@pytest.fixture
async def mailer(post):
    async with serving(post) as url:
        yield mailer_of(url)


async def test_who_signs_up_is_asked_once_and_gets_nothing_before_the_answer(
    subscriptions, post, mailer
):
    await subscriptions.subscribe("ada@example.com", "en")
    await subscriptions.subscribe("Ada@Example.com", "en")
    assert await deliver(subscriptions, mailer, LETTERS) == 1
    assert await written(subscriptions) == 0
    assert await deliver(subscriptions, mailer, LETTERS) == 0
    assert post.mails == {"ada@example.com": 1}
    (_, mail), *_ = post.taken
    assert mail["Subject"] == "Please confirm: the weekly mail of Ship or skip"


async def test_a_week_has_one_mail_for_each_reader(subscriptions, store, post, mailer):
    addresses = await readers(subscriptions, store, 12)
    assert await written(subscriptions) == 12
    assert await written(subscriptions) == 0
    assert await deliver(subscriptions, mailer, LETTERS) == 12
    assert await deliver(subscriptions, mailer, LETTERS) == 0
    assert post.mails == dict.fromkeys(addresses, 1)
    assert await written(subscriptions, replace(DIGEST, week="2026-W49")) == 12
    assert await deliver(subscriptions, mailer, LETTERS) == 12


async def test_headers_let_a_reader_end_it_with_one_click(subscriptions, store, post, mailer):
    await readers(subscriptions, store, 1)
    await written(subscriptions)
    await deliver(subscriptions, mailer, LETTERS)
    ((_, mail),) = post.taken
    link = mail["List-Unsubscribe"].strip("<>")
    assert link.startswith("https://votes.example.com/digest/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"].startswith(f"<{WEEK}.")
    assert mail["Message-ID"].endswith("@votes.example.com>")
    token = link.rpartition("/")[2]
    assert token not in mail["Message-ID"]
    await subscriptions.unsubscribe(token)
    assert (await subscriptions.counts()).confirmed == 0


@pytest.mark.parametrize(
    ("says", "bounced"),
    [
        ("550 5.1.1 No such user", 1),
        ("551 gone", 1),
        ("550 No such user here", 1),
        ("550 5.7.1 We do not relay for you", 0),
        ("550 relay not permitted", 0),
        ("530 Authentication required", 0),
        ("553 5.1.8 Your own domain is unknown", 0),
        ("552 5.2.2 The mailbox is full", 0),
        ("450 4.2.1 Come back later", 0),
    ],
)
async def test_an_address_bounces_if_nobody_is_there(
    subscriptions, store, post, mailer, says, bounced
):
    refused, taken = await readers(subscriptions, store, 2)
    post.refused[refused] = says
    await written(subscriptions)
    assert await deliver(subscriptions, mailer, LETTERS) == 1
    assert post.mails == {taken: 1}
    counts = await subscriptions.counts()
    assert (counts.bounced, counts.due, counts.later) == (bounced, 0, 1 - bounced)
    await written(subscriptions, replace(DIGEST, week="2026-W49"))
    post.refused.clear()
    assert await deliver(subscriptions, mailer, LETTERS) == 2 - bounced


async def test_a_mail_that_the_server_does_not_take_at_its_end_is_tried_again(
    subscriptions, store, post, mailer
):
    await readers(subscriptions, store, 1)
    await written(subscriptions)
    post.ends = ["451 4.3.0 No space"]
    assert await deliver(subscriptions, mailer, LETTERS) == 0
    assert post.mails == {}
    assert (await subscriptions.counts()).later == 1


async def test_without_a_server_nothing_is_lost(subscriptions, store, post):
    await readers(subscriptions, store, 3)
    await written(subscriptions)
    async with serving(post) as url:
        pass
    with pytest.raises(NoServer):
        await deliver(subscriptions, mailer_of(url), LETTERS, timedelta(0))
    async with serving(post) as url:
        assert await deliver(subscriptions, mailer_of(url), LETTERS) == 3


async def test_what_was_claimed_too_long_ago_is_not_sent(subscriptions, store, post, mailer):
    """Somebody else may have sent it."""
    await readers(subscriptions, store, 1)
    await written(subscriptions)
    with pytest.raises(NoServer, match="too long"):
        await deliver(subscriptions, mailer, LETTERS, timedelta(0))
    assert post.mails == {}


async def test_a_demo_keeps_mails_in_a_folder(subscriptions, store, tmp_path):
    await readers(subscriptions, store, 2)
    await written(subscriptions)
    assert await deliver(subscriptions, Folder(tmp_path / "mail"), LETTERS) == 2
    assert len(list((tmp_path / "mail").glob(f"{WEEK}.*.eml"))) == 2


async def test_an_address_is_stored_encrypted_and_can_be_removed(subscriptions, config):
    await subscriptions.subscribe("canary@example.com", "en")
    owner = await asyncpg.connect(config.migration_url)
    try:
        (row,) = await owner.fetch("SELECT * FROM subscriptions")
    finally:
        await owner.close()
    assert "canary" not in repr(tuple(row.values()))
    assert await subscriptions.forget("CANARY@example.com")
    assert not await subscriptions.forget("canary@example.com")

"""`votes digest`: the weekly mail."""

import asyncio
from pathlib import Path

import click
import msgspec
import uvloop
from msgspec import Struct

from votes.app.digest import week_of
from votes.cli.settings import data_dir_option, json_option, with_servers
from votes.config import Config
from votes.languages import ENGLISH
from votes.mail.sending import NoServer
from votes.mail.weekly import weekly_mail, write_weekly_mail
from votes.resources import event_store, now
from votes.store.connections import COMMANDS, REPORTS, WORKER
from votes.store.subscriptions import PARTS, Counts, Due, Subscriptions
from votes.wiring import MAIL_POLL_S, letters, read_model_store, send_mails

READER = "the-token-of-the-reader"


class Sent(Struct, frozen=True):
    """`written` is how many get the mail of the week, if it was written now; `sent` how many mails
    were sent from here, and `waiting` how many the worker is to send."""

    week: str
    written: int
    sent: int
    waiting: int


@click.command()
@click.option("--preview", is_flag=True, help="Print the mail as it would be now.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the mail as it would be now to this file, for a browser.",
)
@click.option("--now", "at_once", is_flag=True, help="Write this week's mail now, and send it.")
@click.option("--forget", metavar="ADDRESS", help="Remove the address of a reader.")
@data_dir_option
@json_option
def digest(
    preview: bool,
    html: Path | None,
    at_once: bool,
    forget: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """The weekly mail: without options, how many get it.

    The worker writes it on Mondays and sends it. With --now it is written now, and sent from here
    if VOTES_SMTP_URL and VOTES_PUBLIC_URL are set here; otherwise the worker sends it. A week has
    one mail, so it gets no second one.
    """
    if sum(map(bool, (preview or html, at_once, forget))) > 1:
        raise click.UsageError("one of --preview (or --html), --now and --forget")
    with with_servers("votes digest", data_dir, redis=bool(preview or html or at_once)) as config:
        if preview or html:
            text, page = asyncio.run(_rendered(config))
            if html:
                html.write_text(page)
            if preview:
                click.echo(text)
        elif at_once:
            _print_sent(uvloop.run(_send(config)), as_json)
        elif forget:
            removed = asyncio.run(_forget(config, forget))
            click.echo("removed" if removed else "this address is not stored")
        else:
            _print_counts(asyncio.run(_counts(config)), as_json)


async def _rendered(config: Config) -> tuple[str, str]:
    """The mail of now as text and HTML, with links of nobody."""
    at = now()
    async with event_store(config, REPORTS) as store, read_model_store(config) as read_models:
        mail = await weekly_mail(store, read_models, at)
    due = Due(READER, "reader@example.com", PARTS, ENGLISH, confirmed=True, asked_at=at, tries=0)
    return letters(config).weekly_texts(mail, due)


async def _send(config: Config) -> Sent:
    at, sent, here = now(), 0, bool(config.smtp_url and config.public_url)
    async with event_store(config, WORKER) as store, read_model_store(config) as read_models:
        written = await write_weekly_mail(store, read_models, at)
        subscriptions = Subscriptions(store)
        while here and (await subscriptions.counts()).due:
            try:
                sent += await send_mails(config, store)
            except NoServer as error:
                raise click.ClickException(f"VOTES_SMTP_URL: {error}") from error
            if (await subscriptions.counts()).due:  # a sender that died has claimed them
                await asyncio.sleep(MAIL_POLL_S)
        counts = await subscriptions.counts()
    return Sent(week_of(at), written, sent, counts.due + counts.later)


async def _forget(config: Config, address: str) -> bool:
    async with event_store(config, COMMANDS) as store:
        return await Subscriptions(store).forget(address)


async def _counts(config: Config) -> Counts:
    async with event_store(config, REPORTS) as store:
        return await Subscriptions(store).counts()


def _print_sent(sent: Sent, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(sent))
        return
    click.echo(f"week {sent.week}: {sent.written} get the mail that was written now")
    click.echo(f"{sent.sent} mails were sent from here, the worker is to send {sent.waiting}")


def _print_counts(counts: Counts, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(counts))
        return
    click.echo(f"{counts.confirmed} get the weekly mail")
    click.echo(f"{counts.unconfirmed} have not confirmed, {counts.bounced} bounced")
    click.echo(f"{counts.due + counts.later} mails are to be sent")

"""`votes explain`: why a tally is what it is."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import msgspec

from votes.app.catalogue import tools as catalogue
from votes.app.moderation import explanation
from votes.app.moderation.explanation import Explanation, RulingTold
from votes.app.moderation.queue import WHY
from votes.cli.settings import data_dir_option, json_option, with_servers
from votes.config import Config
from votes.domain.terms import ToolSlug
from votes.resources import event_store
from votes.store.connections import REPORTS

CALLS = {
    "none": "There is no vote yet.",
    "too_early": "It is too early for a call.",
    "ship": "The call is ship.",
    "skip": "The call is skip.",
    "split": "The call is split.",
}


@click.command()
@click.argument("tool")
@data_dir_option
@json_option
def explain(tool: str, data_dir: Path | None, as_json: bool) -> None:
    """Say from the log why the tally of TOOL is what it is: which votes count, which do not, and
    why. Names nobody."""
    with with_servers("votes explain", data_dir, redis=False) as config:
        explanation = asyncio.run(_explain(config, tool))
    click.echo(msgspec.json.encode(explanation) if as_json else "\n".join(_lines(explanation)))


async def _explain(config: Config, slug: ToolSlug) -> Explanation:
    async with event_store(config, REPORTS) as store:
        tool = (await catalogue.ids(store, None, [slug])).get(slug)
        if tool is None:
            raise click.ClickException(f"There is no tool {slug!r} in the catalogue.")
        current = (await catalogue.slugs(store, None, [tool])).get(tool, slug)
        return await explanation.explain(store, tool, current)


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.tool}, counted from the log up to position {explanation.position}"
    yield ""
    ship, skip = explanation.ship, explanation.skip
    yield f"{ship + skip} votes count: {ship} ship, {skip} skip."
    yield CALLS[explanation.call]
    if explanation.under_review:
        yield "It is under review: many votes are held, and nothing close is called meanwhile."
    for why, number in sorted(explanation.against.items()):
        yield f"{number} {WHY[why]}"
    yield (
        f"Cast by visitors: {explanation.visitors}; by users: {explanation.users};"
        f" on behalf of others: {explanation.on_behalf}; imported: {explanation.imported}."
    )
    if explanation.first_vote_at is not None and explanation.last_vote_at is not None:
        first, last = _time(explanation.first_vote_at), _time(explanation.last_vote_at)
        yield f"The first was cast at {first}, the last at {last}."
    for burst in explanation.bursts:
        yield (
            f"From {_time(burst.start)} to {_time(burst.end)} {burst.new} of {burst.votes} votes"
            " were of new voters, more than on other tools."
        )
    for cluster in explanation.clusters:
        yield (
            f"Cluster {cluster.id}: {cluster.voters} voters in lockstep, here with {cluster.ship}"
            f" ship and {cluster.skip} skip, most from {_time(cluster.start)} to"
            f" {_time(cluster.end)}."
        )
    yield ""
    yield "Rulings, oldest first:" if explanation.rulings else "There are no rulings."
    for ruling in explanation.rulings:
        yield from _of_ruling(ruling)


def _of_ruling(ruling: RulingTold) -> Iterator[str]:
    selector = ruling.selector
    words = [ruling.verdict, "held votes" if selector.held else "votes"]
    if selector.start is not None:
        words.append(f"from {_time(selector.start)}")
    if selector.end is not None:
        words.append(f"before {_time(selector.end)}")
    if selector.cluster is not None:
        words.append(f"of cluster {selector.cluster}")
    if selector.without:
        words.append(f"without those of {', '.join(selector.without)}")
    yield f"  {_time(ruling.made_at)}  {' '.join(words)}, ruling {ruling.id}"
    yield f"    because: {ruling.reason}"
    if ruling.lifted_at is not None:
        yield f"    lifted at {_time(ruling.lifted_at)}"
    left = "" if ruling.carried_out else ", and a worker is not done"
    yield f"    stands on {ruling.votes} votes{left}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

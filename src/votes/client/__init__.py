"""A client in Python: `async with Votes("https://votes.example.com") as votes: …`.

One method for each operation of the API, named by its operation id in snake case, with the API's
own types. Failed requests are retried: reads always, writes because each has its own idempotency
key, so that a repetition has the result of the first try.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import altcha
import httpx
import msgspec

from votes.app.catalogue.cohorts import CohortsView
from votes.app.catalogue.responses import (
    ComparedView,
    CompareView,
    ReviewsView,
    Suggestion,
    SuggestionsView,
    SummaryView,
    TalliesView,
    ToolsPage,
)
from votes.app.catalogue.reviewing import MyReviewsPage, RevisionsView, UnreviewedPage
from votes.app.catalogue.trend import TrendView
from votes.app.moderation.queue import LinkTold, PreviewView, QueuePage, RulingsPage, RulingView
from votes.app.my_responses import MyData, MyVotesPage, ToolState, VoteView
from votes.app.shapes import (
    Alive,
    ChallengeView,
    LinkView,
    MeView,
    Ready,
    RenameWritten,
    ReviewWritten,
    ToolWritten,
    VisitorView,
)
from votes.client.bookmarks import Bookmarks
from votes.client.events import LiveEvent, events
from votes.client.transport import RETRIED, ProblemError, problem_of
from votes.domain.moderation.ruling import Selector, Verdict
from votes.domain.review import Opinion
from votes.domain.terms import Choice
from votes.domain.tool import Entry
from votes.projections.tallies import TallyView

__all__ = ["LiveEvent", "ProblemError", "Votes"]

TIMEOUT_S = 10.0
RECONNECT_S = 1.0
PROOF_S_MAX = 60.0


class Votes(Bookmarks):
    """The API at `base_url`, for a user (by JWT), a visitor (by token), or without either.

    Without a token the first vote makes a visitor. Its token is stored in `visitor_file`, a path
    that need not exist yet, and is read from there the next time: without a file each object is
    another visitor. Methods raise `ProblemError` when refused, and `httpx.TransportError` when the
    API does not respond; the constructor raises `OSError` if it cannot read the file.
    """

    def __init__(
        self,
        base_url: str,
        *,
        user_token: str | None = None,
        visitor_token: str | None = None,
        visitor_file: str | os.PathLike[str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout_s, follow_redirects=True)
        self._file = Path(visitor_file) if visitor_file is not None else None
        self._making = asyncio.Lock()
        if visitor_token is None and self._file is not None and self._file.exists():
            visitor_token = self._file.read_text().strip()
        if user_token is not None:
            self._say_who(f"Bearer {user_token}")
        elif visitor_token:
            self._say_who(f"Visitor {visitor_token}")

    def _say_who(self, authorization: str) -> None:
        self._http.headers["Authorization"] = authorization

    async def _be_somebody(self) -> None:
        """Make a visitor, unless this is somebody already: so votes at once are of one visitor, and
        a vote whose answer is lost is repeated by the same."""
        async with self._making:
            if "Authorization" not in self._http.headers:
                token = (await self.create_visitor()).token
                if self._file is not None:
                    _keep(self._file, token)
                self._say_who(f"Visitor {token}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def list_tools(
        self,
        *,
        sort: str | None = None,
        category: str | None = None,
        call: str | None = None,
        panel: str | None = None,
        price: str | None = None,
        q: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        min_position: int = 0,
    ) -> ToolsPage:
        of = {"category": category, "call": call, "panel": panel, "price": price, "q": q}
        page = {"cursor": cursor, "limit": limit, "min_position": min_position}
        query = {"sort": sort, **of, **page}
        return await self._get("/v1/tools", ToolsPage, query)

    async def suggest_tools(
        self, q: str, *, limit: int | None = None, min_position: int = 0
    ) -> list[Suggestion]:
        query = {"q": q, "limit": limit, "min_position": min_position}
        return (await self._get("/v1/suggest", SuggestionsView, query)).suggestions

    async def get_tool(self, tool: str, *, min_position: int = 0) -> SummaryView:
        return await self._get(f"/v1/tools/{tool}", SummaryView, {"min_position": min_position})

    async def compare_tools(self, a: str, b: str, *, min_position: int = 0) -> CompareView:
        query = {"min_position": min_position}
        return await self._get(f"/v1/compare/{a}/{b}", CompareView, query)

    async def compare_several_tools(self, *tools: str, min_position: int = 0) -> ComparedView:
        query = {"tools": ",".join(tools), "min_position": min_position}
        return await self._get("/v1/compare", ComparedView, query)

    async def get_tally(
        self, tool: str, *, at: str | int | None = None, min_position: int = 0
    ) -> TallyView:
        query = {"at": at, "min_position": min_position}
        return await self._get(f"/v1/tools/{tool}/tally", TallyView, query)

    async def get_tallies(self, *tools: str, min_position: int = 0) -> list[TallyView]:
        query = {"tools": ",".join(tools), "min_position": min_position}
        return (await self._get("/v1/tallies", TalliesView, query)).tallies

    async def get_trend(
        self,
        tool: str,
        *,
        bucket: str = "day",
        start: str | None = None,
        end: str | None = None,
        min_position: int = 0,
    ) -> TrendView:
        query = {"bucket": bucket, "from": start, "to": end, "min_position": min_position}
        return await self._get(f"/v1/tools/{tool}/trend", TrendView, query)

    async def get_cohorts(self, tool: str, claim: str, *, min_position: int = 0) -> CohortsView:
        query = {"claim": claim, "min_position": min_position}
        return await self._get(f"/v1/tools/{tool}/cohorts", CohortsView, query)

    async def list_reviews(self, tool: str, *, min_position: int = 0) -> ReviewsView:
        query = {"min_position": min_position}
        return await self._get(f"/v1/tools/{tool}/reviews", ReviewsView, query)

    async def list_my_reviews(
        self, *, cursor: str | None = None, limit: int | None = None, min_position: int = 0
    ) -> MyReviewsPage:
        query = {"cursor": cursor, "limit": limit, "min_position": min_position}
        return await self._get("/v1/me/reviews", MyReviewsPage, query)

    async def list_unreviewed_tools(
        self, *, cursor: str | None = None, limit: int | None = None, min_position: int = 0
    ) -> UnreviewedPage:
        query = {"cursor": cursor, "limit": limit, "min_position": min_position}
        return await self._get("/v1/me/reviews/missing", UnreviewedPage, query)

    async def list_my_revisions(self, tool: str) -> RevisionsView:
        return await self._get(f"/v1/me/reviews/{tool}/revisions", RevisionsView)

    async def cast_vote(
        self, tool: str, choice: Choice, *, on_behalf_of: str | None = None
    ) -> VoteView:
        """A vote that is held is sent again with a proof of work, about a second of a processor."""
        await self._be_somebody()
        path, body = f"/v1/tools/{tool}/vote", {"choice": str(choice)}
        if on_behalf_of is not None:
            body["on_behalf_of"] = on_behalf_of
        response = await self._command("PUT", path, body)
        held = "Votes-Challenge" in response.headers
        if held and (proof := await _proof(await self.get_challenge(tool))):
            response = await self._command("PUT", path, body, **{"Votes-Proof": proof})
        return msgspec.json.decode(response.content, type=VoteView)

    async def get_challenge(self, tool: str) -> ChallengeView:
        return await self._get("/v1/challenge", ChallengeView, {"tool": tool})

    async def retract_vote(self, tool: str, *, on_behalf_of: str | None = None) -> VoteView:
        other = f"?{urlencode({'on_behalf_of': on_behalf_of})}" if on_behalf_of else ""
        return await self._write("DELETE", f"/v1/tools/{tool}/vote{other}", VoteView)

    async def create_visitor(self) -> VisitorView:
        return await self._write("POST", "/v1/visitors", VisitorView)

    async def get_me(self) -> MeView:
        return await self._get("/v1/me", MeView)

    async def get_my_state(self, *tools: str, min_position: int = 0) -> dict[str, ToolState]:
        query = {"tools": ",".join(tools), "min_position": min_position}
        return await self._get("/v1/me/state", dict[str, ToolState], query)

    async def export_me(self) -> MyData:
        return await self._get("/v1/me/export", MyData)

    async def erase_me(self, *, on_behalf_of: str | None = None) -> None:
        """A service or an admin may erase somebody known elsewhere."""
        asked = f"?{urlencode({'on_behalf_of': on_behalf_of})}" if on_behalf_of is not None else ""
        await self._command("DELETE", f"/v1/me{asked}")

    async def list_my_votes(
        self, *, cursor: str | None = None, limit: int | None = None, min_position: int = 0
    ) -> MyVotesPage:
        query = {"cursor": cursor, "limit": limit, "min_position": min_position}
        return await self._get("/v1/me/votes", MyVotesPage, query)

    async def link_visitor(self, visitor_token: str) -> LinkView:
        """The visitor's votes become those of the user as whom this client asks."""
        return await self._write("POST", "/v1/me/link", LinkView, {"visitor": visitor_token})

    async def put_tool(self, tool: str, entry: Entry) -> ToolWritten:
        return await self._write("PUT", f"/v1/tools/{tool}", ToolWritten, entry)

    async def rename_tool(self, tool: str, slug: str) -> RenameWritten:
        return await self._write("POST", f"/v1/tools/{tool}/rename", RenameWritten, {"slug": slug})

    async def delist_tool(self, tool: str) -> None:
        await self._command("DELETE", f"/v1/tools/{tool}")

    async def put_review(self, tool: str, persona: str, opinion: Opinion) -> ReviewWritten:
        path = f"/v1/tools/{tool}/reviews/{persona}"
        return await self._write("PUT", path, ReviewWritten, opinion)

    async def withdraw_review(self, tool: str, persona: str) -> None:
        await self._command("DELETE", f"/v1/tools/{tool}/reviews/{persona}")

    async def list_rulings(
        self, *, cursor: str | None = None, limit: int | None = None, min_position: int = 0
    ) -> RulingsPage:
        query = {"cursor": cursor, "limit": limit, "min_position": min_position}
        return await self._get("/v1/rulings", RulingsPage, query)

    async def get_moderation_queue(
        self, *, cursor: str | None = None, limit: int | None = None, min_position: int = 0
    ) -> QueuePage:
        query = {"cursor": cursor, "limit": limit, "min_position": min_position}
        return await self._get("/v1/moderation/queue", QueuePage, query)

    async def make_ruling(
        self, tool: str, verdict: Verdict, reason: str, selector: Selector | None = None
    ) -> RulingView:
        """On the votes that stand now; without a selector on all of them."""
        body = _ruling(tool, verdict, reason, selector)
        return await self._write("POST", "/v1/rulings", RulingView, body)

    async def preview_ruling(
        self, tool: str, verdict: Verdict, reason: str, selector: Selector | None = None
    ) -> PreviewView:
        """What the ruling would do. It is not made."""
        body = _ruling(tool, verdict, reason, selector)
        return await self._write("POST", "/v1/rulings?dry_run=true", PreviewView, body)

    async def lift_ruling(self, ruling: str) -> None:
        await self._command("DELETE", f"/v1/rulings/{ruling}")

    async def get_link(self, link: str) -> LinkTold:
        return await self._get(f"/v1/moderation/links/{link}", LinkTold)

    async def undo_link(self, link: str) -> None:
        await self._command("DELETE", f"/v1/moderation/links/{link}")

    async def subscribe_to_digest(self, email: str) -> None:
        """The address gets a mail in which to confirm that it wants the weekly one."""
        await self._command("POST", "/v1/digest/subscriptions", {"email": email})

    async def get_live(self) -> Alive:
        return await self._get("/health/live", Alive)

    async def get_ready(self) -> Ready:
        return await self._get("/health/ready", Ready)

    async def subscribe(self, *tools: str) -> AsyncIterator[LiveEvent]:
        """The tools' states, then each change, for as long as it is iterated: it reconnects by
        itself and goes on after the last event seen."""
        seen: str | None = None
        while True:
            try:
                async with aclosing(events(self._http, tools, seen)) as connection:
                    async for event in connection:
                        seen = event.id
                        yield event
            except httpx.TransportError:
                pass
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in RETRIED:
                    raise ProblemError(problem_of(error.response)) from error
            await asyncio.sleep(RECONNECT_S * random.uniform(0.5, 1.5))  # noqa: S311


def _keep(file: Path, token: str) -> None:
    """Write it where only its owner reads: who has a token votes as its visitor."""
    with open(file, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as target:
        target.write(token + "\n")


async def _proof(challenge: ChallengeView) -> str | None:
    """What `Votes-Proof` says for the challenge; None where it takes too long."""
    made = altcha.Challenge.from_dict(msgspec.to_builtins(challenge))
    solution = await asyncio.to_thread(altcha.solve_challenge, made, timeout=PROOF_S_MAX)
    return altcha.Payload(made, solution).to_base64() if solution is not None else None


def _ruling(tool: str, verdict: Verdict, reason: str, selector: Selector | None) -> dict[str, Any]:
    votes = selector or Selector()
    return {"tool": tool, "verdict": verdict, "reason": reason, "selector": votes}

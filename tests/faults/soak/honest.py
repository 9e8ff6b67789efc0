"""Voters who never give up: each answer is noted, each request repeated until there is one."""

import asyncio
import json
from time import monotonic
from typing import Any

from tests.faults.soak.record import Acknowledged, Record
from tests.faults.soak.wire import Answer, Broken, Connection
from tests.polling import LIMIT_S
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId, visitor

SETTLED_S = LIMIT_S
RETRY_S = 0.1
RETRIES_MAX = int(SETTLED_S / RETRY_S)
PAUSE_S = 0.2
CHOICES = ("ship", "skip", None)


async def poll_settled(
    record: Record, connection: Connection, method: str, path: str, **more: Any
) -> tuple[Answer | None, int]:
    """The first answer that is none of an outage, and how many times it was asked for."""
    deadline = monotonic() + SETTLED_S
    for number in range(1, RETRIES_MAX):
        try:
            answer = await connection.ask(method, path, **more)
        except Broken:
            record.done["requests of unknown end"] += 1
        else:
            record.answered(f"{method} {path}", answer)
            if answer.status < 500:
                return answer, number
        if monotonic() > deadline:
            break
        await poll_a_moment(RETRY_S)
    record.complain("never settled", f"{method} {path}")
    return None, RETRIES_MAX


async def poll_a_moment(seconds: float) -> None:
    """Also when the soak is over: what was begun is still to be settled."""
    until = monotonic() + seconds
    while (left := until - monotonic()) > 0:
        await asyncio.sleep(left)


class Voter:
    """A browser that votes as a user with this login, whose votes have the name, or as a visitor;
    then it has a token before its first vote, so that a repetition is its own."""

    def __init__(
        self,
        record: Record,
        port: int,
        number: int,
        login: dict[str, str] | None = None,
        name: str = "",
    ) -> None:
        self.record = record
        self.name = name
        self.mind = record.mind(f"user:voter-{number}")
        self.connection = Connection(port)
        self.visits = login is None
        self.login = login or {}

    async def run(self) -> None:
        if self.visits:
            answer, _ = await poll_settled(self.record, self.connection, "POST", "/v1/visitors")
            token = json.loads(answer.body)["token"] if answer else ""
            self.name = visitor(token.partition(".")[0])
            self.login = {"Authorization": f"Visitor {token}"}
        while not self.record.over.is_set():
            await self._vote(self.mind.choice(self.record.tools), self.mind.choice(CHOICES))
            await self.record.pause(self.mind.uniform(0, 2 * PAUSE_S))
        self.connection.close()

    async def _vote(self, tool: str, choice: str | None) -> None:
        headers = dict(self.login)
        keyed = self.mind.random() < 0.5
        if keyed:
            headers["Idempotency-Key"] = f"{self.mind.random()}"
        body = json.dumps({"choice": choice}).encode() if choice else None
        began = monotonic()
        answer, asked = await poll_settled(
            self.record,
            self.connection,
            "PUT" if choice else "DELETE",
            f"/v1/tools/{tool}/vote",
            body=body,
            headers=headers,
        )
        if answer is None:
            return
        if self.visits:  # a login may have to wait for the keys that are published elsewhere
            self.record.votes.append((began, monotonic()))
        if answer.status == 200:
            self._note(tool, choice, json.loads(answer.body), as_if_first=keyed or asked == 1)
        elif answer.status != 404 or tool not in self.record.shaky:
            self.record.complain("a vote was refused", f"{tool}: {answer.status} {answer.body!r}")

    def _note(self, tool: str, choice: str | None, told: dict, *, as_if_first: bool) -> None:
        record = self.record
        stream = vote.stream(VoterId(self.name), ToolId(tool))
        before = record.choices.get(stream)
        record.choices[stream] = choice
        record.done["votes acknowledged"] += 1
        right = told["choice"] == choice
        if as_if_first:
            right &= told["previous"] == before and told["changed"] == (choice != before)
        if not right:
            record.complain(
                "a vote's answer is wrong", f"{stream}: {choice} after {before}: {told}"
            )
        if told["changed"]:
            record.acknowledged.append(Acknowledged(stream, choice, told["position"]))
            record.acknowledge(tool, told["position"])

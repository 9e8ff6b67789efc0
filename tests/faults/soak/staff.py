"""Those who keep the site: imports with good and bad rows, the catalogue, reviews."""

import asyncio
import json
import subprocess
from pathlib import Path

import asyncpg

from tests.faults.crowd import rows
from tests.faults.soak.honest import poll_settled
from tests.faults.soak.record import Record
from tests.faults.soak.wire import Connection
from tests.site import Site
from tests.stored.slugs import VOTES_BY_SLUG
from votes.domain import vote
from votes.domain.terms import ToolId, VoterId

PAUSE_S = 1.0
IMPORT_PAUSE_S = 6.0
GOOD_ROWS = 40
REPEATS_MAX = 5
BAD_ROWS = (
    "{tool},early-{n},ship,0001-01-01T00:00:00Z",
    "{tool},late-{n},ship,9999-12-31T23:59:59Z",
    "{tool},later-{n},skip,4713-01-01T00:00:00Z",
    "{tool},edge-{n},skip,0001-01-01T00:00:00+14:00",
    "{tool},never-{n},maybe,",
    "nobody-knows-{n},anybody,ship,",
    "{tool},many-{n},ship,,,,",
    "{tool},when-{n},ship,infinity",
    '"{tool}\n{n}",""",ship,',
)
DOUBLED = "tool,voter,choice,choice\n{tool},doubled-{n},ship,skip\n"


class Importer:
    """Files by the command line, each until it is settled; bad rows keep no good row out."""

    def __init__(self, record: Record, site: Site, folder: Path) -> None:
        self.record, self.site, self.folder = record, site, folder
        self.mind = record.mind("importer")

    async def run(self) -> None:
        number = 0
        while not self.record.over.is_set():
            number += 1
            await self._import(number)
            await self.record.pause(self.mind.uniform(0, 2 * IMPORT_PAUSE_S))

    async def _import(self, number: int) -> None:
        tools = [tool for tool in self.record.tools if tool not in self.record.shaky]
        file = self.folder / f"{number}.csv"
        if self.mind.random() < 0.2:
            file.write_text(DOUBLED.format(tool=self.mind.choice(tools), n=number))
            await self._settle(file)
            return
        good = {
            (self.mind.choice(tools), f"import:{number}-{n}"): self.mind.choice(("ship", "skip"))
            for n in range(GOOD_ROWS)
        }
        lines = [f"{tool},{voter},{choice}," for (tool, voter), choice in good.items()]
        bad = [line.format(tool=self.mind.choice(tools), n=number) for line in BAD_ROWS[:-1]]
        self.mind.shuffle(lines)
        last = BAD_ROWS[-1].format(tool=tools[0], n=number)
        file.write_text("\n".join(["tool,voter,choice,at", *bad, *lines, last]) + "\n")
        if await self._settle(file):
            await self._note(good)

    async def _settle(self, file: Path) -> bool:
        """The same file again changes nothing: it is repeated until the command says how many."""
        for _ in range(REPEATS_MAX):
            self.record.done["imports"] += 1
            command = ("import", "votes", str(file), "--json")
            try:
                done = await asyncio.to_thread(self.site.votes, *command)
            except subprocess.TimeoutExpired:
                self.record.done["imports too slow"] += 1
                continue
            if "Traceback" in done.stderr:
                self.record.complain("an import died", done.stderr[-500:])
            if done.stdout.startswith("{"):
                return True
            if done.returncode == 2:  # not a file that can be imported, whoever tries
                return False
            self.record.done["imports repeated"] += 1
        return False

    async def _note(self, good: dict[tuple[str, str], str]) -> None:
        streams: dict[str, str] = {
            vote.stream(VoterId(voter), ToolId(tool)): choice
            for (tool, voter), choice in good.items()
        }
        self.record.choices.update(streams)
        self.record.done["votes imported"] += len(streams)
        try:
            stored = await rows(
                self.site,
                f"SELECT max(position) AS position, tool FROM {VOTES_BY_SLUG}"
                " WHERE said = ANY($1::text[]) GROUP BY tool",
                list(streams),
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return  # the log is away: nobody can be late with these rows
        for row in stored:
            self.record.acknowledge(row["tool"], row["position"])


class Staff:
    """An admin and a panelist, by HTTP."""

    def __init__(
        self, record: Record, port: int, admin: dict[str, str], panelist: dict[str, str]
    ) -> None:
        self.record = record
        self.mind = record.mind("staff")
        self.connection = Connection(port)
        self.admin, self.panelist = admin, panelist

    async def list_tool(self, slug: str, tagline: str = "") -> None:
        entry = {"name": slug, "category": "Soak", "tagline": tagline}
        await self._write("PUT", f"/v1/tools/{slug}", self.admin, entry)

    async def run(self) -> None:
        while not self.record.over.is_set():
            kind = self.mind.choice((self._revise, self._relist, self._review, self._withdraw))
            await kind()
            await self.record.pause(self.mind.uniform(0, 2 * PAUSE_S))
        self.connection.close()

    async def _revise(self) -> None:
        await self.list_tool(f"soak-{self.mind.randint(0, 9)}", f"{self.mind.random()}")

    async def _relist(self) -> None:
        slug = self.mind.choice(sorted(self.record.shaky))
        await self._write("DELETE", f"/v1/tools/{slug}", self.admin)
        await self.record.pause(self.mind.uniform(0, 1))
        await self.list_tool(slug)

    async def _review(self) -> None:
        opinion = {
            "score": self.mind.randint(0, 100),
            "choice": self.mind.choice(("ship", "skip")),
            "body": "words " * self.mind.randint(0, 300),
        }
        await self._write("PUT", self._reviewed(), self.panelist, opinion)

    async def _withdraw(self) -> None:
        await self._write("DELETE", self._reviewed(), self.panelist)

    def _reviewed(self) -> str:
        tools = [tool for tool in self.record.tools if tool not in self.record.shaky]
        return f"/v1/tools/{self.mind.choice(tools)}/reviews/soaked"

    async def _write(
        self, method: str, path: str, headers: dict[str, str], value: dict | None = None
    ) -> None:
        body = json.dumps(value).encode() if value is not None else None
        answer, _ = await poll_settled(
            self.record, self.connection, method, path, body=body, headers=headers
        )
        self.record.done["admin writes"] += 1
        if answer is not None and answer.status not in (200, 201, 204):
            what = f"{method} {path}: {answer.status} {answer.body!r}"
            self.record.complain("a write of the staff was refused", what)

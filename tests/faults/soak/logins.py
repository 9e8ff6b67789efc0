"""Where the keys of users' tokens are published: a server that answers, and at times does not."""

import asyncio
import json
from contextlib import closing, suppress
from time import monotonic, time
from typing import Any, Literal, get_args

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from tests.faults.soak.record import Outage, Record
from tests.faults.soak.wire import HOST

KEY_ID = "soak"
LIFETIME_S = 24 * 3600
WELL_S = (3.0, 8.0)
BAD_S = (1.0, 6.0)
DRIP_S = 1.0
Bad = Literal["drip", "hang", "close", "garbage", "fail"]
MANNERS: tuple[Bad, ...] = get_args(Bad)
HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Logins:
    """Use it as a context; `url` is where the keys are, `manner` how they are given, "" is well."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}/keys"
        self.manner: Bad | Literal[""] = ""
        self._key = generate_private_key(SECP256R1())
        key = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        self._body = json.dumps({"keys": [key | {"kid": KEY_ID, "alg": "ES256"}]}).encode()

    def headers(self, subject: str, *roles: str, **claims: str) -> dict[str, str]:
        """The header of a user's token."""
        issued = int(time())
        said: dict[str, Any] = {"sub": subject, "roles": roles, "iat": issued, **claims}
        said["exp"] = issued + LIFETIME_S
        token = jwt.encode(said, self._key, algorithm="ES256", headers={"kid": KEY_ID})
        return {"Authorization": f"Bearer {token}"}

    async def __aenter__(self) -> "Logins":
        self._server = await asyncio.start_server(self._answer, HOST, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer.transport), suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            head = HEAD % (200, len(self._body))
            match self.manner:
                case "drip" | "hang":
                    writer.write(head)
                    await self._poll_drip(writer)
                case "garbage":
                    writer.write(head + b"[" * len(self._body))
                case "fail":
                    writer.write(HEAD % (500, 0))
                case "close":
                    pass
                case "":
                    writer.write(head + self._body)
            await writer.drain()

    async def _poll_drip(self, writer: asyncio.StreamWriter) -> None:
        """A byte at a time, or none at all, until the server is well again."""
        sent = 0
        while self.manner and sent < len(self._body) and not writer.is_closing():
            if self.manner == "drip":
                writer.write(self._body[sent : sent + 1])
                sent += 1
            await asyncio.sleep(DRIP_S)
        writer.write(self._body[sent:])


class Moods:
    """Lets the server be well and bad in turn."""

    def __init__(self, record: Record, logins: Logins) -> None:
        self.record, self.logins = record, logins
        self.mind = record.mind("moods")

    async def run(self) -> None:
        while not self.record.over.is_set():
            await self.record.pause(self.mind.uniform(*WELL_S))
            self.logins.manner = self.mind.choice(MANNERS)
            self.record.done[f"keys of logins: {self.logins.manner}"] += 1
            began = monotonic()
            await self.record.pause(self.mind.uniform(*BAD_S))
            self.logins.manner = ""
            self.record.outages.append(Outage("logins", began, monotonic()))

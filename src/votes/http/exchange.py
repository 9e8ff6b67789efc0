"""Reading requests and writing answers: the parts that every route shares."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID, uuid5

import http_sf
import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import Send
from msgspec import Struct

from votes.app.catalogue import tools as catalogue
from votes.app.catalogue.tools import Tool
from votes.domain import person as persons
from votes.domain.person import EraseSubject, Person
from votes.domain.terms import Subject, ToolId, ToolSlug, VoterId, is_slug
from votes.engine.decider import Command, Decider, Rejected, State
from votes.engine.handle import ENDED, Outcome, Result
from votes.engine.handle import Request as CommandRequest
from votes.engine.log import Position, Stream
from votes.engine.ports import Meta
from votes.engine.read_models import ReadModels
from votes.engine.reading.reader import ReadSource
from votes.formats import unambiguous
from votes.http.deadlines import READ_S, WRITE_S, within
from votes.http.errors import Refused
from votes.http.etags import client_has, etag_of
from votes.http.logins.tokens import User
from votes.http.moved import require_current
from votes.http.proxies import header_of
from votes.resources import now
from votes.wiring import Services

SMALL_BODY_BYTES_MAX = 16 * 1024
LARGE_BODY_BYTES_MAX = 128 * 1024
IDEMPOTENCY_KEY_LENGTH_MAX = 255
PROOF = b"votes-proof"
"""The header with a proof of work, see `votes.http.checks.proofs`."""
TOOLS_ASKED_MAX = 100
REQUEST_ID_LENGTH_MAX = 128

_COMMANDS = UUID("6d0b8f04-1f63-4c3c-9a3e-5f3f9f0d8c11")
_PRIVATE = (b"cache-control", b"private, no-store")
_SHARED = (b"cache-control", b"public, max-age=0, must-revalidate")
_VARY = (b"vary", b"Origin")  # other sites are let in by name
_STALE = (b"cache-control", b"no-store")

_JSON = (b"content-type", b"application/json")

Body = TypeVar("Body")
Value = TypeVar("Value")
Headers = tuple[tuple[bytes, bytes], ...]
Http = Request[Any, Any, Any]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]

_encode = msgspec.json.Encoder().encode


def services(request: Http) -> Services:
    services: Services = request.app.state.services
    return services


def header(request: Http, name: bytes) -> str | None:
    """A header of the request; `name` in lower case."""
    return header_of(request.scope, name)


async def read_json(request: Http, decoder: "msgspec.json.Decoder[Body]") -> Body:
    """The body, checked against its type. Only JSON that says so is read: a form on another
    site can send `text/plain` without asking first, but not this."""
    content_type = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Refused("unsupported_media_type", "Send the body as application/json.")
    try:
        body = await request.body()
        if body.count(b":") > 1:  # with one colon there is one field
            unambiguous.check(body.decode())
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise Refused("invalid_body", f"{error}") from error


def unknown(slug: str) -> Refused:
    return Refused("tool_unknown", f"There is no tool {slug[:120]!r} in the catalogue.")


def tool_slug(request: Http, slug: str) -> ToolSlug:
    """The slug of a path. Raises `Refused` for what cannot name a tool, `Moved` for a former slug.

    Whoever reads at a position asks `listed` too, which knows of later renames.
    """
    models = services(request).reader.latest
    if models is None or catalogue.current_id(models, slug) is None:
        (slug,) = _checked([slug], models)
    return slug


def tool_slugs(request: Http, text: str) -> list[ToolSlug]:
    return slugs_of(text, services(request).reader.latest)


def slugs_of(text: str, models: ReadModels | None) -> list[ToolSlug]:
    """The slugs of a comma-separated list, each once, at most `TOOLS_ASKED_MAX`.

    Raises `Refused` and `Moved`.
    """
    slugs = list(dict.fromkeys(part for part in text.split(",") if part))
    if not slugs:
        raise Refused("invalid_parameter", "tools: name at least one.")
    if len(slugs) > TOOLS_ASKED_MAX:
        raise Refused("invalid_parameter", f"tools: at most {TOOLS_ASKED_MAX} at once.")
    return _checked(slugs, models)


def _checked(slugs: list[str], models: ReadModels | None) -> list[ToolSlug]:
    for slug in slugs:
        if not is_slug(slug):
            raise unknown(slug)
    require_current(models, slugs)
    return slugs


def listed(source: ReadSource, slug: ToolSlug) -> Tool:
    """The listed tool of this slug. Raises `Refused`, and `Moved` for a former slug."""
    tool = catalogue.tool(source.models, slug)
    if tool is None or tool.slug != slug:
        require_current(source.models, [slug])
        raise unknown(slug)
    return tool


async def tool_ids(request: Http, slugs: Collection[ToolSlug]) -> dict[ToolSlug, ToolId]:
    """The tools that the slugs lead to, listed or not, as far as they do. Raises `Unavailable`."""
    parts = services(request)
    models = parts.reader.latest
    ids = catalogue.projected_ids(models, slugs)
    if len(ids) == len(slugs):
        return ids
    with within(READ_S):
        return await catalogue.ids(parts.store, models, slugs)


async def tool_id(request: Http, slug: str) -> ToolId:
    """The tool that the slug of a path leads to, listed or not.

    Raises `Refused`, `Moved` for a former slug, and `Unavailable`.
    """
    models = services(request).reader.latest
    if models is not None and (known := catalogue.current_id(models, slug)) is not None:
        return known
    tool = (await tool_ids(request, [tool_slug(request, slug)])).get(slug)
    if tool is None:
        raise unknown(slug)
    return tool


def refused(rejected: Rejected) -> Refused:
    return Refused(rejected.code, rejected.detail)


async def write(
    request: Http, decider: Decider[Command, State], command: Command, actor: VoterId
) -> Outcome[State]:
    """Decide the actor's command and store its events: durable when this returns.

    An `Idempotency-Key` of the request is the actor's own, and holds for this command alone.
    Raises `Refused`, and `Unavailable` where the outcome is unknown.
    """
    with within(WRITE_S):
        return accepted(await submit(request, decider, command, actor))


async def write_as(
    request: Http, user: User, decider: Decider[Command, State], ask: Callable[[Person], Command]
) -> tuple[Outcome[State], Person]:
    """Decide the command that `ask` makes for the user, as `write` does.

    At the first write, and at the first one after an erasure, the user gets a new id. Raises what
    `write` does.
    """
    people = services(request).people
    with within(WRITE_S):
        while True:
            person = await people.person(user.subject)
            command = ask(person)
            answer = await submit(request, decider, command, person.voter, person.stream)
            if answer != ENDED:
                return accepted(answer), person
            await people.destroy(user.subject, person)


class Part(Struct, frozen=True):
    """Which of a request's commands one is, and what stands for all of them: they have one key."""

    number: int
    of: tuple[bytes, ...]


def parts(decider: Decider[Command, Any], commands: Sequence[Command]) -> list[Part]:
    """Those of the commands of one request."""
    sent = [(type(one).__name__, decider.as_sent(one)) for one in commands]
    of = (sha256(_encode(sent)).digest(),)
    return [Part(number, of) for number, _ in enumerate(commands)]


async def submit(
    request: Http,
    decider: Decider[Command, State],
    command: Command,
    actor: VoterId,
    *unless: Stream,
    part: Part | None = None,
    keyed: bool = True,
) -> Result:
    """Decide the actor's command, unless one of the streams has an event.

    `part` says which of a request's commands it is. If it is not `keyed`, an `Idempotency-Key`
    means nothing. Raises `Refused` for a bad key, and `Unavailable`.
    """
    key = _idempotency_key(request) if keyed else None
    command_id, fingerprint = None, b""
    if key is not None:
        number = "" if part is None else str(part.number)
        command_id = _command_id(actor, key, header(request, PROOF) or number)
        asked = type(command).__name__, decider.as_sent(command), *(() if part is None else part.of)
        fingerprint = sha256(_encode(asked)).digest()
    meta = Meta(None if decider.owned else actor, _request_id(request))
    asking = CommandRequest(decider, command, meta, now(), command_id, fingerprint, unless)
    return await services(request).submit(asking)


def accepted(answer: Result) -> Outcome[Any]:
    """The outcome. Raises `Refused`."""
    if isinstance(answer, Rejected):
        raise refused(answer)
    return answer


async def erase(request: Http, subject: Subject) -> Position:
    """Erase the person of the subject, and return the position of that, 0 where there was nobody.

    First the event is stored: from then on nothing is written or read as this person. Then the row
    is destroyed. Whoever finds an erased person with a row destroys it: this request when it is
    repeated, the user's next read or write, or the worker. An `Idempotency-Key` has no meaning, as
    nothing remembers the request. Raises what `write` does.
    """
    people = services(request).people
    people.forget(subject)  # another process may have erased the person that this one knows
    with within(WRITE_S):
        person = await people.find(subject)
        if person is None:
            return 0
        command, meta = EraseSubject(person.id), Meta(request=_request_id(request))
        asking = CommandRequest(persons.decider, command, meta, now())
        outcome = accepted(await services(request).submit(asking))
        await people.destroy(subject, person)
        return outcome.position


async def read_as(
    request: Http, user: User, read: Callable[[Person], Awaitable[Value]]
) -> Value | None:
    """What `read` finds of the user's; None for a user who has never written anything, or nothing
    since an erasure. Raises `Unavailable`.
    """
    store = services(request).store

    async def read_unless_erased(person: Person) -> Value | None:
        found = await read(person)
        return None if await store.last_events([person.stream]) else found

    return await read_checked(request, user, read_unless_erased)


async def read_checked(
    request: Http, user: User, read: Callable[[Person], Awaitable[Value | None]]
) -> Value | None:
    """As `read_as`, for a `read` that returns None itself where the person is erased."""
    people = services(request).people
    with within(READ_S):
        while (person := await people.find(user.subject)) is not None:
            if (found := await read(person)) is not None:
                return found
            await people.destroy(user.subject, person)
        return None


def _request_id(request: Http) -> str | None:
    """What a proxy calls this request, where that is a plain short word."""
    text = header(request, b"x-request-id")
    return text if text and len(text) <= REQUEST_ID_LENGTH_MAX and text.isprintable() else None


def _idempotency_key(request: Http) -> str | None:
    """What begins with a quote is a String of RFC 9651, as draft-ietf-httpapi-idempotency-key-
    header-07 has it; anything else is a key as it stands. Raises `Refused`.
    """
    if header(request, b"idempotency-key") is None:
        return None
    sent = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    joined = b", ".join(sent)  # several headers are a list (RFC 9110, 5.3)
    key = str(joined, "latin-1")
    if len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX and key.isprintable():
        with suppress(http_sf.StructuredFieldError):
            if key.startswith('"'):
                item: Any = http_sf.parse(joined, tltype="item")
                key = item[0]
            if key:
                return key
    raise Refused(
        "invalid_idempotency_key",
        f"Idempotency-Key: 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} visible characters, in quotes or not.",
    )


def _command_id(actor: str, key: str, part: str) -> UUID:
    """An idempotency key is its sender's own: nobody meets another's by chance or on purpose. A
    vote that is sent again with a proof is another command: it may count where the first did not.
    So is each part of a batch.
    """
    other = f":{part}" if part else ""
    return uuid5(_COMMANDS, f"{len(actor)}:{actor}:{key}{other}")


def private(
    value: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> ASGIResponse:
    """An answer for one person, kept by nobody."""
    return _json(_encode(value), status, (_PRIVATE, *headers))


def no_content(position: Position) -> ASGIResponse:
    """Done, with nothing to say but where the log then stood."""
    return ASGIResponse(
        status_code=204, encoded_headers=[_PRIVATE, (b"votes-position", b"%d" % position)]
    )


def shared(request: Http, body: bytes, *, stale: bool, of: str = "") -> ASGIResponse:
    """An answer that is the same for all: 304 where the asker has it. Stale ones get no ETag."""
    if stale:
        return _json(body, 200, (_STALE,))
    return _tagged(request, body, _SHARED, _VARY, of=of)


def for_role(request: Http, value: Any, *, stale: bool) -> ASGIResponse:
    """An answer for those with a role, kept by nobody in between: 304 where the asker has it. Stale
    ones get no ETag."""
    return private(value) if stale else _tagged(request, _encode(value), _PRIVATE)


def _tagged(
    request: Http, body: bytes, *headers: tuple[bytes, bytes], of: str = ""
) -> ASGIResponse:
    etag = etag_of(body, of)
    headers = (*headers, (b"etag", etag.encode()))
    if client_has(request.scope, etag):
        return ASGIResponse(status_code=304, encoded_headers=headers)
    return _json(body, 200, headers)


def shared_value(request: Http, value: Any, *, stale: bool, of: str = "") -> ASGIResponse:
    """As `shared`; the ETag begins with the tag of what it is of, if given."""
    return shared(request, _encode(value), stale=stale, of=of)


def _json(body: bytes, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> ASGIResponse:
    length = (b"content-length", b"%d" % len(body))
    return _Ready(body, status, (*headers, _JSON, length))


class _Ready(ASGIResponse):
    """Sent as it is: building Litestar's own headers was a quarter of the work of a tally."""

    def __init__(self, body: bytes, status: int, headers: Headers) -> None:
        self.body = body
        self.status_code = status
        self._ready = headers

    async def __call__(self, _: Any, __: Any, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self._ready}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

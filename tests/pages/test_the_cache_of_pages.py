"""Whatever happens meanwhile, a cached page is what its reader would get without the cache."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.engine.no_time import NoTimeLoop, elapse
from votes.config import Config
from votes.http.checks.identity import Identity
from votes.http.edge import cache as caching
from votes.http.edge.cache import AGE_S, CACHED, Cache, with_cache
from votes.http.etags import etag_of
from votes.languages import language, languages_of, speaking

CONFIG = Config(secret_keys=(b"the-key-of-this-test",))
COOKIE = Identity.of(CONFIG).visitors
LANGUAGES = languages_of()
BYTES_MAX = 12_000
LONG = 5_000
"""The body of the long page: two of them are not kept at once."""

PATHS = ("/", "/tools/a", "/long", "/mine", "/counted", "/not-cached", "/missing", "/broken")
ALONE = ("/mine", "/counted", "/not-cached")
"""What is rendered for each request."""
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"accept-encoding": "gzip, br"},
    {"accept-encoding": "gzip;q=0"},
    {"host": "made-up.example"},
    {"cookie": "visitor=1"},
    {"cookie": "theirs=1"},
    {"authorization": "Bearer ada"},
)


class Site:
    """Pages that say what they were asked, by whom, and where the read models were before and after
    they were rendered. They are rendered on when the test says so."""

    def __init__(self):
        self.models = SimpleNamespace(world="1", position=1)
        self.live = True
        self.rendering, self.together, self.calls = [], 0, 0
        reader = SimpleNamespace(live=lambda: self.models if self.live else None)
        services = SimpleNamespace(reader=reader, config=CONFIG)
        self.state = SimpleNamespace(services=services, identity=Identity.of(CONFIG))

    def cached(self, cache: Cache) -> Any:
        """Its pages, through the cache."""
        site: Any = self
        return with_cache(site, cache, self.pages)

    async def pages(self, scope, _, send):
        self.calls += 1
        headers, path = dict(scope["headers"]), scope["path"]
        named = b"cookie" in headers and headers[b"cookie"].startswith(b"visitor")
        person = headers.get(b"authorization") or (headers[b"cookie"] if named else None)
        said = {
            "path": path,
            "language": language().tag,
            "host": "" if b"made" in headers[b"host"] else headers[b"host"].decode(),
            "gzip": b"gzip" in headers.get(b"accept-encoding", b"").replace(b"gzip;q=0", b""),
            "person": person and person.decode(),
            "begun": (self.models.world, self.models.position, self.time()),
            "number": self.calls,
        }
        if path not in ("/not-cached", "/missing", "/broken"):
            scope["route_handler"] = SimpleNamespace(opt=CACHED)
        if path == "/counted":
            scope["votes.verdict"] = "counted"
        await self.turn()
        if path == "/broken":
            raise RuntimeError("broken")
        body = msgspec.json.encode(said).ljust(LONG if path == "/long" else 0)
        private = path == "/mine"
        head = [(b"cache-control", b"private" if private else caching._SHARED[1])]
        if self.live:
            head += [(b"etag", f"W/{etag_of(body)}".encode()), (b"content-type", b"text/html")]
        status = 404 if path == "/missing" else 200
        if headers.get(b"if-none-match") == dict(head).get(b"etag", b"-"):
            status = 304
        await send({"type": "http.response.start", "status": status, "headers": head})
        for part, more in ((body[:100], True), (body[100:], False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def turn(self):
        gate = asyncio.get_running_loop().create_future()
        self.rendering.append(gate)
        await gate

    @staticmethod
    def time():
        return asyncio.get_running_loop().time()


class Answer:
    """What was sent to a request, and where the read models were when it came."""

    def __init__(self, site, app, path, language, headers):
        self.path, self.language, self.headers = path, language, {"host": "127.0.0.1"} | headers
        self.came = site.models.world, site.models.position, site.time()
        self.status, self.head, self.body = None, {}, b""
        self.task = asyncio.create_task(self._ask(app))

    async def _ask(self, app):
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        scope = {"type": "http", "method": "GET", "path": self.path, "query_string": b""}
        scope |= {"headers": headers, "scheme": "http", "client": ("127.0.0.1", 1)}
        with speaking(LANGUAGES[self.language]):
            await app(scope, None, self._take)

    async def _take(self, message):
        self.status = message.get("status", self.status)
        self.head |= dict(message.get("headers", ()))
        self.body += message.get("body", b"")

    def said(self):
        return msgspec.json.decode(self.body)


asks = st.tuples(
    st.sampled_from(("ask", "ask", "ask and render")),
    st.just("/") | st.sampled_from(PATHS),
    st.just("en") | st.sampled_from(("en", "de")),
    st.just({}) | st.sampled_from(HEADERS),
)
steps = st.one_of(
    asks,
    asks,
    asks,
    st.just(("render",)),
    st.tuples(st.just("again"), st.integers(0, 3)),
    st.tuples(st.just("give up"), st.integers(0, 3)),
    st.just(("vote",)),
    st.just(("another world",)),
    st.just(("away",)),
    st.tuples(st.just("wait"), st.sampled_from((0.4 * AGE_S, 0.9 * AGE_S, 1.2 * AGE_S))),
)


@given(st.lists(steps, max_size=40))
@settings(max_examples=300, deadline=None)
def test_a_page_is_what_its_reader_would_get_now(program):
    with asyncio.Runner(loop_factory=NoTimeLoop) as runner:
        runner.run(_done(program))


async def _done(program):
    site, cache = Site(), Cache(BYTES_MAX)
    app = site.cached(cache)
    answers: list[Answer] = []
    for step in [*program, *[("render",)] * 2]:
        await _ask(site, app, answers, *step)
        await _happen(site, *step)
        await _settle()
        assert cache._bytes == sum(caching._size(*one) for one in cache._pages.items())
        assert cache._bytes <= BYTES_MAX
    while site.rendering:
        _let_go(site)
        await _settle()
    for answer in answers:
        _is_right(answer)
    assert cache.rendering == {}
    alone = [one for one in answers if one.path in ALONE and one.status == 200]
    numbers = [one.said()["number"] for one in alone]
    assert len(set(numbers)) == len(numbers)


async def _ask(site, app, answers, *step: Any):
    match step:
        case "ask" | "ask and render" as kind, path, language, headers:
            answers.append(Answer(site, app, path, language, headers))
            if kind == "ask and render":
                await _settle()
                _let_go(site)
        case "again", back if len(answers) > back:
            asked = answers[-1 - back]
            headers = asked.headers | {"if-none-match": asked.head.get(b"etag", b'"?"').decode()}
            answers.append(Answer(site, app, asked.path, asked.language, headers))
        case "give up", back if len(answers) > back:
            answers[-1 - back].task.cancel()
        case _:
            pass


async def _happen(site, *step: Any):
    match step:
        case ("render",):
            _let_go(site)
        case ("vote",):
            site.models.position += 1
        case ("another world",):
            site.models = SimpleNamespace(world=site.models.world + "1", position=1)
        case ("away",):
            site.live = not site.live
        case "wait", seconds:
            await elapse(seconds)
        case _:
            pass


def _let_go(site):
    """All that is rendered now is rendered to its end."""
    gates, site.rendering = site.rendering, []
    for gate in gates:
        if not gate.done():
            gate.set_result(None)


async def _settle():
    for _ in range(20):
        await asyncio.sleep(0)


def _is_right(answer):
    assert answer.task.done()
    if answer.task.cancelled():
        return
    if answer.path == "/broken":
        assert isinstance(answer.task.exception(), RuntimeError)
        return
    answer.task.result()
    if answer.status == 304:
        event("not modified")
        assert answer.headers["if-none-match"] == answer.head[b"etag"].decode()
        assert answer.body == b""
        assert b"content-type" not in answer.head
        return
    assert answer.headers.get("if-none-match", "") != answer.head.get(b"etag", b"-").decode()
    assert answer.status == (404 if answer.path == "/missing" else 200)
    said = answer.said()
    headers = answer.headers
    named = headers.get("cookie", "").startswith("visitor")
    assert said["path"] == answer.path
    assert said["language"] == answer.language
    assert said["host"] == ("" if "made" in headers["host"] else headers["host"])
    assert said["gzip"] == (headers.get("accept-encoding") == "gzip, br")
    person = headers.get("authorization") or (headers["cookie"] if named else None)
    assert said["person"] == person
    world, position, at = said["begun"]
    came_world, came_position, came_at = answer.came
    assert (len(world), position) >= (len(came_world), came_position)
    assert at >= came_at - AGE_S
    event("cached" if at < came_at else "rendered")


def test_those_who_wait_get_the_page_that_is_rendered_and_later_ones_too():
    async def run():
        site = Site()
        app = site.cached(Cache())
        answers = [Answer(site, app, "/", "en", {}) for _ in range(10)]
        await _settle()
        _let_go(site)
        await _settle()
        answers.append(Answer(site, app, "/", "en", {}))
        await _settle()
        assert {answer.said()["number"] for answer in answers} == {1}
        site.models.position += 1
        later = [Answer(site, app, "/", "en", {}) for _ in range(10)]
        await _settle()
        _let_go(site)
        await _settle()
        assert {answer.said()["number"] for answer in later} == {2}

    with asyncio.Runner(loop_factory=NoTimeLoop) as runner:
        runner.run(run())

"""Which tool of the catalogue a saved page is: by its address, or by its name."""

import re
from collections.abc import Collection, Container, Iterable, Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from msgspec import Struct

from votes.app.catalogue import tools as catalogue
from votes.domain.terms import ToolId, ToolSlug, is_slug
from votes.domain.tool import PREFIX, Entry, ToolDelisted, ToolEvent
from votes.engine.log import Position
from votes.engine.ports import EventStore
from votes.formats.saved import Saved

TOOLS_READ_MAX = 5_000
_TRACKING = re.compile(
    r"utm_\w+|(?:d|fb|g|m|ms|tt|tw|y)clid|gclsrc|gbraid|wbraid|msclkid|igshid|mc_[ce]id|_hs(?:enc|mi)"
    r"|mkt_tok|vero_id|oly_(?:anon|enc)_id|_ga|_gl|spm|si|ref|ref_src|ref_url|referrer"
)
"""Parameters that say where a reader came from."""
_OWN_PAGE = re.compile(r"/tools/([^/]+)/?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_PORTS = {"http": 80, "https": 443}


class Address(Struct, frozen=True):
    """An address without what does not tell pages apart: the scheme, `www`, the scheme's own port,
    a slash at the end, the order of parameters, those that track readers, the fragment."""

    host: str
    rest: str

    def same_site(self, other: "Address") -> bool:
        """Whether the one host is the other, or within it."""
        a, b = f".{self.host}", f".{other.host}"
        return a.endswith(b) or b.endswith(a)


def address(url: str) -> Address | None:
    """None for what is no address of the web."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host:
        return None
    host = _ascii(host.rstrip(".")).removeprefix("www.")
    if port is not None and port != _PORTS[parts.scheme]:
        host = f"{host}:{port}"
    kept = sorted(pair for pair in pairs if not _TRACKING.fullmatch(pair[0].lower()))
    query = f"?{urlencode(kept)}" if kept else ""
    return Address(host, quote(unquote(parts.path).rstrip("/")) + query)


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host


class Index:
    """The listed tools by address, name and slug."""

    def __init__(
        self,
        tools: Iterable[tuple[ToolId, ToolSlug, Entry, Position]],
        own_host: str | None = None,
    ) -> None:
        """Each with the position since which it is so. `own_host`: where this site is, besides on
        loopback."""
        self.entries: dict[ToolId, tuple[ToolSlug, Entry]] = {}
        self.since: dict[ToolId, Position] = {}
        self._own = {*_LOOPBACK, own_host}
        self._addresses: dict[Address, ToolId | None] = {}
        self._names: dict[str, ToolId | None] = {}
        self._slugs: dict[ToolSlug, ToolId] = {}
        for tool, slug, entry, position in tools:
            self.entries[tool] = slug, entry
            self.since[tool] = position
            self._slugs[slug] = tool
            _only(self._names, _name(entry.name), tool)
            if (at := address(entry.url or "")) is not None:
                _only(self._addresses, at, tool)

    def tool_of(
        self, page: Saved, slugs: Mapping[ToolSlug, ToolId], kept: Container[ToolId] = ()
    ) -> ToolId | None:
        """The tool that the page is, None where it is none or may be several. It is listed, or one
        of those that are `kept` although they are not.

        Its address comes first, then what a file of this program calls it, or a page of this site
        (by `slugs`, former ones too). Its title comes last, and only where the tool has no address
        or one of the same site: an article about a tool often has the tool's name.
        """
        at = address(page.url)
        found = self._addresses.get(at) if at is not None else None
        if found is None and (slug := self.slug_of(page)) is not None:
            found = slugs.get(slug)
        if found is None:
            named = self._names.get(_name(page.title))
            found = named if named is not None and self._fits(named, at) else None
        return found if found in self.entries or found in kept else None

    def slug_of(self, page: Saved) -> ToolSlug | None:
        """The tool that the page names by a slug, listed or not."""
        if page.tool is not None:
            return page.tool if is_slug(page.tool) else None
        own = self.own_page(page.url)
        return own if own is not None and is_slug(own) else None

    def own_page(self, url: str) -> str | None:
        """What comes after `/tools/`, in an address of this site."""
        if "/tools/" not in url:  # most addresses: they need not be parsed
            return None
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            return None
        found = _OWN_PAGE.fullmatch(parts.path) if host in self._own else None
        return unquote(found[1]) if found is not None else None

    def address_of(self, tool: ToolId) -> str | None:
        """The tool's own address, as the catalogue has it."""
        _, entry = self.entries[tool]
        return entry.url

    def _fits(self, tool: ToolId, at: Address | None) -> bool:
        own = address(self.address_of(tool) or "")
        return own is None or (at is not None and own.same_site(at))


def _only(found: dict, key: object, tool: ToolId) -> None:  # type: ignore[type-arg]
    """Remember the tool; None where another one has the key too."""
    found[key] = None if key in found else tool


def _name(text: str) -> str:
    return " ".join(text.split()).casefold()


async def index_of(store: EventStore, own_host: str | None = None) -> Index:
    """Of the catalogue as the log has it now. Raises `Unavailable`."""
    tools = []
    after = None
    while page := await store.last_of_prefix(PREFIX, TOOLS_READ_MAX, after):
        for last in page:
            event = last.event
            if isinstance(event, ToolEvent) and not isinstance(event, ToolDelisted):
                tools.append((ToolId(last.subject), event.slug, event.entry, last.position))
        after = page[-1].stream
    return Index(tools, own_host)


async def slugs_in(
    store: EventStore, index: Index, pages: Collection[Saved]
) -> dict[ToolSlug, ToolId]:
    """The tools to which the slugs in the pages lead. Raises `Unavailable`."""
    named = {slug for page in pages if (slug := index.slug_of(page)) is not None}
    return await catalogue.ids(store, None, named)

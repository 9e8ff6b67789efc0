"""The shapes of the responses about bookmarks and collections."""

from typing import Literal

from msgspec import Struct

from votes.domain.bookmarks.unmatched import UnmatchedId
from votes.domain.terms import CollectionId, PublicId, Rank, Time, ToolSlug
from votes.domain.verdict import Call, PanelVerdict
from votes.engine.log import Position


class BookmarkView(Struct, frozen=True):
    """A bookmark of the caller's. `etag` stands for it as it is: `If-Match: "ETAG"` changes it only
    if it still is so.

    `collection` is the id that was given: while there is no such collection, the bookmark is in
    none. `rank` is its place in an own order, the one given or else by when it was added. What is
    stored beside an `unreadable` one cannot be decrypted: a program other than ours has stored it.
    `url` is the address at which it was saved elsewhere, where that is another one than the tool's.
    """

    tool: ToolSlug
    note: str
    tags: tuple[str, ...]
    collection: CollectionId | None
    rank: Rank
    unreadable: bool
    url: str | None
    added_at: Time
    changed_at: Time
    etag: str
    position: Position


class BookmarksPage(Struct, frozen=True):
    bookmarks: list[BookmarkView]
    next_cursor: str | None
    total: int


class CollectionView(Struct, frozen=True):
    """A collection of the caller's; `etag` as a bookmark has one.

    `parent` is the id that was given. The collection is inside it while that is there and at the
    top; else it is at the top itself. `rank` is its place among those beside it. `public` is the
    id under which everybody may read it, None where nobody else may.
    """

    id: CollectionId
    name: str
    parent: CollectionId | None
    rank: Rank
    public: PublicId | None
    added_at: Time
    changed_at: Time
    etag: str
    position: Position


class CountedCollection(CollectionView, frozen=True):
    """`inside` is the collection that this one is in. `bookmarks` are those in itself, without
    those in what is inside it."""

    inside: CollectionId | None
    bookmarks: int


class MyCollections(Struct, frozen=True):
    """In their order: each at the top, followed by those inside it. `unsorted` are the bookmarks
    in no collection."""

    collections: list[CountedCollection]
    unsorted: int


class TagCount(Struct, frozen=True):
    """A tag, and how many of the caller's bookmarks have it."""

    name: str
    bookmarks: int


class BookmarkLabels(Struct, frozen=True):
    """The tags by name, the collections in their order."""

    tags: list[TagCount]
    collections: list[CountedCollection]
    unsorted: int
    total: int


class CollectionChange(Struct, frozen=True):
    """What happened to a collection. `collection` is as it was after the change, None where it was
    removed."""

    kind: Literal["saved", "removed"]
    id: CollectionId
    collection: CollectionView | None
    at: Time
    position: Position


class BookmarkChange(Struct, frozen=True):
    """What happened to a bookmark. `bookmark` is as it was after the change, None where it was
    removed; `tool` is the slug that the tool has now."""

    kind: Literal["added", "revised", "removed"]
    tool: ToolSlug
    bookmark: BookmarkView | None
    at: Time
    position: Position


class BookmarkChanges(Struct, frozen=True):
    """In order. `next_cursor` gives what comes next, whenever it is asked: `more` says that there
    is something already. `from_start` says that the changes begin with the first one: of what the
    client has, only what they say is there. Changes of bookmarks and of collections do not depend
    on each other."""

    changes: list[BookmarkChange]
    collections: list[CollectionChange]
    next_cursor: str
    more: bool
    from_start: bool


class BatchAnswer(Struct, frozen=True):
    """What came of an operation: its status is what a request of its own would have. `code` says
    why it was refused."""

    tool: ToolSlug
    status: int
    code: str | None
    bookmark: BookmarkView | None


class BatchAnswers(Struct, frozen=True):
    """One for each operation, in order. `position` can be given to any read as `min_position`."""

    answers: list[BatchAnswer]
    position: Position


class RemovedBookmark(Struct, frozen=True):
    """A bookmark as it was before it was removed at the position; what undoes that is
    `{"after": POSITION - 1, "until": POSITION}`."""

    bookmark: BookmarkView
    removed_at: Time
    position: Position


class RemovedCollection(Struct, frozen=True):
    """As `RemovedBookmark`. What was in it is in it again once its removal is undone."""

    collection: CollectionView
    removed_at: Time
    position: Position


class RemovedBookmarks(Struct, frozen=True):
    """Those of the last 30 days, the last first. `total` counts the bookmarks, and only these come
    in pages: each page has all `collections`."""

    removed: list[RemovedBookmark]
    collections: list[RemovedCollection]
    next_cursor: str | None
    total: int


class BookmarksChanged(Struct, frozen=True):
    """How many bookmarks, collections and unmatched pages changed; the events after the position
    `after` up to `until` did it."""

    bookmarks: int
    collections: int
    after: Position
    until: Position
    unmatched: int = 0


class UnmatchedPage(Struct, frozen=True):
    """A page that the caller saved elsewhere, as it came. `web` says whether its address is one of
    the web: only then it may be made a link. `folder` is a path, from the outermost."""

    id: UnmatchedId
    url: str
    web: bool
    title: str
    folder: tuple[str, ...]
    tags: tuple[str, ...]
    note: str
    added_at: Time | None


class UnmatchedPages(Struct, frozen=True):
    """The newest first."""

    unmatched: list[UnmatchedPage]
    next_cursor: str | None


class UnreadEntry(Struct, frozen=True):
    """An entry of a file, by its number from 1, and why it was left out."""

    entry: int
    reason: str


class ImportView(Struct, frozen=True):
    """How far an import is. `entries` is how many bookmarks the file has, None until it is read;
    `done` how many of the writes that it leads to are stored, of `total`.

    `added` and `revised` count bookmarks, `collections` new ones, `unmatched` new pages that are no
    tool here; what was there already counts in none of them. `left_out` entries cannot be taken,
    `unread` says why, of the first 100. What came before `until` and after `after` is what an undo
    takes back. `reason` says why an import has failed: nothing of it is stored then, or it was
    broken off and the same file goes on.
    """

    id: str
    state: Literal["waiting", "running", "done", "failed"]
    reason: str | None = None
    entries: int | None = None
    done: int = 0
    total: int = 0
    added: int = 0
    revised: int = 0
    collections: int = 0
    unmatched: int = 0
    left_out: int = 0
    unread: list[UnreadEntry] = []
    after: Position = 0
    until: Position = 0


class SharedTool(Struct, frozen=True):
    """A tool of a public collection, with both verdicts, and when it was added."""

    tool: ToolSlug
    name: str
    tagline: str
    category: str
    panel: PanelVerdict
    call: Call
    added_at: Time


class SharedCollection(Struct, frozen=True):
    """In the order of its user. Tools that are not listed any more are left out of the page, and
    not of `total`."""

    public: PublicId
    name: str
    tools: list[SharedTool]
    next_cursor: str | None
    total: int

"""The operations on bookmarks and collections."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from votes.app.bookmarks.responses import (
    BatchAnswers,
    BookmarkChanges,
    BookmarkLabels,
    BookmarksChanged,
    BookmarksPage,
    BookmarkView,
    CollectionView,
    ImportView,
    MyCollections,
    RemovedBookmarks,
    SharedCollection,
    UnmatchedPages,
)
from votes.client.transport import Transport
from votes.domain.bookmarks.bookmark import Annotations


class Bookmarks(Transport):
    """The bookmarks of the user as whom this client asks."""

    async def list_bookmarks(
        self,
        *,
        sort: str = "added",
        q: str | None = None,
        tag: str | None = None,
        collection: str | None = None,
        unsorted: bool = False,
        cursor: str | None = None,
        limit: int | None = None,
        min_position: int = 0,
    ) -> BookmarksPage:
        of = {
            "q": q,
            "tag": tag,
            "collection": collection,
            "unsorted": "true" if unsorted else None,
        }
        page = {"cursor": cursor, "limit": limit, "min_position": min_position}
        query = {"sort": sort, **of, **page}
        return await self._get("/v1/me/bookmarks", BookmarksPage, query)

    async def put_bookmark(
        self, tool: str, kept: Annotations | None = None, *, etag: str | None = None
    ) -> BookmarkView:
        """Without annotations, those that there are stay as they are. With an etag only if the
        bookmark still has it."""
        path = f"/v1/me/bookmarks/{tool}"
        response = await self._command("PUT", path, kept, **_if_match(etag))
        return msgspec.json.decode(response.content, type=BookmarkView)

    async def remove_bookmark(self, tool: str, *, etag: str | None = None) -> None:
        await self._command("DELETE", f"/v1/me/bookmarks/{tool}", **_if_match(etag))

    async def list_collections(self) -> MyCollections:
        return await self._get("/v1/me/collections", MyCollections)

    async def put_collection(
        self,
        collection_id: str,
        name: str,
        *,
        parent: str | None = None,
        rank: str | None = None,
        public: bool = False,
        etag: str | None = None,
    ) -> CollectionView:
        """Make the collection, or revise it. With an etag only if it still has it."""
        body = {"name": name, "parent": parent, "rank": rank, "public": public}
        path = f"/v1/me/collections/{collection_id}"
        response = await self._command("PUT", path, body, **_if_match(etag))
        return msgspec.json.decode(response.content, type=CollectionView)

    async def remove_collection(self, collection_id: str, *, etag: str | None = None) -> None:
        await self._command("DELETE", f"/v1/me/collections/{collection_id}", **_if_match(etag))

    async def get_shared_collection(
        self, public: str, *, cursor: str | None = None, limit: int | None = None
    ) -> SharedCollection:
        """A public collection of anybody's."""
        query = {"cursor": cursor, "limit": limit}
        return await self._get(f"/v1/collections/{public}", SharedCollection, query)

    async def list_bookmark_labels(self) -> BookmarkLabels:
        return await self._get("/v1/me/bookmarks:labels", BookmarkLabels)

    async def list_removed_bookmarks(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> RemovedBookmarks:
        query = {"cursor": cursor, "limit": limit}
        return await self._get("/v1/me/bookmarks:removed", RemovedBookmarks, query)

    async def list_bookmark_changes(
        self, cursor: str | None = None, *, limit: int | None = None
    ) -> BookmarkChanges:
        query = {"cursor": cursor, "limit": limit}
        return await self._get("/v1/me/bookmarks/changes", BookmarkChanges, query)

    async def batch_bookmarks(self, operations: Sequence[Mapping[str, Any]]) -> BatchAnswers:
        """Each is `{"op": "put" or "delete", "tool": …}`, as the API's description says."""
        body = {"operations": operations}
        return await self._write("POST", "/v1/me/bookmarks:batch", BatchAnswers, body)

    async def import_bookmarks(self, file: bytes) -> ImportView:
        """Of a browser or another product. See `get_import` for how it goes on."""
        response = await self._request("POST", "/v1/me/bookmarks/import", content=file)
        return msgspec.json.decode(response.content, type=ImportView)

    async def get_import(self, import_id: str) -> ImportView:
        return await self._get(f"/v1/me/bookmarks/imports/{import_id}", ImportView)

    async def export_bookmarks(self, form: Literal["html", "json", "csv"] = "html") -> bytes:
        path = "/v1/me/bookmarks/export"
        return (await self._request("GET", path, params={"format": form})).content

    async def list_unmatched_pages(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> UnmatchedPages:
        query = {"cursor": cursor, "limit": limit}
        return await self._get("/v1/me/bookmarks/unmatched", UnmatchedPages, query)

    async def remove_unmatched_page(self, unmatched_id: str) -> None:
        await self._command("DELETE", f"/v1/me/bookmarks/unmatched/{unmatched_id}")

    async def retag_bookmarks(self, tag: str, to: str | None) -> BookmarksChanged:
        """The tag gets another name, or is merged into another tag; with None it is taken away."""
        body = {"tag": tag, "to": to}
        return await self._write("POST", "/v1/me/bookmarks:retag", BookmarksChanged, body)

    async def undo_bookmarks(self, after: int, until: int) -> BookmarksChanged:
        body = {"after": after, "until": until}
        return await self._write("POST", "/v1/me/bookmarks:undo", BookmarksChanged, body)


def _if_match(etag: str | None) -> dict[str, str]:
    return {"If-Match": f'"{etag}"'} if etag is not None else {}

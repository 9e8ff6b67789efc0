"""Examples of the bodies and responses about bookmarks and collections."""

from typing import Any

BOOKMARK: dict[str, Any] = {
    "tool": "mistral-3-small",
    "note": "Try on the build machine",
    "tags": ["edge"],
    "collection": "to-try",
    "rank": "0649b11a2e5000d5a1f3c7",
    "unreadable": False,
    "url": None,
    "added_at": "2026-01-31T12:00:00Z",
    "changed_at": "2026-01-31T12:05:00Z",
    "etag": "5e884898da280471",
    "position": 352,
}
COLLECTION: dict[str, Any] = {
    "id": "to-try",
    "name": "To try",
    "parent": None,
    "rank": "0649b11a2e40009c0b6d12",
    "public": "q83vEjRWeJCrze8SNFZ4kA",
    "added_at": "2026-01-31T12:00:00Z",
    "changed_at": "2026-01-31T12:05:00Z",
    "etag": "0f6a5fd7d4e5bb9a",
    "position": 353,
}
_COUNTED = COLLECTION | {"inside": None, "bookmarks": 1}
_ANNOTATIONS = {key: BOOKMARK[key] for key in ("note", "tags", "collection", "rank", "url")}
_DONE = {"bookmarks": 12, "collections": 0, "after": 351, "until": 363, "unmatched": 0}
UNMATCHED: dict[str, Any] = {
    "id": "fe7359a2b5ff-8f434346648f6b96df89dda901c5176b",
    "url": "https://example.org/on-device",
    "web": True,
    "title": "Models on a phone",
    "folder": ["Work", "Models"],
    "tags": ["edge"],
    "note": "Chapter 3",
    "added_at": "2026-01-31T12:00:00Z",
}
_IMPORT: dict[str, Any] = {
    "id": "q83vEjRWeJCrze8SNFZ4kA",
    "state": "running",
    "reason": None,
    "entries": 42,
    "done": 10,
    "total": 45,
    "added": 7,
    "revised": 1,
    "collections": 2,
    "unmatched": 0,
    "left_out": 1,
    "unread": [{"entry": 3, "reason": "A script is no page."}],
    "after": 351,
    "until": 363,
}
BOOKMARKS: dict[str, dict[str, Any]] = {
    "importBookmarks": {"response": _IMPORT},
    "getImport": {"response": _IMPORT},
    "listUnmatchedPages": {"response": {"unmatched": [UNMATCHED], "next_cursor": None}},
    "listBookmarks": {"response": {"bookmarks": [BOOKMARK], "next_cursor": None, "total": 1}},
    "putBookmark": {
        "body": _ANNOTATIONS,
        "response": BOOKMARK,
    },
    "listBookmarkLabels": {
        "response": {
            "tags": [{"name": "edge", "bookmarks": 1}],
            "collections": [_COUNTED],
            "unsorted": 0,
            "total": 1,
        }
    },
    "listRemovedBookmarks": {
        "response": {
            "removed": [
                {"bookmark": BOOKMARK, "removed_at": "2026-01-31T13:00:00Z", "position": 363}
            ],
            "collections": [],
            "next_cursor": None,
            "total": 1,
        }
    },
    "listBookmarkChanges": {
        "response": {
            "changes": [
                {
                    "kind": "revised",
                    "tool": "mistral-3-small",
                    "bookmark": BOOKMARK,
                    "at": "2026-01-31T12:05:00Z",
                    "position": 352,
                }
            ],
            "collections": [
                {
                    "kind": "saved",
                    "id": "to-try",
                    "collection": COLLECTION,
                    "at": "2026-01-31T12:05:00Z",
                    "position": 353,
                }
            ],
            "next_cursor": "WyJib29rbWFyayBjaGFuZ2VzIiwiYW5uIiwzNTIsIjVlODg0ODk4Il0",
            "more": False,
            "from_start": True,
        }
    },
    "listCollections": {"response": {"collections": [_COUNTED], "unsorted": 0}},
    "putCollection": {
        "body": {"name": "To try", "public": True},
        "response": COLLECTION,
    },
    "getSharedCollection": {
        "response": {
            "public": "q83vEjRWeJCrze8SNFZ4kA",
            "name": "To try",
            "tools": [
                {
                    "tool": "mistral-3-small",
                    "name": "Mistral 3 Small",
                    "tagline": "A 7B model for the edge",
                    "category": "Developer Tools",
                    "panel": "ship",
                    "call": "ship",
                    "added_at": "2026-01-31T12:00:00Z",
                }
            ],
            "next_cursor": None,
            "total": 1,
        }
    },
    "batchBookmarks": {
        "body": {
            "operations": [
                {"op": "put", "tool": "mistral-3-small", "annotations": _ANNOTATIONS},
                {"op": "delete", "tool": "notion"},
            ]
        },
        "response": {
            "answers": [
                {
                    "tool": "mistral-3-small",
                    "status": 200,
                    "code": None,
                    "bookmark": BOOKMARK,
                },
                {"tool": "notion", "status": 204, "code": None, "bookmark": None},
            ],
            "position": 352,
        },
    },
    "retagBookmarks": {"body": {"tag": "edge", "to": "on-device"}, "response": _DONE},
    "undoBookmarks": {"body": {"after": 351, "until": 363}, "response": _DONE},
}

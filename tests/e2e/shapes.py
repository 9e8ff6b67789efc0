"""The shapes of the answers, key by key."""

from typing import Any

NoneType = type(None)
SHARE = (float, NoneType)
CHOICE = {"ship", "skip"}
CHOICE_OR_NONE = {"ship", "skip", None}

TALLY: dict[str, Any] = {
    "tool": str,
    "ship": int,
    "skip": int,
    "total": int,
    "ship_share": SHARE,
    "call": {"none", "too_early", "ship", "skip", "split"},
    "leaning": CHOICE_OR_NONE,
    "estimate": SHARE,
    "interval": (list, NoneType),
    "position": int,
    "as_of": str,
    "stale": bool,
    "held": int,
    "discounted": int,
    "against": dict,
    "under_review": bool,
    "close": bool,
}
REVIEW: dict[str, Any] = {
    "persona": str,
    "score": int,
    "choice": CHOICE,
    "body": str,
    "revised_at": str,
}
PANEL: dict[str, Any] = {
    "verdict": {"pending", "ship", "mixed", "skip"},
    "ship": int,
    "skip": int,
    "ship_share": SHARE,
    "mean_score": SHARE,
    "spread": (int, NoneType),
    "reviews": [REVIEW],
}
PLAN = {"name": str, "price": SHARE, "period": str}
ENTRY: dict[str, Any] = {
    "name": str,
    "category": str,
    "tagline": str,
    "description": str,
    "url": (str, NoneType),
    "pricing": str,
    "best_for": str,
    "plans": [PLAN],
}
SUMMARY: dict[str, Any] = {
    "slug": str,
    **ENTRY,
    "entry_price": SHARE,
    "listed_at": str,
    "panel": PANEL,
    "community": TALLY,
    "position": int,
    "former": [str],
}
TOOLS_PAGE = {"tools": [SUMMARY], "next_cursor": (str, NoneType), "total": int}
TALLIES = {"tallies": [TALLY]}
REVIEWS = {"tool": str, "panel": PANEL, "position": int}
COMPARE: dict[str, Any] = {
    "a": SUMMARY,
    "b": SUMMARY,
    "differences": [{"field": str, "a": object, "b": object}],
    "position": int,
}
VOTE = {
    "tool": str,
    "choice": CHOICE_OR_NONE,
    "previous": CHOICE_OR_NONE,
    "changed": bool,
    "position": int,
}
BOOKMARK = {
    "tool": str,
    "note": str,
    "tags": [str],
    "collection": (str, NoneType),
    "rank": str,
    "unreadable": bool,
    "url": (str, NoneType),
    "added_at": str,
    "changed_at": str,
    "etag": str,
    "position": int,
}
COLLECTION = {
    "id": str,
    "name": str,
    "parent": (str, NoneType),
    "rank": str,
    "public": (str, NoneType),
    "added_at": str,
    "changed_at": str,
    "etag": str,
    "position": int,
}
BOOKMARKS = {"bookmarks": [BOOKMARK], "next_cursor": (str, NoneType), "total": int}
REVIEW_WRITTEN = {
    "tool": str,
    "persona": str,
    "score": int,
    "choice": CHOICE,
    "body": str,
    "changed": bool,
    "position": int,
}
TOOL_WRITTEN = {"tool": str, "entry": ENTRY, "changed": bool, "position": int}
ME = {
    "kind": {"user", "visitor", "nobody"},
    "id": (str, NoneType),
    "roles": [str],
    "persona": (str, NoneType),
    "login_ended": bool,
}
READY = {
    "status": {"ok", "degraded", "unavailable"},
    "postgres": bool,
    "read_models": bool,
    "head": (int, NoneType),
    "position": (int, NoneType),
    "lag": (int, NoneType),
    "parked": int,
    "version": str,
}


def check_shape(value: Any, shape: Any, where: str = "$") -> None:
    """Exactly these keys, and values of these types; a whole number also serves as a share."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert set(value) == set(shape), where
        for key, inner in shape.items():
            check_shape(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for number, part in enumerate(value):
            check_shape(part, shape[0], f"{where}[{number}]")
    elif isinstance(shape, set):
        assert value in shape, f"{where}: {value!r}"
    else:
        assert isinstance(value, shape), f"{where}: {value!r}"
        assert shape in (bool, object) or not isinstance(value, bool), f"{where}: {value!r}"

"""Examples of the bodies and responses of operations."""

from typing import Any

import msgspec

from votes.api.bookmark_examples import BOOKMARK, BOOKMARKS, COLLECTION, UNMATCHED

TALLY: dict[str, Any] = {
    "tool": "mistral-3-small",
    "ship": 9,
    "skip": 0,
    "total": 9,
    "ship_share": 1.0,
    "call": "ship",
    "leaning": None,
    "estimate": 0.846154,
    "interval": [0.508491, 1.0],
    "position": 351,
    "as_of": "2026-01-31T12:00:00Z",
    "stale": False,
    "held": 2,
    "discounted": 30,
    "against": {"unproven": 2, "ruling": 30},
    "under_review": False,
    "close": False,
}
REVIEW: dict[str, Any] = {
    "score": 85,
    "choice": "ship",
    "body": "Runs on the laptop it was promised for.",
}
PANEL: dict[str, Any] = {
    "verdict": "ship",
    "ship": 3,
    "skip": 1,
    "ship_share": 0.75,
    "mean_score": 73.75,
    "spread": 33,
    "reviews": [{"persona": "builder", **REVIEW, "revised_at": "2026-01-31T12:00:00Z"}],
}
REVISION = {"opinion": REVIEW, "at": "2026-01-31T12:00:00Z"}
REVISIONS = {"tool": "mistral-3-small", "persona": "builder", "revisions": [REVISION]}
ENTRY: dict[str, Any] = {
    "name": "Mistral 3 Small",
    "category": "Developer Tools",
    "tagline": "A 7B model for the edge",
    "description": "A small language model with function calling.",
    "url": "https://example.com/mistral-3-small",
    "pricing": "Free / Open weights (Apache 2.0)",
    "best_for": "On-device work",
    "plans": [{"name": "Open weights", "price": 0, "period": ""}],
}
SHORT = {"name": ENTRY["name"], "category": ENTRY["category"], "tagline": ENTRY["tagline"]}
SUGGESTION = {"tool": "mistral-3-small", **SHORT}
MINE = {"tool": "mistral-3-small", "name": ENTRY["name"], "review": PANEL["reviews"][0]}
SUMMARY: dict[str, Any] = {
    "slug": "mistral-3-small",
    **ENTRY,
    "entry_price": 0.0,
    "listed_at": "2026-01-30T12:00:00Z",
    "panel": PANEL,
    "community": TALLY,
    "position": 351,
    "former": ["mistral-3"],
}
LINK = "358-5e884898da28"
VOTE: dict[str, Any] = {
    "tool": "mistral-3-small",
    "choice": "ship",
    "previous": None,
    "changed": True,
    "position": 351,
}
RULING: dict[str, Any] = {
    "id": "5b1f6c0e9a7d4432",
    "tool": "mistral-3-small",
    "verdict": "discount",
    "selector": {"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T12:30:00Z"},
    "reason": "300 new visitors within half an hour, all for ship.",
    "made_at": "2026-01-31T13:00:00Z",
    "lifted_at": None,
    "votes": 30,
    "position": 351,
}
VISITOR = {"token": "rC0n5iXcQv2mZ1u7bqf0Aw.498771.3pJX0x1m8yQe5oUqkqz4Tg"}
PROBLEM: dict[str, Any] = {
    "type": "urn:votes:problem:tool_unknown",
    "title": "Not found",
    "status": 404,
    "code": "tool_unknown",
    "detail": "There is no tool 'mistral-4' in the catalogue.",
}
STREAM = f"""retry: 2500
: the states follow

event: tally
data: {msgspec.json.encode(TALLY).decode()}
id: 5f0c1c9e.1-351

: still here

event: delisted
data: {{"tool":"mistral-3-small","position":360,"former":[]}}
id: 5f0c1c9e.1-360

"""
EXAMPLES: dict[str, dict[str, Any]] = {
    **BOOKMARKS,
    "castVote": {"body": {"choice": "ship"}, "response": VOTE},
    "retractVote": {"response": {**VOTE, "choice": None, "previous": "ship"}},
    "createVisitor": {"response": VISITOR},
    "getChallenge": {
        "response": {
            "parameters": {
                "algorithm": "PBKDF2/SHA-256",
                "nonce": "76bf7a6c1bb2d0a21d7f0a4c8b6a2f10",
                "salt": "0f6a5fd7d4e5bb9a6f4a0b8e9c1d2e3f",
                "cost": 5000,
                "keyLength": 32,
                "keyPrefix": "00",
                "expiresAt": 1795665600,
            },
            "signature": "b7e4c1e6b1a6a1c9a3a6f0d0a1f6f0c2d6c8a9e1b2c3d4e5f60718293a4b5c6d",
        }
    },
    "getTally": {"response": TALLY},
    "getTallies": {"response": {"tallies": [TALLY]}},
    "getTrend": {
        "response": {
            "tool": "mistral-3-small",
            "bucket": "day",
            "buckets": [
                {
                    "at": "2026-01-31T00:00:00Z",
                    "ship": 4,
                    "skip": 0,
                    "ship_total": 9,
                    "skip_total": 0,
                }
            ],
            "position": 351,
        }
    },
    "getCohorts": {
        "response": {
            "tool": "mistral-3-small",
            "claim": "plan",
            "values": [
                {"ship": 20, "skip": 5, "total": 25, "ship_share": 0.8, "value": "pro"},
                {"ship": 3, "skip": 4, "total": 7, "ship_share": 0.428571, "value": "free"},
            ],
            "others": {"ship": 6, "skip": 3, "total": 9, "ship_share": 0.666667},
            "distinct": 3,
            "minimum": 5,
            "position": 351,
            "as_of": "2026-01-31T12:00:00Z",
            "stale": False,
        }
    },
    "getTool": {"response": SUMMARY},
    "listTools": {"response": {"tools": [SUMMARY], "next_cursor": None, "total": 1}},
    "suggestTools": {"response": {"suggestions": [SUGGESTION]}},
    "compareTools": {
        "response": {
            "a": SUMMARY,
            "b": SUMMARY | {"slug": "another", "pricing": "From $9/mo"},
            "differences": [{"field": "pricing", "a": ENTRY["pricing"], "b": "From $9/mo"}],
            "position": 351,
        }
    },
    "compareSeveralTools": {
        "response": {
            "tools": [SUMMARY, SUMMARY | {"slug": "another", "pricing": "On request"}],
            "contrasts": [{"field": "pricing", "values": [ENTRY["pricing"], "From $9/mo"]}],
            "position": 351,
        }
    },
    "putTool": {
        "body": ENTRY,
        "response": {"tool": "mistral-3-small", "entry": ENTRY, "changed": True, "position": 2},
    },
    "renameTool": {
        "body": {"slug": "mistral-small-3"},
        "response": {
            "tool": "mistral-small-3",
            "previous": "mistral-3-small",
            "changed": True,
            "position": 361,
        },
    },
    "listReviews": {"response": {"tool": "mistral-3-small", "panel": PANEL, "position": 340}},
    "putReview": {
        "body": REVIEW,
        "response": {
            "tool": "mistral-3-small",
            "persona": "builder",
            **REVIEW,
            "changed": True,
            "position": 340,
        },
    },
    "makeRuling": {
        "body": {
            "tool": "mistral-3-small",
            "selector": {"from": "2026-01-31T12:00:00Z", "to": "2026-01-31T12:30:00Z"},
            "verdict": "discount",
            "reason": "300 new visitors within half an hour, all for ship.",
        }
    },
    "listRulings": {"response": {"rulings": [RULING], "next_cursor": None, "total": 1}},
    "getLink": {
        "response": {
            "id": LINK,
            "made_at": "2026-01-31T12:00:00Z",
            "undone_at": None,
            "votes": 3,
            "carried_out": False,
        }
    },
    "getModerationQueue": {
        "response": {
            "clusters": [
                {
                    "id": "9f2c51d07a3be684",
                    "found_at": "2026-01-31T12:40:00Z",
                    "voters": 120,
                    "votes": 461,
                    "first": "2026-01-31T12:00:03Z",
                    "last": "2026-01-31T12:29:51Z",
                    "density": 0.768,
                    "lockstep": 1310.5,
                    "one_sided": 5.2e9,
                    "tools": [
                        {
                            "tool": "mistral-3-small",
                            "start": "2026-01-31T12:00:00Z",
                            "end": "2026-01-31T12:30:00Z",
                            "ship": 96,
                            "skip": 0,
                            "ship_share": 1.0,
                            "others_ship_share": 0.54,
                            "ruled": False,
                        }
                    ],
                    "chart": [40, 55, 1],
                    "networks": 3,
                    "network_known": 118,
                    "position": 352,
                }
            ],
            "bursts": [
                {
                    "tool": "mistral-3-small",
                    "start": "2026-01-31T12:00:03Z",
                    "end": "2026-01-31T12:08:00Z",
                    "votes": 24,
                    "new": 24,
                    "ship": 24,
                    "usual": 0.14,
                    "networks": 21,
                    "network_known": 24,
                    "position": 300,
                }
            ],
            "tools": [
                {
                    "tally": TALLY,
                    "hours": [
                        {
                            "at": "2026-01-31T12:00:00Z",
                            "ship": 3,
                            "skip": 0,
                            "held": 2,
                            "discounted": 30,
                        }
                    ],
                }
            ],
            "next_cursor": None,
            "total": 1,
        }
    },
    "getMe": {
        "response": {
            "kind": "user",
            "id": "ada",
            "roles": ["panelist"],
            "persona": "builder",
            "login_ended": False,
        }
    },
    "getMyState": {"response": {"mistral-3-small": {"vote": "ship", "bookmarked": True}}},
    "exportMe": {
        "response": {
            "id": "ada@example.com",
            "since": "2026-01-30T12:00:00Z",
            "votes": [
                {
                    "tool": "mistral-3-small",
                    "choice": "ship",
                    "at": "2026-01-31T12:00:00Z",
                    "claims": {"plan": "pro"},
                }
            ],
            "bookmarks": [BOOKMARK],
            "unmatched": [UNMATCHED],
            "collections": [COLLECTION],
            "acts": [
                {
                    "type": "ReviewPublished",
                    "tool": "mistral-3-small",
                    "at": "2026-01-31T12:00:00Z",
                    "data": {"opinion": REVIEW},
                    "position": 340,
                }
            ],
            "links": [{"id": LINK, "at": "2026-01-31T12:00:00Z"}],
        }
    },
    "listMyReviews": {"response": {"reviews": [MINE], "next_cursor": None, "total": 1}},
    "listUnreviewedTools": {"response": {"tools": [SUGGESTION], "next_cursor": None, "total": 1}},
    "listMyRevisions": {"response": REVISIONS},
    "listMyVotes": {
        "response": {
            "votes": [{"tool": "mistral-3-small", "choice": "ship", "at": "2026-01-31T12:00:00Z"}],
            "next_cursor": None,
            "total": 1,
            "link": None,
        }
    },
    "linkVisitor": {
        "body": {"visitor": VISITOR["token"]},
        "response": {"linked": True, "votes": 3, "position": 361, "link": LINK},
    },
    "subscribeToDigest": {"body": {"email": "ada@example.com"}},
}

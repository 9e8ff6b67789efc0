"""Ship-or-skip votes, bookmarks and panel reviews on an event log in Postgres."""

__version__ = "0.1.0"

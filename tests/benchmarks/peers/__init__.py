"""Whom we are measured beside.

What a web developer writes first (Django, FastAPI): votes in a table, and a counter for each tool
beside them. Each is the plainest correct form: one transaction a vote, one row a voter and tool,
the counter's row locked while it changes. They keep no history, check no cookie and have no limits.

The package `eventsourcing` as its documentation says; a Litestar that does nothing; bare streams.
"""

"""What a web developer writes first: votes in a table, and a counter for each tool beside them.

Each is the plainest correct form: one transaction a vote, one row a voter and tool, the counter's
row locked while it changes. They keep no history, check no cookie and have no limits.
"""

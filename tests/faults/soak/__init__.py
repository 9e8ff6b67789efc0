"""Everything at once, at random from one seed: the honest, the hostile, and what breaks below them.

`record` keeps what was seen, `judge` counts the log apart from the program and compares.
"""

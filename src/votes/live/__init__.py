"""The fan-out of tallies and summaries to browsers, as server-sent events."""

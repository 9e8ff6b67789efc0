"""kill -9 of one part, at any moment, while it works."""

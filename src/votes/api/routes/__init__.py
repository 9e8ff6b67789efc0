"""The routes of the API: one subject, one file."""

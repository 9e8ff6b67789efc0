"""Parts of the running program are killed, and nothing acknowledged is lost."""

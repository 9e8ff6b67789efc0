"""Routes under /v1/me, and those of shared collections."""

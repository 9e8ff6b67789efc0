"""Pictures: of a tool or a pair for other sites, and of the votes over time."""

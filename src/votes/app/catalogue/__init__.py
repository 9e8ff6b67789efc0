"""The tools: found by slug, listed, compared, over time."""

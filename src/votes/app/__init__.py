"""The queries: catalogue, comparisons, the past, bookmarks, and the shapes of the responses."""

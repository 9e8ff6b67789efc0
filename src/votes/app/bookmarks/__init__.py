"""Bookmarks and collections: what is kept, listed, shared, imported and exported."""

"""Files of bookmarks, as browsers and other products write them, and as `votes` does."""

"""Files of bookmarks, as browsers and other products write them, and as `votes` does;
and JSON without repeated fields."""

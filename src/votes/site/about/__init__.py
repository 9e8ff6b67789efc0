"""Pages of the site itself: how verdicts are made, what is stored of readers, the API."""

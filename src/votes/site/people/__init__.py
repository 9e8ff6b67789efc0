"""Pages of a person who has logged in, or reads the mail."""

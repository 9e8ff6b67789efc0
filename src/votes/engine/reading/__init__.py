"""What an API process reads: its read models or the log, and the rows of lists in order."""

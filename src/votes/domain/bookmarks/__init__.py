"""What users save: bookmarks, collections, and pages that are no tool here."""

"""The search: finds tools by what is typed, with typos."""

"""What moderators see and rule, and what the scan finds."""

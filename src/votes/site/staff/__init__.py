"""Pages of moderators, panelists and admins."""

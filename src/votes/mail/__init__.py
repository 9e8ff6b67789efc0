"""The weekly mail: how it is written and how it is sent."""

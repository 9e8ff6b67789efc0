"""The rules, pure: no input or output, no clock, no randomness. One aggregate, one file."""

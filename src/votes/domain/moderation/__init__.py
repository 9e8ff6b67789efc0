"""Votes of one hand: what the scan found, and rulings on votes."""

"""Tokens and sessions: what proves who somebody is."""

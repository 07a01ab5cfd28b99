"""Proof for a reader who trusts nobody here: checking what a ledger holds, offline, with the robots' keys alone."""

"""Fault runs: 10,000 faults in one process, and hundreds with real processes that are killed (`make faults`)."""

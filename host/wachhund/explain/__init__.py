"""Why an incident is one: what was seen, which rule, what was allowed and did not cover it, what would have kept it
quiet. From the ledger only."""

"""The life of an incident among people: acknowledged, assigned, closed, silenced; and whether it rings."""

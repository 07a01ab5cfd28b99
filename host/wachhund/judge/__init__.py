"""What it means: observations become sessions (who uses which surface, from where) and incidents.

The engine (`engine.Judge`) is pure: no clock, no I/O. Rules are loaded at the edge, by `command` and `loop`.
"""

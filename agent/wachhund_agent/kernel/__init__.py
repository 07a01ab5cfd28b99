"""Thin readers of kernel interfaces: records out, no policy."""

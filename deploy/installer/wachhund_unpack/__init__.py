"""Unpacks the host onto the operators' machine, from its bundle. Standard library only."""

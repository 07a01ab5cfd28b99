"""Telling people, and programs, of incidents: who, by which way, when, and whether it arrived."""

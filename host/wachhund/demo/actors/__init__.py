"""The programs of the scene. Each is a file that runs alone, by path: it imports nothing of ours.

Each ends when its standard input does, so none outlives the demo, however the demo ends.
"""

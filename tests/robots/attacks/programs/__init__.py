"""Programs of the corpus: `relay.py` runs on the robot under a drawn name, the others around it."""

"""Programs that run in the virtual robot, by its own Python."""

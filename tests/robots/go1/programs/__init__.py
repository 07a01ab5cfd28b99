"""Programs that run in the robot's namespaces. Those of the Pi and the Nanos are plain Python 3.7 and stand alone."""

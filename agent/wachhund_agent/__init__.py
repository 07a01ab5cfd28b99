"""The agent: observes a robot, signs what it saw, and keeps it until the host holds it."""

import warnings

__version__ = "0.1.0"

# The robot's Python is its maker's choice: a warning at each start tells its owner nothing that he can change.
warnings.filterwarnings("ignore", message="Python 3.7 is no longer supported", module="wachhund_")

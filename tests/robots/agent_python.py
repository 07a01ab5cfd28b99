"""Which Python runs the agent in tests of real processes: ours, or a robot's own by WACHHUND_AGENT_PYTHON."""

import os
import sys

AGENT_PYTHON = os.environ.get("WACHHUND_AGENT_PYTHON", sys.executable)

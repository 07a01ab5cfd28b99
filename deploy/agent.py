"""Starts the installed agent with the libraries beside this file and the standard library, and nothing else.

Run it with -I -S -B: no environment, no site-packages of the robot (the vendor's scripts install things there at each
boot), and nothing is written.
"""

import sys
from pathlib import Path

# By its real path: what runs is this version, also when `current` leads to another one meanwhile.
sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))

from wachhund_agent.cli import main  # its place is known only now

sys.exit(main())

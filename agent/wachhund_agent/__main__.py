"""`python -m wachhund_agent` is the same as the command."""

import sys

from wachhund_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())

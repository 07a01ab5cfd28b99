"""`python -m wachhund` is the same as the command."""

import sys

from wachhund.cli import main

if __name__ == "__main__":
    sys.exit(main())

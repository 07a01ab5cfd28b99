"""What MicroPython's unix port lacks of `machine`: a reset, which is an end here: whoever looks on starts it anew."""

import sys


def reset() -> None:
    """End at once."""
    sys.exit(75)

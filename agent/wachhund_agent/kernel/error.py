"""What a reader of a kernel interface raises."""

from wachhund_evidence import WachhundError


class KernelError(WachhundError):
    """A kernel interface does not answer as it should; the sensor above states what it cannot see."""

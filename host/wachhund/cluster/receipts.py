"""Receipts on their way to robots, wherever these are connected: by the nodes."""

from collections.abc import Callable


class Receipts:
    """What the intake sends through (intake.service.Wire). What is lost on the way is made good by the next one."""

    def __init__(self, publish: Callable[[str, bytes], None]) -> None:
        """`publish`: takes a NATS subject."""
        self._publish = publish

    def start(self) -> None:
        """Nothing: the process has a connection."""

    def publish(self, topic: str, message: bytes) -> None:
        """Send, if a node is reached."""
        self._publish(topic.replace("/", "."), message)

    def stop(self) -> None:
        """Nothing."""

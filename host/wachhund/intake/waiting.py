"""Messages between the network's thread and the intake's: bounded, and shared fairly between robots."""

import threading
from collections import Counter, deque
from typing import NamedTuple

MAX_MESSAGES = 8192
MAX_BYTES = 64 * 1024 * 1024
MAX_OF_ONE = 512  # of one robot: the others must find room


class Message(NamedTuple):
    """One message on a robot's evidence topic. `received_t`: host time in seconds since the epoch."""

    robot: str
    payload: bytes
    received_t: float


class Waiting:
    """A queue that says no instead of growing: what it refuses is sent again, as nothing of it is receipted."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._of_robot: Counter[str] = Counter()
        self._closed = False

    def put(self, message: Message) -> bool:
        """Add a message; False if there is no room for it."""
        with self._condition:
            if (
                self._closed
                or len(self._messages) >= MAX_MESSAGES
                or self._bytes + len(message.payload) > MAX_BYTES
                or self._of_robot[message.robot] >= MAX_OF_ONE
            ):
                return False
            self._messages.append(message)
            self._bytes += len(message.payload)
            self._of_robot[message.robot] += 1
            self._condition.notify()
            return True

    def take(self, limit: int, timeout: float) -> list[Message]:
        """At most `limit` messages, oldest first, waiting up to `timeout` seconds for the first."""
        with self._condition:
            self._condition.wait_for(lambda: self._messages or self._closed, timeout)
            taken = [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
            for message in taken:
                self._bytes -= len(message.payload)
                self._of_robot[message.robot] -= 1
                if not self._of_robot[message.robot]:
                    del self._of_robot[message.robot]
            return taken

    def close(self) -> None:
        """Refuse all that comes from now on, and wake who waits."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

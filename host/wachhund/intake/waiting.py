"""Messages between the network's thread and the intake's: bounded, and shared fairly between robots.

A queue for each robot (J. Nagle, RFC 970, 1985), served by what each has cost: start-time fair queueing (P. Goyal,
H. M. Vin, H. Cheng, SIGCOMM 1996). Who costs much waits behind what he sent himself; who costs little is served at
once. When all room is used, the newest of whoever has most waiting goes (its journal still holds it).
"""

import heapq
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

MAX_MESSAGES = 8192
MAX_BYTES = 64 * 1024 * 1024
MAX_OF_ONE = 512  # messages of one robot
MAX_BYTES_OF_ONE = 8 * 1024 * 1024  # of one robot: eight times what an honest one has on its way
_USUAL_BYTES = 16 * 1024
_COST_OF_ONE = 1024.0  # bytes of text that cost as much as a message does whatever is in it


def _nobody_asks() -> None:
    """Where messages come from a broker that keeps none."""


class Message(NamedTuple):
    """One message on a robot's evidence topic. `received_t`: host time in seconds since the epoch.

    `settled`: to be called when it is in the ledger, or was refused: who brought it needs to keep it no longer.
    """

    robot: str
    payload: bytes
    received_t: float
    settled: Callable[[], None] = _nobody_asks


class _Queue:
    """What waits of one robot, and what it has cost so far: the one with the smallest tag is next."""

    def __init__(self, tag: float) -> None:
        self.messages: deque[Message] = deque()
        self.bytes = 0
        self.tag = tag

    @property
    def share(self) -> float:
        """Of the whole room."""
        return max(self.bytes / MAX_BYTES, len(self.messages) / MAX_MESSAGES)


class Waiting:
    """A queue that says no instead of growing: what it refuses is sent again, as nothing of it is receipted."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._queues: dict[str, _Queue] = {}
        self._turns: list[tuple[float, str]] = []  # a heap: one entry for each queue, its tag may be out of date
        self._tags: dict[str, float] = {}  # of robots without a queue; bounded by the registered ones
        self._now = 0.0  # the tag of whoever was served last: where one begins that comes anew
        self._messages = self._bytes = 0
        self._closed = False
        # A heap by share, the largest first, made when the room is used up: to look at each robot's queue for each
        # message would cost most when there is least to spend. An entry may be out of date; who grew has another one.
        self._shares: list[tuple[float, str]] = []

    @property
    def room(self) -> int:
        """How many messages of the usual size there is room for."""
        with self._condition:
            return max(0, min(MAX_MESSAGES - self._messages, (MAX_BYTES - self._bytes) // _USUAL_BYTES))

    def has_room_for(self, size: int) -> bool:
        """Whether a message of so many bytes can be added and none has to go."""
        with self._condition:
            return self._messages < MAX_MESSAGES and self._bytes + size <= MAX_BYTES

    def put(self, message: Message) -> list[Message]:
        """Add a message. Returns those that found no room: this one, or others."""
        robot, size = message.robot, len(message.payload)
        lost: list[Message] = []
        with self._condition:
            queue = self._queues.get(robot)
            if self._closed:
                return [message]
            if queue is not None and (len(queue.messages) >= MAX_OF_ONE or queue.bytes + size > MAX_BYTES_OF_ONE):
                return [message]
            while self._messages >= MAX_MESSAGES or self._bytes + size > MAX_BYTES:
                greediest = self._greediest()
                if greediest == robot:
                    return [*lost, message]
                its = self._queues[greediest]
                lost.append(its.messages.pop())
                self._removed(its, lost[-1])
            if queue is None:
                queue = self._queues[robot] = _Queue(max(self._tags.pop(robot, 0.0), self._now))
                heapq.heappush(self._turns, (queue.tag, robot))
            queue.messages.append(message)
            queue.bytes += size
            self._messages += 1
            self._bytes += size
            has_room = self._messages < MAX_MESSAGES // 2 and self._bytes < MAX_BYTES // 2
            if has_room or len(self._shares) > 4 * MAX_MESSAGES:
                self._shares.clear()
            elif self._shares:
                heapq.heappush(self._shares, (-queue.share, robot))
            self._condition.notify()
        return lost

    def _greediest(self) -> str:
        """Whose share of the room is largest. There is a message."""
        if not self._shares:
            self._shares = [(-queue.share, robot) for robot, queue in self._queues.items()]
            heapq.heapify(self._shares)
        while True:
            share, robot = self._shares[0]
            queue = self._queues.get(robot)
            now = 0.0 if queue is None else -queue.share
            if now == share and queue is not None:
                return robot
            if now < 0.0:
                heapq.heapreplace(self._shares, (now, robot))
            else:
                heapq.heappop(self._shares)

    def _removed(self, queue: _Queue, message: Message) -> None:
        queue.bytes -= len(message.payload)
        self._messages -= 1
        self._bytes -= len(message.payload)

    def _next(self) -> str:
        """Whose turn it is. There is a message."""
        while True:
            tag, robot = self._turns[0]
            queue = self._queues[robot]
            if not queue.messages:
                heapq.heappop(self._turns)
                self._tags[robot] = queue.tag
                del self._queues[robot]
            elif tag < queue.tag:
                heapq.heapreplace(self._turns, (queue.tag, robot))
            else:
                return robot

    def take(self, timeout: float) -> Message | None:
        """The oldest message of the robot whose turn it is, waiting up to `timeout` seconds for one."""
        with self._condition:
            self._condition.wait_for(lambda: self._messages or self._closed, timeout)
            if not self._messages:
                return None
            queue = self._queues[self._next()]
            message = queue.messages.popleft()
            self._removed(queue, message)
            self._now = queue.tag
            queue.tag += _COST_OF_ONE
            return message

    def let_go(self, is_mine: Callable[[str], bool]) -> None:
        """Forget what waits of other robots (ids). It is not settled: whoever takes care of them is given it."""
        with self._condition:
            for robot, queue in self._queues.items():
                while queue.messages and not is_mine(robot):
                    self._removed(queue, queue.messages.pop())

    def charge(self, robot: str, text: int) -> None:
        """A message of that robot, taken before, was found to hold so much text."""
        with self._condition:
            queue = self._queues.get(robot)
            if queue is not None:
                queue.tag += text
            else:
                self._tags[robot] = self._tags.get(robot, self._now) + text

    def close(self) -> None:
        """Refuse all that comes from now on, and wake who waits."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

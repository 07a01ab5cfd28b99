"""The wire between robot and host, in the place of MQTT and a broker, and whoever sits on it."""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

_REMEMBERED = 400  # messages of each direction that can be played again


@dataclass(frozen=True)
class Weather:
    """Chances for each message, and how long it takes: at least `delay_s`, and up to `jitter_s` more."""

    lost: float = 0.0
    twice: float = 0.0
    spoilt: float = 0.0
    delay_s: float = 0.02
    jitter_s: float = 0.0


CALM = Weather()


class Wire:
    """What `Uplink` asks of its wire, and the host's end of it. `now` is moved by the world."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.now = 0.0
        self.weather = CALM
        self.evidence_topic = "wachhund/1/abcdefghi7/evidence"
        self.connected, self.connections, self.cut_s = False, 0, 0.0
        self.on_news: Callable[[], None] = lambda: None
        self._cut_at = 0.0
        self._numbers = itertools.count()
        self._to_host: list[tuple[float, int, bytes]] = []
        self._to_robot: list[tuple[float, int, bytes]] = []
        self.heard_evidence: deque[bytes] = deque(maxlen=_REMEMBERED)
        self.heard_receipts: deque[bytes] = deque(maxlen=_REMEMBERED)

    # The robot's end

    def publish(self, message: bytes) -> None:
        """As MqttWire's."""
        self.heard_evidence.append(message)
        if self.connected:
            self._send(self._to_host, message)

    def take(self) -> list[bytes]:
        """As MqttWire's."""
        return self._arrived(self._to_robot)

    # The host's end

    def send_receipt(self, message: bytes) -> None:
        self.heard_receipts.append(message)
        if self.connected:
            self._send(self._to_robot, message)

    def evidence(self) -> list[bytes]:
        """What has arrived at the host."""
        return self._arrived(self._to_host)

    # Whoever sits in between

    def connect(self) -> None:
        if not self.connected:
            self.cut_s = self.now - self._cut_at
            self.connections += 1
            self.connected = True

    def cut(self) -> None:
        """What was on its way is gone, as with a broker without a memory."""
        if self.connected:
            self.connected, self._cut_at = False, self.now
            self._to_host.clear()
            self._to_robot.clear()

    def inject_evidence(self, message: bytes) -> None:
        heapq.heappush(self._to_host, (self.now, next(self._numbers), message))

    def inject_receipt(self, message: bytes) -> None:
        heapq.heappush(self._to_robot, (self.now, next(self._numbers), message))

    def clear_up(self) -> None:
        """The weather is calm again."""
        self.weather = replace(CALM)

    def _send(self, way: list[tuple[float, int, bytes]], message: bytes) -> None:
        weather, chance = self.weather, self._chance
        if chance.random() < weather.lost:
            return
        for _ in range(2 if chance.random() < weather.twice else 1):
            data = bytearray(message)
            if chance.random() < weather.spoilt:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            at = self.now + weather.delay_s + chance.random() * weather.jitter_s
            heapq.heappush(way, (at, next(self._numbers), bytes(data)))

    def _arrived(self, way: list[tuple[float, int, bytes]]) -> list[bytes]:
        found = []
        while way and way[0][0] <= self.now:
            found.append(heapq.heappop(way)[2])
        return found

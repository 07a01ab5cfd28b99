"""One robot of a fleet: its tokens, its journal, its receipts. No socket here: a wire is given, or none."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.fleet import scenes
from tests.robots.scripted import ScriptedRobot, random_text
from wachhund_agent.config import Limits
from wachhund_evidence import Observation, RejectedEvidence, pack_message, read_receipt, unpack_message

_LIMITS = Limits()
_BOOTED_S = 100.0  # before its first word


class Publisher(Protocol):
    """What carries evidence away."""

    def publish(self, message: bytes) -> None: ...


class FleetRobot(ScriptedRobot):
    """Its seconds since boot go right, whatever its clock shows."""

    def boot(self) -> None:
        self.bootseed = random_text(32)
        self._booted = time.monotonic() - _BOOTED_S

    @property
    def mono(self) -> float:
        return round(time.monotonic() - self._booted, 6)


class Waiting:
    """A token without a receipt. `sent_t`, `made_t`: Unix seconds; `left`: monotonic, over the present connection."""

    __slots__ = ("hash", "left", "made_t", "message", "phase", "sent_t", "seq", "tries", "wait_s")

    def __init__(self, seq: int, hashed: str, message: bytes, made_t: float, phase: int) -> None:
        self.seq, self.hash, self.message, self.made_t, self.phase = seq, hashed, message, made_t, phase
        self.sent_t, self.tries, self.left, self.wait_s = 0.0, 0, 0.0, _LIMITS.resend_first_s


class Member:
    """`receipted` is called with each token that a receipt covers. `journal`: in the order of numbers.

    A journal of `bound` tokens takes no more: the robot is `held_back`, as one whose disk is full, and no chain breaks.
    """

    __slots__ = (
        "_bound", "_cursor", "_host_keys", "_last", "_receipted", "_wire", "came_t", "held_back", "is_green", "journal",
        "receipts", "robot",
    )  # fmt: skip

    def __init__(
        self, key: Ed25519PrivateKey, nonce: str, clock: Callable[[], float], host_keys: Mapping[str, Ed25519PublicKey],
        bound: int, cursor: int, receipted: Callable[[Waiting], None],
    ) -> None:  # fmt: skip
        self.robot = FleetRobot(nonce, clock, key)
        self._host_keys, self._bound, self._cursor, self._receipted = host_keys, bound, cursor, receipted
        self._wire: Publisher | None = None
        self._last = (0, "")  # the newest that a receipt covered: a receipt may come twice
        self.journal: dict[int, Waiting] = {}
        self.held_back = self.receipts = 0
        self.came_t = 0.0
        self.is_green = False

    def connected(self, wire: Publisher, t: float) -> None:
        """What the host is not known to hold goes again, the oldest first."""
        self._wire, self.came_t, self.is_green = wire, t, False
        for one in self.journal.values():
            one.left = 0.0
        self.pump()

    def disconnected(self) -> None:
        """It goes on to make tokens."""
        self._wire, self.is_green = None, False

    def tell(self, observations: Sequence[Observation], phase: int) -> Waiting | None:
        """Put a token with these into the journal, and send what may be sent. None: the journal is full."""
        if len(self.journal) >= self._bound:
            self.held_back += 1
            return None
        token = self.robot.token(*observations)
        self.robot.made.clear()
        made = Waiting(self.robot.seq, self.robot.prev, pack_message(token), time.time(), phase)
        self.journal[made.seq] = made
        self.pump()
        return made

    def heartbeat(self) -> list[Observation]:
        """What an agent says of itself."""
        fields = {"cpu_s": 1.25, "rss_bytes": 29_000_000, "written_bytes": 48_000, "queue": 0, "uptime_s": 3600.0}
        return self.as_if_now([Observation("heartbeat", 0.0, 0.0, "agent", fields)])

    def start(self) -> list[Observation]:
        """What an agent says once, when it starts."""
        once = [one for one in scenes.told(scenes.STOCK) if one.kind in scenes.ONCE]
        return self.as_if_now(once)

    def noise(self, count: int) -> list[Observation]:
        """The next of the stock robot's noise, as if of now."""
        told = scenes.noise()
        begins = self._cursor
        self._cursor = (begins + count) % len(told)
        return self.as_if_now([told[place % len(told)] for place in range(begins, begins + count)])

    def as_if_now(self, told: Sequence[Observation]) -> list[Observation]:
        """The same, seen at this moment."""
        t, mono = self.robot.clock(), self.robot.mono
        return [Observation(one.kind, t, mono, one.sensor, one.fields) for one in told]

    def pump(self) -> None:
        """Let leave what may: the window is the agent's."""
        if self._wire is None:
            return
        room = _LIMITS.in_flight_tokens - sum(one.left > 0.0 for one in self.journal.values())
        waiting = (one for one in self.journal.values() if one.left == 0.0)
        for one in itertools.islice(waiting, max(0, room)):
            self._send(one)

    def again(self, now: float) -> None:
        """Send again what had no receipt for too long. `now`: monotonic seconds."""
        if self._wire is None:
            return
        for one in self.journal.values():
            if one.left > 0.0 and now - one.left >= one.wait_s:
                one.wait_s = min(2 * one.wait_s, _LIMITS.resend_last_s)
                self._send(one)

    def heard(self, payload: bytes) -> str | None:
        """Take a receipt. Returns what is odd about it, if anything: the reason why it is not believed, or what it says
        of a journal that never was rolled back."""
        try:
            claims = read_receipt(unpack_message(payload), self._host_keys, self.robot.ueid)
        except RejectedEvidence as error:
            return error.reason
        self.robot.nonce = claims.nonce
        self.receipts += 1
        if claims.chain != self.robot.chain:
            return "another chain"
        if max([claims.seq, *(last for _, last in claims.held)]) > self.robot.seq:
            return "holds more than was made"
        head = self.journal[claims.seq].hash if claims.seq in self.journal else None
        if claims.seq == self._last[0]:
            head = self._last[1]
        if head is not None and head != claims.head:
            return "another head"
        for seq in [seq for seq in self.journal if _is_held(seq, claims.seq, claims.held)]:
            self._last = max(self._last, (seq, self.journal[seq].hash))
            self._receipted(self.journal.pop(seq))
        self.pump()
        return None

    def is_over_the_cut(self) -> bool:
        """Whether a receipt came over this connection, and nothing waits that was made before it."""
        oldest = next(iter(self.journal.values()), None)
        return self._wire is not None and (oldest is None or oldest.made_t >= self.came_t)

    def _send(self, one: Waiting) -> None:
        if self._wire is not None:
            self._wire.publish(one.message)
            one.left = time.monotonic()
            one.tries += 1
            one.sent_t = one.sent_t or time.time()


def _is_held(seq: int, whole: int, held: Sequence[tuple[int, int]]) -> bool:
    return seq <= whole or any(first <= seq <= last for first, last in held)

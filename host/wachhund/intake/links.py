"""What robots say of their connection to the broker, from the network's thread to the ledger: the newest word of each.

Who is gone for GONE_S and had not said that his agent stops, is noticed by the ledger. Of many that go together, as
when their network or the broker started anew, none is blamed before so many could be back.

A robot says `online` when it connects; the broker says `offline` for it, by its last will, when the connection ends
without a word (MQTT 3.1.1, 3.1.2.5). Anybody with the robot's account can say so: a hint for speed, never proof.
"""

import threading
from collections.abc import Callable, Collection, Set

from wachhund.ledger import LaneLost, Ledger, LedgerError, Link

GONE_S = 3.0  # an agent whose connection broke connects again within a second or two
_BACK_A_SECOND = 20  # of robots that went together so many come in again on a slow machine
_MOST_S = 120.0

_WORDS = {b"online": True, b"offline": False}


class Links:
    """Safe to use from several threads. Bounded by the number of registered robots."""

    def __init__(
        self,
        ledger: Ledger,
        held_off: Callable[[], Set[str]] = frozenset,
        on_gone: Callable[[Collection[str]], None] = lambda robots: None,
    ) -> None:
        """`held_off`: robots that this host keeps off its broker now: they are not gone by their own doing.

        `on_gone`: told of robots (ids) of which the ledger was told that they are gone.
        """
        self._ledger, self._held_off, self._on_gone = ledger, held_off, on_gone
        self._lock = threading.Lock()
        self._said: dict[str, Link] = {}
        self._settled: dict[str, list[Callable[[], None]]] = {}  # of what is still to be kept of each robot
        self._gone: dict[str, float] = {}  # robots that may have been silenced, since when
        self._heard_t: dict[str, float] = {}  # when each said its newest word

    def note(
        self, robot: str, word: bytes, t: float, settled: Callable[[], None] = lambda: None, comes_again: bool = False
    ) -> bool:
        """A registered robot said so at host time `t`. False for what is no word. `settled`: called once it is kept.

        `comes_again`: it was given out before, so a newer one may have been heard, which holds.
        """
        online = _WORDS.get(word)
        if online is None:
            return False
        with self._lock:
            self._settled.setdefault(robot, []).append(settled)
            if comes_again and t < self._heard_t.get(robot, t):
                return True
            self._heard_t[robot] = t
            self._said[robot] = Link(robot, online, t)
            if online:
                self._gone.pop(robot, None)
            else:
                self._gone[robot] = t
        return True

    def store(self, now: float, late_s: float = 0.0) -> None:
        """Write what was said since the last call, and who is gone; what the ledger does not take is tried again.

        `late_s`: how long words are on their way to here: for so long more a robot that is back may not have said so.
        """
        with self._lock:
            said, self._said = self._said, {}
            wait_s = GONE_S + late_s + min(_MOST_S, (len(self._gone) - 1) / _BACK_A_SECOND)
            gone = [(robot, t) for robot, t in self._gone.items() if not t <= now < t + wait_s]
        try:
            if said:
                self._ledger.note_links(list(said.values()))
            held = self._held_off() if gone else frozenset()
            for robot, t in gone:
                if robot not in held:
                    try:
                        self._ledger.integrity.note_gone(robot, t)
                        self._on_gone({robot})
                    except LaneLost as lost:
                        if robot not in lost.robots:
                            raise
                        self._forget(lost.robots)
                with self._lock:
                    if self._gone.get(robot) == t:
                        del self._gone[robot]
        except BaseException as error:
            with self._lock:
                self._said = {**said, **self._said}
            if not isinstance(error, LedgerError):
                raise
            if isinstance(error, LaneLost):
                self._forget(error.robots)
            return
        with self._lock:
            done = [robot for robot in self._settled if robot not in self._said and robot not in self._gone]
            calls = [call for robot in done for call in self._settled.pop(robot)]
        for call in calls:
            call()

    def forget_others(self, is_mine: Callable[[str], bool]) -> None:
        """Leave what other robots (ids) said to who takes care of them: it is not settled."""
        with self._lock:
            known = {*self._said, *self._settled, *self._gone, *self._heard_t}
        self._forget({robot for robot in known if not is_mine(robot)})

    def _forget(self, robots: Collection[str]) -> None:
        with self._lock:
            for robot in robots:
                for known in (self._said, self._settled, self._gone, self._heard_t):
                    known.pop(robot, None)

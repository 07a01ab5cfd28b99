"""What robots say of their connection to the broker, from the network's thread to the ledger: the newest word of each.

A robot says `online` when it connects; the broker says `offline` for it, by its last will, when the connection ends
without a word (MQTT 3.1.1, 3.1.2.5). Anybody with the robot's account can say so: a hint for speed, never proof.
"""

import threading

from wachhund.ledger import Ledger, LedgerError, Link

_WORDS = {b"online": True, b"offline": False}


class Links:
    """Safe to use from several threads. Bounded by the number of registered robots."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._said: dict[str, Link] = {}

    def note(self, robot: str, word: bytes, t: float) -> bool:
        """A registered robot said so at host time `t`. False for what is no word."""
        online = _WORDS.get(word)
        if online is None:
            return False
        with self._lock:
            self._said[robot] = Link(robot, online, t)
        return True

    def store(self) -> None:
        """Write what was said since the last call; what the ledger does not take is tried again."""
        with self._lock:
            said, self._said = self._said, {}
        if not said:
            return
        try:
            self._ledger.note_links(list(said.values()))
        except LedgerError:
            with self._lock:
                self._said = {**said, **self._said}

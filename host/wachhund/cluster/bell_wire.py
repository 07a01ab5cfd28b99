"""The ledger's bell across processes: each ring here is told to the others, and each of theirs rings here, once.

It only makes pages and judges look sooner: without it they look by themselves.
"""

import secrets
import threading
from typing import TYPE_CHECKING

from wachhund.broker_member import CHANGED
from wachhund.cluster.nats_wire import NatsWire
from wachhund.ledger.bell import Bell

if TYPE_CHECKING:
    from nats.aio.msg import Msg

_PAUSE_S = 0.25  # between two messages of one process


class BellWire:
    """Made before the wire is started, and stopped before it is stopped."""

    def __init__(self, wire: NatsWire, bell: Bell) -> None:
        self._wire, self._bell = wire, bell
        self._own = secrets.token_hex(8).encode("ascii")
        self._from_afar = threading.local()
        self._lock = threading.Lock()
        self._is_due = self._is_waiting = False
        wire.subscribe(CHANGED, self._heard)
        self._remove = bell.add_listener(self._rung)

    def stop(self) -> None:
        """Tell nobody any more."""
        self._remove()

    def _rung(self) -> None:
        """Somebody rang here: tell the others, now or when the pause is over."""
        if getattr(self._from_afar, "rings", False):
            return
        with self._lock:
            self._is_due = True
            begin = not self._is_waiting
            self._is_waiting = True
        if begin:
            self._wire.soon(self._tell)

    def _tell(self) -> None:
        with self._lock:
            if not self._is_due:
                self._is_waiting = False
                return
            self._is_due = False
        self._wire.publish(CHANGED, self._own)
        self._wire.later(_PAUSE_S, self._tell)

    def _heard(self, message: "Msg") -> None:
        if message.data == self._own:
            return
        self._from_afar.rings = True
        try:
            self._bell.ring()
        finally:
            self._from_afar.rings = False

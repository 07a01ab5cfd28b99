"""The serial line to a hardware witness: its statements in, beats and the host's confirmations out.

Nothing that comes is interpreted: a line of the right shape is a statement, to be carried to the host whole. The port
may be missing, come and go, be another device, or run at another speed: then there is no statement, and that is said.
"""

import threading
import time
from typing import Any, Callable, Optional

import serial

from wachhund_evidence import LineReader, frame, is_compact

SPEED = 115200
_READ_S = 0.25  # of waiting for bytes
_READ_BYTES = 4096  # at a time
_BEAT_S = 5.0
_ALIVE_S = 15.0  # since the attester's last turn: it may wait for a slow disk
_RETRY_FIRST_S, _RETRY_LAST_S = 1.0, 30.0
_QUIET_S = 60.0  # without a statement that long: six were due
_PAUSE_S = 0.05  # after a full read: who floods the line gets 80 kB a second of our time and no more


def open_port(path: str) -> Any:
    """A serial port at the witness's speed, ours alone. Raises OSError or ValueError."""
    return serial.Serial(path, SPEED, timeout=_READ_S, write_timeout=1.0, exclusive=True)


class WitnessWire:
    """`bad`: lines that were none of ours; `heard`: statements. Safe to use from the attester's thread."""

    def __init__(
        self,
        path: str,
        open_at: Callable[[str], Any] = open_port,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._open_at, self._mono = path, open_at, mono
        self._lock = threading.Lock()
        self._newest: Optional[str] = None
        self._head: Optional[str] = None
        self._head_at = mono()
        self._confirm: Optional[str] = None
        self._trouble: Optional[str] = "not opened yet"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self.bad = self.heard = 0

    def start(self) -> None:
        """Begin to listen; a port that is not there is tried again."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; one that was never started is none."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(3.0)

    def take(self) -> Optional[str]:
        """The newest statement, once."""
        with self._lock:
            newest, self._newest = self._newest, None
            return newest

    def beat(self, head: str) -> None:
        """The hash of the newest token, told at each turn of the attester: it, too, must live for a beat to leave."""
        self._head, self._head_at = head, self._mono()

    def confirm(self, token: str) -> None:
        """The host's confirmation, to be handed on whole. A newer one takes the place of one that did not leave."""
        with self._lock:
            self._confirm = token

    @property
    def trouble(self) -> Optional[str]:
        """Why nothing is heard of it, in words of ours; None while it speaks."""
        return self._trouble

    def _run(self) -> None:
        wait_s = _RETRY_FIRST_S
        while not self._stopping.is_set():
            began = self._mono()
            try:
                port = self._open_at(self._path)
                try:
                    self._listen(port)
                finally:
                    port.close()
            except (OSError, ValueError) as error:  # pyserial's own errors are OSErrors
                number = getattr(error, "errno", None)
                self._trouble = "no such device" if number == 2 else "the port can't be used"
            wait_s = _RETRY_FIRST_S if self._mono() - began > _RETRY_LAST_S else min(wait_s * 2, _RETRY_LAST_S)
            self._stopping.wait(wait_s)

    def _listen(self, port: Any) -> None:
        """Until the port fails or `stop`. Raises OSError."""
        reader = LineReader()
        heard_at = self._mono()
        next_beat = heard_at
        self._trouble = "nothing heard yet"
        while not self._stopping.is_set():
            data = port.read(max(1, min(port.in_waiting, _READ_BYTES)))
            for text in reader.feed(data):
                if is_compact(text):
                    with self._lock:
                        self._newest = text
                    self.heard += 1
                    heard_at, self._trouble = self._mono(), None
                else:
                    self.bad += 1
            self.bad, reader.bad = self.bad + reader.bad, 0
            now = self._mono()
            if now - heard_at >= _QUIET_S:
                self._trouble = "bytes come, and no statement: another device, or another speed" if data else "silent"
            if now >= next_beat:
                next_beat = now + _BEAT_S
                self._speak(port)
            if len(data) >= _READ_BYTES:
                self._stopping.wait(_PAUSE_S)

    def _speak(self, port: Any) -> None:
        if self._head is not None and self._mono() - self._head_at < _ALIVE_S:
            port.write(frame("B " + self._head))
        with self._lock:
            confirm, self._confirm = self._confirm, None
        if confirm is not None:
            port.write(frame("R " + confirm))

"""How often the agent was heard, and how long it was not."""

SILENT_MS = 20_000  # the agent beats every 5 s: a pause this long is an event
_HEAD_CHARS = 43  # SHA-256 in base64url
_BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Hearing:
    """`longest_ms`: the longest silence since the last statement that the host confirmed, the present one included.

    Until the first beat of a boot the silence is counted from the board's start.
    """

    def __init__(self) -> None:
        self.beats = 0
        self.head: str | None = None
        self._last_ms = 0
        self._longest_ms = 0
        self._since_told_ms = 0

    def beat(self, head: bytes, up_ms: int) -> int | None:
        """A beat came. The milliseconds of the silence that it ended, where that was one; None for no beat of ours."""
        if len(head) != _HEAD_CHARS or any([byte not in _BASE64URL for byte in head]):
            return None
        silent = self.silent_ms(up_ms)
        self._note(silent)
        self.head = head.decode()
        self.beats += 1
        self._last_ms = up_ms
        return silent

    def silent_ms(self, up_ms: int) -> int:
        """How long nothing was heard."""
        return up_ms - self._last_ms

    def _note(self, silent: int) -> None:
        self._longest_ms = max(self._longest_ms, silent)
        self._since_told_ms = max(self._since_told_ms, silent)

    def longest_ms(self, up_ms: int) -> int:
        """See the class. Called for each statement."""
        self._note(self.silent_ms(up_ms))
        return self._longest_ms

    def told(self) -> None:
        """A statement was made."""
        self._since_told_ms = 0

    def confirmed(self, newest: bool) -> None:
        """The host holds a statement; `newest`: the last that was made. What an older one left out stays."""
        if newest:
            self._longest_ms = self._since_told_ms

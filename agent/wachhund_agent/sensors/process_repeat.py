"""What repeats itself is counted, never dropped.

The stock robot starts 3.4 million processes a day, nearly all of them the same six. Told one by one they would drown
the link; left out they would be a place to hide. Pure: the clock comes in as an argument.
"""

from collections import OrderedDict
from typing import Any, Dict, Hashable, List, Optional

TOLD_WHOLE = 5  # of one kind, in WINDOW_S
WINDOW_S = 600.0
FLUSH_S = 60.0
KINDS_KEPT = 1024  # the stock robot has some 40; each may hold 8 KiB of arguments; beyond it the oldest is forgotten


class _Kind:
    __slots__ = ("count", "first_mono", "last_mono", "told", "window_start", "words")

    def __init__(self, window_start: float) -> None:
        self.window_start = window_start
        self.told = 0
        self.count = 0
        self.first_mono = 0.0
        self.last_mono = 0.0
        self.words: Dict[str, Any] = {}


class RepeatCounter:
    """Decides for each start whether it is told whole, and keeps the count of those that are not."""

    def __init__(self) -> None:
        self._kinds: "OrderedDict[Hashable, _Kind]" = OrderedDict()
        self._due: List[Dict[str, Any]] = []
        self._last_flush: Optional[float] = None

    def is_told(self, key: Hashable, mono: float) -> bool:
        """Whether this start is to be told whole. If not, it has been counted."""
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(mono)
            if len(self._kinds) > KINDS_KEPT:
                self._tell(self._kinds.popitem(last=False)[1])
        else:
            self._kinds.move_to_end(key)
        if mono - kind.window_start >= WINDOW_S:
            kind.window_start, kind.told = mono, 0
        kind.last_mono = mono
        if kind.told < TOLD_WHOLE:
            kind.told += 1
            return True
        if kind.count == 0:
            kind.first_mono = mono
        kind.count += 1
        return False

    def describe(self, key: Hashable, words: Dict[str, Any]) -> None:
        """Keep what a kind is called, from one that was told whole."""
        kind = self._kinds.get(key)
        if kind is not None:
            kind.words = words

    def _tell(self, kind: _Kind) -> None:
        if kind.count:
            counted = {"count": kind.count, "first_mono": kind.first_mono, "last_mono": kind.last_mono}
            self._due.append(dict(kind.words, **counted))
            kind.count = 0

    def flush(self, mono: float, everything: bool = False) -> List[Dict[str, Any]]:
        """The fields of the `process.repeat` observations that are due: each minute, or all of them at the end."""
        if self._last_flush is None:
            self._last_flush = mono
        if everything or mono - self._last_flush >= FLUSH_S:
            self._last_flush = mono
            for key, kind in list(self._kinds.items()):
                self._tell(kind)
                if mono - kind.last_mono >= WINDOW_S:
                    del self._kinds[key]  # what did not come for so long is told whole again anyway
        due, self._due = self._due, []
        return due

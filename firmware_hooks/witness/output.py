"""The optional output: a line that cuts something (motors' enable, the modem's power) when the board is left alone.

Only a switch at the board arms it; nothing that comes by a wire does. Once it has cut, it stays so until a person
disarms it by that switch.
"""

try:
    from typing import Callable
except ImportError:
    pass

AFTER_MS = 60_000  # of silence of the agent, while armed


class Output:
    """`set_cut`: puts the line into its cutting (1) or its leaving (0) state."""

    def __init__(self, set_cut: Callable[[int], object]) -> None:
        self._set_cut = set_cut
        self._armed_ms: int | None = None
        self.cut = False
        set_cut(0)

    @property
    def armed(self) -> bool:
        """Whether the switch arms it."""
        return self._armed_ms is not None

    def turn(self, switch: int, tampered: bool, silent_ms: int, up_ms: int) -> bool:
        """Whether it cut just now. A silence counts from when it was armed."""
        if switch != 1:
            if self.cut:
                self._set_cut(0)
            self._armed_ms, self.cut = None, False
            return False
        if self._armed_ms is None:
            self._armed_ms = up_ms
        alone_ms = min(silent_ms, up_ms - self._armed_ms)
        if self.cut or not (tampered or alone_ms >= AFTER_MS):
            return False
        self._set_cut(1)
        self.cut = True
        return True

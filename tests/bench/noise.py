"""The stock robot's noise, and how much of it there was."""

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

SCRIPT = Path(__file__).parent / "noise.sh"
PROGRAMS = frozenset({"ps", "grep", "awk", "mawk", "gawk", "sleep"})
PROGRAMS_A_ROUND = 5
_STOP_S = 20.0  # it ends its round first


class Noise:
    """Noise for the length of a `with` block. Afterwards: `programs` that it started, and how many a second."""

    def __init__(self) -> None:
        self.programs = 0
        self.per_s = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._shell = subprocess.Popen(["sh", str(SCRIPT)], stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shell.terminate()
        try:
            said, _ = self._shell.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            raise
        self.programs = PROGRAMS_A_ROUND * int(said)
        self.per_s = self.programs / (time.monotonic() - self._began)

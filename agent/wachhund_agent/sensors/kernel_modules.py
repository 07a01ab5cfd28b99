"""Kernel modules that are loaded or unloaded: code below everything that the agent can see."""

from typing import List, Optional, Set

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_evidence import Observation, clip, text

EACH_S = 10.0  # between two looks
LIST_BYTES = 4 << 20


def parse_modules(data: bytes) -> Set[str]:
    """The names in /proc/modules."""
    return {clip(text(line.split(None, 1)[0]), 64)[0] for line in data.split(b"\n") if line.strip()}


class KernelModules:
    """Kind: `persistence.change` (class module)."""

    def __init__(self) -> None:
        self._loaded: Optional[Set[str]] = None
        self._next_look = 0.0

    def look(self, mono: float) -> List[Observation]:
        """What changed since the last look, when it is time for another."""
        if mono < self._next_look:
            return []
        self._next_look = mono + EACH_S
        try:
            with open("{}/modules".format(procfs.PROC), "rb") as file:
                now = parse_modules(file.read(LIST_BYTES))
        except OSError:
            return []
        before, self._loaded = self._loaded, now
        if before is None:
            return []
        changes = [(name, "loaded") for name in sorted(now - before)]
        changes += [(name, "unloaded") for name in sorted(before - now)]
        return [
            Observation("persistence.change", wall(mono), mono, "persistence/modules",
                        {"path": name, "class": "module", "change": change})
            for name, change in changes
        ]  # fmt: skip

"""Our rules and the operators' own, read anew when files change; a broken file leaves its last good rules in use."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from wachhund.judge.matching import RuleMatcher
from wachhund.judge.sigma import BUILT_IN, Refused, RuleFile, RulePack, files_below, pack_of, read_file
from wachhund.judge.wording import shown

LOOK_S = 5.0  # between two looks at the folder: somebody who saves a rule waits so long at most
MAX_RULES = 5_000  # of the operators: each costs some 10 KiB, and a microsecond for each row that holds its text
SHOWN = 3  # faults in the line that pages show

_Signature = tuple[int, int, int, int]


class RuleFolder:
    """The rules of a host. `folder`: the operators' own, which need not be there. It is read by `look` only."""

    def __init__(self, folder: Path, built_in: Path = BUILT_IN, mono: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._built_in = [read_file(file) for file in files_below(built_in)[0]]
        self._mono = mono
        self._next = float("-inf")
        self._signatures: dict[Path, _Signature] = {}
        self._good: dict[Path, RuleFile] = {}
        self._broken: dict[Path, tuple[str, ...]] = {}
        self._fault: str | None = None
        self._begun = False
        self.refused: tuple[Refused, ...] = ()

    def look(self) -> RulePack | None:
        """All rules when they changed since the last look; None when they did not, or when it was a moment ago."""
        now = self._mono()
        if now < self._next:
            return None
        self._next = now + LOOK_S
        changed = self._read() or not self._begun
        if not changed:
            return None
        self._begun = True
        pack = pack_of([*self._built_in, *self._own()])
        broken = [Refused(str(path), self._told(path, one)) for path, told in self._broken.items() for one in told]
        folder = [Refused(str(self._folder), self._fault)] if self._fault is not None else []
        self.refused = (*folder, *broken, *pack.refused)
        return RulePack(pack.rules, self.refused)

    @property
    def fault(self) -> str | None:
        """What a person has to know: that rules are not in use. None when all are."""
        if not self.refused:
            return None
        named = "; ".join(f"{Path(one.source).name}: {one.reason}" for one in self.refused[:SHOWN])
        more = f"; and {len(self.refused) - SHOWN} more" if len(self.refused) > SHOWN else ""
        return shown(f"rules not in use: {named}{more}", 600)

    def _told(self, path: Path, fault: str) -> str:
        return f"{fault}; its last good rules go on" if path in self._good else fault

    def _own(self) -> Iterator[RuleFile]:
        room = MAX_RULES
        for path, file in sorted(self._good.items()):
            room -= len(file.rules)
            if room < 0:
                yield RuleFile(str(path), (), (f"more than {MAX_RULES} rules of your own: not in use",))
            else:
                yield file

    def _read(self) -> bool:
        """Read what changed. Whether anything did."""
        files, fault = files_below(self._folder)
        signatures = {file: signature for file in files if (signature := _signature(file)) is not None}
        if signatures == self._signatures and fault == self._fault:
            return False
        self._fault = fault
        if fault is not None and not files:
            return True  # what cannot be seen is not gone
        for gone in [*(set(self._good) | set(self._broken)) - set(signatures)]:
            self._good.pop(gone, None)
            self._broken.pop(gone, None)
        for path, signature in signatures.items():
            if self._signatures.get(path) != signature:
                self._take(path)
        self._signatures = signatures
        return True

    def _take(self, path: Path) -> None:
        file = read_file(path)
        faults = file.faults or tuple(one.reason for one in RuleMatcher(file.rules).unusable)
        if faults:
            self._broken[path] = faults
        else:
            self._broken.pop(path, None)
            self._good[path] = file


def _signature(file: Path) -> _Signature | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_ctime_ns, told.st_size, told.st_ino

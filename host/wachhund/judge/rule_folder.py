"""Our rules and the operators' own, read anew when files change; a broken file leaves its last good rules in use.

A folder with `pack.jws` is a signed pack: only the files that it names count, as they were signed (`signed_packs`).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from wachhund.judge.matching import RuleMatcher
from wachhund.judge.rule_file import UnusableFile, source_of
from wachhund.judge.rule_loading import BUILT_IN, Refused, RuleFile, RulePack, files_below, pack_of, read_file
from wachhund.judge.signed_packs import MANIFEST, Keys, SignedPack, read_pack
from wachhund.judge.wording import shown

LOOK_S = 5.0  # between two looks at the folder: somebody who saves a rule waits so long at most
MAX_RULES = 5_000  # of the operators: each costs some 10 KiB, and a microsecond for each row that holds its text
SHOWN = 3  # faults in the line that pages show
LAST_GOOD = "; its last good rules go on"

_Signature = tuple[int, int, int, int]


class RuleFolder:
    """The rules of a host. `folder`: the operators' own, which need not be there. It is read by `look` only.

    `keys`: whose signature under a pack counts, beside that of a release key.
    """

    def __init__(
        self,
        folder: Path,
        built_in: Path = BUILT_IN,
        mono: Callable[[], float] = time.monotonic,
        keys: Keys = MappingProxyType({}),
        max_rules: int = MAX_RULES,
    ) -> None:
        self._folder = folder
        self.built_in = [read_file(file) for file in files_below(built_in)[0]]
        self._mono = mono
        self._keys = keys
        self._max_rules = max_rules
        self._next = float("-inf")
        self._begun = False
        self._signatures: dict[Path, _Signature] = {}
        self._good: dict[Path, RuleFile] = {}
        self._broken: dict[Path, tuple[str, ...]] = {}
        self._packs: dict[Path, SignedPack | str] = {}  # folder -> what its manifest says, or what is wrong with it
        self._versions: dict[str, int] = {}  # the highest of each pack that was in use
        self._fault: str | None = None
        self.refused: tuple[Refused, ...] = ()

    def look(self) -> RulePack | None:
        """All rules when they changed since the last look; None when they did not, or when it was a moment ago."""
        now = self._mono()
        if now < self._next:
            return None
        self._next = now + LOOK_S
        if not self._read() and self._begun:
            return None
        self._begun = True
        pack = pack_of([*self.built_in, *self.own()])
        broken = [
            Refused(source_of(path), self._told(path, one)) for path, told in self._broken.items() for one in told
        ]
        folder = [Refused(source_of(self._folder), self._fault)] if self._fault is not None else []
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

    @property
    def packs(self) -> Mapping[Path, SignedPack]:
        """The signed packs, by folder."""
        return {folder: pack for folder, pack in self._packs.items() if isinstance(pack, SignedPack)}

    def own(self) -> Iterator[RuleFile]:
        """The operators' files as they are in use."""
        room = self._max_rules
        for path, file in sorted(self._good.items()):
            room -= len(file.rules)
            if room < 0:
                yield RuleFile(source_of(path), (), (f"more than {self._max_rules} rules of your own: not in use",))
            else:
                yield file

    def _told(self, path: Path, fault: str) -> str:
        return fault + LAST_GOOD if path in self._good else fault

    def _read(self) -> bool:
        """Read what changed. Whether anything did."""
        files, fault = files_below(self._folder, MANIFEST)
        signatures = {file: signature for file in files if (signature := _signature(file)) is not None}
        before, self._fault = self._fault, fault
        if fault is not None:  # what cannot be seen is not gone
            if not files:
                return fault != before
            known = self._signatures
            signatures |= {path: known[path] for path in known if path not in signatures and _is_hidden(path)}
        if signatures == self._signatures and fault == before:
            return False
        changed = {path for path in signatures if self._signatures.get(path) != signatures[path]}
        gone = set(self._signatures) - set(signatures)
        for path in gone | (set(self._good) | set(self._broken)) - set(signatures):
            self._good.pop(path, None)
            self._broken.pop(path, None)
        # What a manifest says goes for all files below it, also for those that did not change.
        packs = self._packs
        self._read_manifests([path for path in signatures if path.name == MANIFEST])
        touched = {folder for folder in {*packs, *self._packs} if packs.get(folder) != self._packs.get(folder)}
        for path in sorted(signatures):
            below = touched & set(path.parents)
            if path.name != MANIFEST and (path in changed or below):
                self._take(path)
        self._signatures = signatures
        return True

    def _read_manifests(self, manifests: list[Path]) -> None:
        self._packs = {}
        for manifest in manifests:
            try:
                self._packs[manifest.parent] = read_pack(manifest, self._keys)
            except UnusableFile as error:
                self._packs[manifest.parent] = str(error)
        newest = dict(self._versions)
        for pack in self.packs.values():
            newest[pack.name] = max(pack.version, newest.get(pack.name, 0))
        for folder, pack in self.packs.items():
            if pack.version < newest[pack.name]:
                self._packs[folder] = f"version {pack.version} of {pack.name}: version {newest[pack.name]} was in use"
        self._versions.update({pack.name: pack.version for pack in self.packs.values()})
        for folder, told in self._packs.items():
            faults = [told] if isinstance(told, str) else [
                f"lacks {name}, which was signed" for name in told.files if not _is_there(folder / name)
            ]  # fmt: skip
            if faults:
                self._broken[folder / MANIFEST] = tuple(faults)
            else:
                self._broken.pop(folder / MANIFEST, None)

    def _take(self, path: Path) -> None:
        folder = next((one for one in path.parents if one in self._packs), None)
        pack = self._packs[folder] if folder is not None else None
        if isinstance(pack, str) or folder is None or pack is None:
            faults: tuple[str, ...] = ("in a pack that is not in use",) if pack is not None else ()
            file = read_file(path)
        else:
            file = read_file(path, pack.files.get(path.relative_to(folder).as_posix(), ""))
            faults = ()
        faults = faults or file.faults or tuple(one.reason for one in RuleMatcher(file.rules).unusable)
        if faults:
            self._broken[path] = faults
        else:
            self._broken.pop(path, None)
            self._good[path] = file


def _is_there(path: Path) -> bool:
    """Whether it is a file; False where the system does not say."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_hidden(path: Path) -> bool:
    """Whether nobody can say if a file is there: a folder on its way was closed."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return False


def _signature(file: Path) -> _Signature | None:
    try:
        told = file.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_ctime_ns, told.st_size, told.st_ino

"""Writing into a card's image, whose file system nobody mounts: by e2fsprogs, which makes and mends ext4 anyway.

`debugfs` says by no exit status that something failed, so what was written is read again, by another library
(`card_looking`), and the file system is checked as a whole.

In each function `card` is an image of our own, with a name of ours, in a folder for it alone: for e2fsprogs a "?" in a
name has a meaning, and for debugfs a space and a quotation mark, so that they are run in that folder. `told` is what a
person calls it.
"""

import re
import resource
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from wachhund.flash.card_looking import CardSystem
from wachhund.flash.card_workplace import put_back, taken_out
from wachhund.flash.first_boot import Entry
from wachhund.flash.outcome import BAD_IMAGE, FAILED, FlashRefused

_WITHIN_S = 1800.0
_MEMORY_BYTES = 2 << 30
_PLACES = ("/usr/sbin", "/sbin")  # not on an ordinary user's path
_MENDED = 1  # e2fsck(8): 0 nothing was wrong, 1 it was mended
# What e2fsck says of itself, of how far it is, and that a person has to say what is to be done.
_NO_REASON = re.compile(r"e2fsck \d|Pass \d|\(i\.e\., |.*: UNEXPECTED INCONSISTENCY|.* still has errors|\s*$")


def check_tools() -> None:
    """That e2fsprogs is there. Raises FlashRefused."""
    for name in ("debugfs", "e2fsck"):
        _tool(name)


def mend(card: Path, system: CardSystem, told: Path) -> None:
    """Play back its journal, and mend what a robot's start would: else what it says of free blocks may be wrong.

    Raises FlashRefused for what only a person may mend; OSError.
    """
    if system.has_journal_left:
        # Where e2fsck and debugfs have played it back they forget where in a file the system begins (1.47).
        alone = card.with_name("system")
        taken_out(card, system.start, system.size, alone)
        _mend(alone, alone.name, told)
        put_back(alone, card, system.start)
        alone.unlink()
    else:
        _mend(card, _at(card, system), told)


def write(card: Path, system: CardSystem, entries: Sequence[Entry], there: Collection[str]) -> None:
    """Make these in turn, without those that are `there`. What comes of it is to be read again.

    What is written lies in files beside the image meanwhile. Raises OSError.
    """
    lines = []
    for number, entry in enumerate(entries):
        if entry.path in there:
            continue
        if entry.target is not None:
            lines.append(f"symlink {entry.path} {entry.target}")
            continue
        if entry.data is None:
            kind = "04"
            lines.append(f"mkdir {entry.path}")
        else:
            kind = "010"
            source = card.with_name(f"file-{number}")
            source.write_bytes(entry.data)
            lines.append(f"write {source.name} {entry.path}")
        # Whoever runs this may be anybody; on the card they are root's.
        fields = (("mode", f"{kind}{entry.mode:04o}"), ("uid", "0"), ("gid", "0"))
        lines += [f"sif {entry.path} {name} {value}" for name, value in fields]
    _run(card, "debugfs", "-w", "-f", "-", _at(card, system), given="\n".join(lines) + "\n")


def check(card: Path, system: CardSystem, told: Path) -> None:
    """Every structure of the file system. Raises FlashRefused: something does not fit."""
    done = _run(card, "e2fsck", "-f", "-n", _at(card, system))
    if done.returncode:
        why = f"its file system does not fit together after writing: {_reasons(done)[0]}"
        raise FlashRefused(BAD_IMAGE, f"{told}: {why}")


def _mend(card: Path, at: str, told: Path) -> None:
    done = _run(card, "e2fsck", "-f", "-p", at)
    if done.returncode not in (0, _MENDED):
        why = f"its file system is damaged: {'; '.join(_reasons(done)[-2:])}"
        raise FlashRefused(BAD_IMAGE, f"{told}: {why}: read the card anew, or let e2fsck mend it")


def _at(card: Path, system: CardSystem) -> str:
    return f"{card.name}?offset={system.start}"


def _tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=":".join(_PLACES))
    if found is None:
        raise FlashRefused(FAILED, f"{name} is missing: install e2fsprogs")
    return found


def _run(card: Path, name: str, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603  fixed words, and names that we made
            [_tool(name), *words], cwd=card.parent, input=given, capture_output=True, encoding="utf-8",
            errors="replace", timeout=_WITHIN_S, check=False, preexec_fn=_bound,
            env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        why = f"{name} did not end within {_WITHIN_S:.0f} s: the file system is damaged, or the disk slow"
        raise FlashRefused(BAD_IMAGE, why) from None


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


def _reasons(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """What e2fsck found, line by line, without the image's name before it; never empty."""
    for said in (done.stdout, done.stderr):
        lines = [line for line in said.splitlines() if not _NO_REASON.match(line)]
        if lines:
            return [re.sub(r"^(card|system)(\?offset=\d+)?:? ", "", line).strip()[:200] for line in lines]
    return [f"status {done.returncode}"]

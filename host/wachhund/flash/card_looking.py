"""What a card's image holds that matters to a flash, asked of a process that is bounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wachhund.robot_tree import card_process


@dataclass(frozen=True)
class CardSystem:
    """`start`: of its root file system, bytes into the image; `size`, `free_bytes`: of it. `has_journal_left`: it was
    not unmounted. `machine`, `bits`: of its programs. `pythons`: which fit.

    `systemd`: its version, None where it is not seen. `traces`: what of Wachhund lies there. `around`: how the folders
    stand into which something comes ("folder", "missing", "elsewhere"). `written`: what there is of a first boot:
    path -> st_mode, owner, and a file's SHA-256 or a link's target.
    """

    start: int
    size: int
    machine: str
    bits: int | None
    pythons: tuple[str, ...]
    systemd: int | None
    free_bytes: int
    has_journal_left: bool
    traces: tuple[str, ...]
    around: Mapping[str, str]
    written: Mapping[str, tuple[int, int, str]]


def look(image: Path) -> CardSystem:
    """Raises MisuseError: it can't be read, and why."""
    said = card_process.answer("wachhund.flash.card_child", image)
    return CardSystem(
        said["start"], said["size"], said["machine"], said["bits"], tuple(said["pythons"]), said["systemd"],
        said["free_bytes"], said["has_journal_left"], tuple(said["traces"]), said["around"],
        {path: tuple(what) for path, what in said["written"].items()},
    )  # fmt: skip

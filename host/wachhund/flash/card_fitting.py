"""Whether the system in a card's image can take the agent: else why not, before anything is made."""

from pathlib import Path

from wachhund.flash import first_boot
from wachhund.flash.bundles import MACHINES, AgentBundle
from wachhund.flash.card_looking import CardSystem
from wachhund.flash.outcome import ARCHITECTURE, NO_PYTHON, NO_SPACE, NO_SYSTEMD, OTHER_VERSION, FlashRefused

LEAST_SYSTEMD = 239  # as the installer says
_SPARE_BYTES = 1 << 20


def check_fits(image: Path, found: CardSystem) -> None:
    """What is on it, machine, Python, systemd and the folders. Raises FlashRefused."""
    if found.traces:
        there = ", ".join(found.traces)
        why = f"{there} is there: Wachhund is on it already, maybe with a key: give an image without it"
        raise FlashRefused(OTHER_VERSION, f"{image}: {why}")
    if found.machine not in MACHINES or found.bits != 64:
        bits = "" if found.bits is None else f", {found.bits}-bit"
        why = f"its programs are for {found.machine}{bits}"
        raise FlashRefused(ARCHITECTURE, f"{image}: {why}: there are bundles for 64-bit {' and '.join(MACHINES)}")
    if not found.pythons:
        raise FlashRefused(NO_PYTHON, f"{image}: no Python 3.7 to 3.11 in /usr/bin: the agent needs one of them")
    if found.systemd is not None and found.systemd < LEAST_SYSTEMD:
        why = f"systemd {found.systemd}: the agent needs {LEAST_SYSTEMD} or newer to be kept in its bounds"
        raise FlashRefused(NO_SYSTEMD, f"{image}: {why}")
    for path, how in found.around.items():
        if how == "elsewhere" or (how == "missing" and path != first_boot.AROUND[-1]):
            raise FlashRefused(NO_SYSTEMD, f"{image}: {path} is {how}: this is no system that systemd starts")


def check_room(image: Path, found: CardSystem, bundle: AgentBundle) -> None:
    """That the bundle fits into it. Raises FlashRefused."""
    needed = len(bundle.data) + _SPARE_BYTES
    if found.free_bytes < needed:
        why = f"{found.free_bytes / 1e6:.1f} MB free in it, {needed / 1e6:.1f} MB needed: make its file system larger"
        raise FlashRefused(NO_SPACE, f"{image}: {why}")

"""Images of cards for tests, made by mke2fs and sfdisk: a small partition of nothing first, then the system."""

from pathlib import Path

from tests.hostile_cards.making import MIB, SECTOR, tool

FIRST = 6144  # sector at which the system begins


def file_system(root: Path, image: Path, kind: str = "ext4", mib: int = 8) -> Path:
    """The files of a folder as a file system without a partition table."""
    tool("mke2fs", "-q", "-t", kind, "-d", root, image, f"{mib}M")
    return image


def card(root: Path, image: Path, table: str = "dos", mib: int = 8) -> Path:
    """The files of a folder as the system of a card."""
    system = file_system(root, image.with_suffix(".ext4"), mib=mib)
    with image.open("wb") as out:
        out.truncate((mib + 4) * MIB)
    tool("sfdisk", image, given=f"label: {table}\nstart=2048, size=2048\nstart={FIRST}, size={mib * MIB // SECTOR}\n")
    with image.open("r+b") as out:
        out.seek(FIRST * SECTOR)
        out.write(system.read_bytes())
    system.unlink()
    return image

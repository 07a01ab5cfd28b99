"""Two corpora of images, each case from its number and a seed.

`altered`: a card with a real system (MBR, FAT boot partition, ext4) of which the tables are changed: bytes, and whole
fields to the values at which counters turn over. `made`: file systems whose entries lead outside or in circles, are
huge, or point into each other, written by debugfs.
"""

import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

MIB, SECTOR = 1 << 20, 512
_EXT4_AT, _FAT_AT = 3 * MIB, 1 * MIB
_SIZE = 8 * MIB
_EDGES = (0, 1, 2, 3, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def tool(*command: str | Path, given: str | None = None, may_die: bool = False) -> None:
    """Run a program that makes file systems; it must be installed. `may_die`: what it wrote until then is enough."""
    name = shutil.which(str(command[0]), path="/usr/sbin:/sbin:/usr/bin:/bin")
    if name is None:
        raise SystemExit(f"{command[0]} is not installed: e2fsprogs and fdisk bring it")
    done = subprocess.run([name, *command[1:]], check=False, capture_output=True, input=given, text=True)
    if not (may_die and done.returncode < 0):
        done.check_returncode()


def whole_card(root: Path, folder: Path) -> bytes:
    """A card whose system holds what is in `root`."""
    image, system = folder / "card.img", folder / "system.ext4"
    with image.open("wb") as out:
        out.truncate(_SIZE)
    table = f"label: dos\nstart={_FAT_AT // SECTOR}, size={2 * MIB // SECTOR}, type=c\nstart={_EXT4_AT // SECTOR}\n"
    tool("sfdisk", image, given=table)
    tool("mke2fs", "-q", "-t", "ext4", "-d", root, system, f"{(_SIZE - _EXT4_AT) // MIB}M")
    data = bytearray(image.read_bytes())
    for start, content in ((_FAT_AT, _empty_fat()), (_EXT4_AT, system.read_bytes())):
        data[start : start + len(content)] = content
    return bytes(data)


def _empty_fat() -> bytes:
    """The beginning of an empty FAT12 of 2 MiB: boot sector and two tables (ECMA-107)."""
    sectors, of_table = 2 * MIB // SECTOR, 3
    boot = bytearray(SECTOR)
    struct.pack_into(
        "<3s8sHBHBHHBH", boot, 0, b"\xeb\x3c\x90", b"mkfs.fat", SECTOR, 4, 1, 2, 512, sectors, 0xF8, of_table
    )
    struct.pack_into("<BBBI11s8s", boot, 36, 0x80, 0, 0x29, 1, b"BOOT       ", b"FAT12   ")
    boot[510:] = b"\x55\xaa"
    table = b"\xf8\xff\xff" + bytes(of_table * SECTOR - 3)
    return bytes(boot) + table + table


def altered(card: bytes, number: int, seed: int) -> bytes:
    """The card with up to 60 changes, most of them in the tables of the ext4 system."""
    chance, data = random.Random(f"altered {seed} {number}"), bytearray(card)
    ext4 = (_EXT4_AT + 1024, _EXT4_AT + 700_000)
    for _ in range(chance.choice((1, 2, 4, 15, 60))):
        first, last = chance.choices(
            (ext4, (_EXT4_AT + 1024, _EXT4_AT + 2048), (0, 512), (_FAT_AT, _FAT_AT + 4096)), (6, 2, 1, 1)
        )[0]
        place = chance.randrange(first, last - 4)
        if chance.random() < 0.4:
            data[place] = chance.randrange(256)
        elif chance.random() < 0.5:
            struct.pack_into("<I", data, place & ~3, chance.choice(_EDGES))
        else:  # a piece of the tables stands where another is looked for
            size = chance.choice((4, 16, 64, 256, 1024))
            source = chance.randrange(first, last - size) if last - first > size else first
            data[place : place + size] = data[source : source + size]
    if chance.random() < 0.05:
        del data[chance.randrange(512, len(data)) :]
    return bytes(data)


Acts = Callable[[random.Random], list[str]]


def _climbing(chance: random.Random) -> list[str]:
    """Links and names that lead out, or would, if a path were made of them."""
    up = "../" * chance.randrange(1, 40)
    return [f"symlink /etc/shadow {up}etc/shadow", f"symlink /etc/cron.d {up}root", "rm /etc/ssh/sshd_config",
            f"symlink /etc/ssh/sshd_config /proc/self/root{up}etc/hostname"]  # fmt: skip


def _circles(chance: random.Random) -> list[str]:
    """Folders within themselves, links to themselves, and each the other's."""
    return ["link /etc /etc/again", "link / /home/root", "symlink /etc/a b", "symlink /etc/b a",
            "symlink /etc/profile.d .",
            f"set_inode_field /home links_count {chance.randrange(1 << 16)}"]  # fmt: skip


def _huge(chance: random.Random) -> list[str]:
    """Sizes that no disk has, and names as long as they may be."""
    size = chance.choice((1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1))
    name = "n" * 255
    return [f"set_inode_field /etc/passwd size {size}", f"set_inode_field /etc size {size}", f"mkdir /etc/{name}",
            f"set_inode_field /var/lib/dpkg/status size {size}"]  # fmt: skip


def _crossed(chance: random.Random) -> list[str]:
    """Inodes of another kind than their entries say, and blocks that are another file's, or none."""
    mode = chance.choice(("0100644", "040755", "0120777", "010644", "0"))
    block = chance.choice((0, 1, 2, 1 << 20, (1 << 32) - 1, chance.randrange(5000)))
    return [f"set_inode_field /etc mode {mode}", f"set_inode_field /etc/passwd block[0] {block}",
            f"set_inode_field /home flags {chance.randrange(1 << 32)}", f"set_inode_field /etc/passwd mode {mode}",
            f"set_inode_field / size {chance.randrange(1 << 20)}"]  # fmt: skip


_KINDS: tuple[Acts, ...] = (_climbing, _circles, _huge, _crossed)


def made(card: bytes, number: int, seed: int, folder: Path) -> bytes:
    """The card's system after one to three kinds of acts, in an order of the number's."""
    chance = random.Random(f"made {seed} {number}")
    acts = [act for kind in chance.sample(_KINDS, chance.randrange(1, 4)) for act in kind(chance)]
    chance.shuffle(acts)
    system = folder / "made.ext4"
    system.write_bytes(card[_EXT4_AT:])
    # debugfs 1.47 itself dies of one in some thousands (a segmentation fault): what it leaves is a hostile image too.
    given = "\n".join(acts[: chance.randrange(1, len(acts) + 1)]) + "\n"
    tool("debugfs", "-w", "-f", "-", system, given=given, may_die=True)
    return card[:_EXT4_AT] + system.read_bytes()

"""On MicroPython: cut the power at each write and erase of a simulated flash, below the littlefs of the real boards.

Arguments: the firmware's folder, how many boots. After each cut the board boots again from what the flash holds: no
boot number that anybody saw may come again, and no count of edges may be lower than one that was said.
"""

import os
import sys

sys.path.insert(0, sys.argv[1])

from witness.counters import Counters

BLOCK, BLOCKS, PROG = 4096, 12, 256
AGES = int(sys.argv[2])  # boots of which each operation is cut
WHOLE, HALF, NONE = 2, 1, 0
EIO = -5


class PowerCut(Exception):
    """The flash does nothing more."""


class Flash:
    """NOR flash as a block device: writing clears bits, erasing sets a block. `cut_at`: the operation that is cut."""

    def __init__(self) -> None:
        self.bytes = bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.operations, self.cut_at, self.how, self.dead = 0, -1, WHOLE, False
        self.gone = False  # the board that used it: what its files' finalisers still do reaches nothing

    def _share(self) -> int:
        """How much of this operation is done: 0, 1 (half) or 2."""
        if self.dead:
            raise PowerCut
        self.operations += 1
        self.dead = self.operations == self.cut_at
        return self.how if self.dead else WHOLE

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> "int | None":
        if self.gone:
            return EIO
        if self.dead:
            raise PowerCut
        start = block * BLOCK + offset
        buffer[:] = self.bytes[start : start + len(buffer)]
        return None

    def writeblocks(self, block: int, buffer: bytearray, offset: int = 0) -> "int | None":
        if self.gone:
            return EIO
        share = self._share()
        start = block * BLOCK + offset
        for index in range(len(buffer) * share // 2):
            self.bytes[start + index] &= buffer[index]
        if self.dead:
            raise PowerCut
        return None

    def ioctl(self, operation: int, argument: int) -> "int | None":
        if self.gone:
            return EIO
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            share = self._share()
            for index in range(BLOCK * share // 2):
                self.bytes[argument * BLOCK + index] = 0xFF
            if self.dead:
                raise PowerCut
            return 0
        return 0


said = {"boot": 0, "edges": 0}


def life(flash: Flash) -> bool:
    """One boot: counts edges past several ceilings. True when the power stayed."""
    try:
        os.mount(os.VfsLfs2(flash, progsize=PROG), "/flash")
        counters = Counters("/flash", 2)
        assert counters.kept, "the flash took no record"
        assert counters.bootcount > said["boot"], (counters.bootcount, said)
        assert counters.counts[0] >= said["edges"], (counters.counts, said)
        said["boot"] = counters.bootcount
        for turn in range(12):
            counters.add(0, 23, turn * 100_000)
            assert counters.counts[0] > said["edges"]
            if counters.kept:
                said["edges"] = counters.counts[0]  # a statement leaves
        return True
    except PowerCut:
        return False
    finally:
        try:
            os.umount("/flash")
        except (OSError, PowerCut):
            pass
        flash.gone = True


def of(image: bytes) -> Flash:
    """A board's flash that holds `image`."""
    flash = Flash()
    flash.bytes[:] = image
    return flash


def cut_each(image: bytes, begun: "dict[str, int]") -> int:
    """Cut each operation of a boot that finds `image`, and the first ones of the boot after it. Returns the cuts."""
    cuts = 0
    for how in (NONE, HALF, WHOLE):
        cut_at = 1
        while True:
            said.update(begun)
            flash = of(image)
            flash.cut_at, flash.how = cut_at, how
            if life(flash):
                break
            cuts += 1
            after, seen = bytes(flash.bytes), dict(said)
            for second in range(1, 4):
                said.update(seen)
                again = of(after)
                again.cut_at, again.how = second, how
                cuts += 0 if life(again) else 1
                assert life(of(again.bytes)), "does not boot after two cuts"
            cut_at += 1
    return cuts


image, begun, cuts = None, {"boot": 0, "edges": 0}, 0
formatted = Flash()
os.VfsLfs2.mkfs(formatted, progsize=PROG)
image = bytes(formatted.bytes)
for _age in range(AGES):
    cuts += cut_each(image, begun)
    said.update(begun)
    grown = of(image)
    assert life(grown)
    image, begun = bytes(grown.bytes), dict(said)
print("cuts", cuts)

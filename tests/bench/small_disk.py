"""A small disk of its own (a loop device with ext4), which counts every byte that reaches it; needs root.

What a process hands to the kernel is not what a card has to write: a file system adds its journal, its metadata and
whole blocks. Only the device knows.
"""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

_SECTOR = 512
_WRITTEN = 6  # the field of /sys/block/*/stat: sectors written (Documentation/admin-guide/iostats.rst)


class SmallDisk:
    """Mounted at `folder` within the `with` block."""

    def __init__(self, folder: Path, image: Path, mebibytes: int = 512) -> None:
        self._folder, self._image, self._size = folder, image, mebibytes
        self._device = ""

    def __enter__(self) -> Self:
        with self._image.open("wb") as file:
            file.truncate(self._size << 20)
        # No lazy initialising: it would write in the background for minutes.
        options = ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]
        subprocess.run(["mkfs.ext4", *options, str(self._image)], check=True)
        found = subprocess.run(
            ["losetup", "-f", "--show", str(self._image)], check=True, capture_output=True, text=True
        )
        self._device = found.stdout.strip()
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["mount", self._device, str(self._folder)], check=True)
        finally:
            # A device that is mounted goes when it is no longer, whoever takes the mount away.
            subprocess.run(["losetup", "-d", self._device], check=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", str(self._folder)], check=False)
        self._image.unlink(missing_ok=True)

    def written(self) -> int:
        """Bytes that reached the device since it was made, what the file system still holds back included."""
        subprocess.run(["sync", "-f", str(self._folder)], check=True)
        stat = Path("/sys/block", Path(self._device).name, "stat").read_text().split()
        return int(stat[_WRITTEN]) * _SECTOR

"""Zip files that are the same bytes whenever and wherever they are made."""

import io
import time
import zipfile
from collections.abc import Mapping

_EARLIEST = 315532800  # zip knows no time before 1980
_FILE, _PROGRAM = 0o100644, 0o100755


def pack(files: Mapping[str, bytes], epoch: int, stored: bool = False) -> bytes:
    """A zip of `files` (path -> content), in the order of their paths, all of them from `epoch` (seconds).

    `stored`: not deflated, so that the bytes depend on no library; wheels are deflated already.
    """
    moment = time.gmtime(max(epoch, _EARLIEST))[:6]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system = 3
            entry.external_attr = (_PROGRAM if name.startswith("bin/") else _FILE) << 16
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Path -> content of each file of a zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}

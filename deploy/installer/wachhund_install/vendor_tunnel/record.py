"""The backup: what a vendor's file was before it was changed, and what ran. No uninstall takes it away.

/var/lib/wachhund-vendor-tunnel/1, 2, ...   contents as they were; none is ever written over
/var/lib/wachhund-vendor-tunnel/record      which is of which file, with hash, mode, owner, time
/var/lib/wachhund-vendor-tunnel/unfinished  while an act is on its way
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from wachhund_install.outcome import BACKUP_DAMAGED, Refused
from wachhund_install.vendor_tunnel import vendor_file
from wachhund_install.vendor_tunnel.vendor_file import Content
from wachhund_install.work import Work

FOLDER = "/var/lib/wachhund-vendor-tunnel"
_MAX_BYTES = 1 << 20
BEFORE, AFTER, CHANGED = "before", "after", "changed"


class KeptFile(NamedTuple):
    """`copy`: the name of its content here. `sha256`, `after`: of the content before and after the change."""

    path: str
    copy: str
    sha256: str
    after: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int


class KeptLink(NamedTuple):
    """A link by which a service starts with the robot."""

    path: str
    target: str
    uid: int
    gid: int
    mtime_ns: int


class Record(NamedTuple):
    """`services`: that ran; `programs`: that ran besides."""

    files: Tuple[KeptFile, ...] = ()
    links: Tuple[KeptLink, ...] = ()
    services: Tuple[str, ...] = ()
    programs: Tuple[str, ...] = ()

    def file(self, path: str) -> Optional[KeptFile]:
        return next((one for one in self.files if one.path == path), None)


def folder(work: Work) -> Path:
    return work.places.at(FOLDER)


def exists(work: Work) -> bool:
    """Whether something was disabled, or begun to be."""
    return (folder(work) / "record").exists()


def is_unfinished(work: Work) -> bool:
    return (folder(work) / "unfinished").exists()


def read(work: Work) -> Record:
    """An empty one where nothing was disabled. Raises Refused for one that can't be read."""
    path = folder(work) / "record"
    try:
        with path.open("rb") as file:
            found: Dict[str, Any] = json.loads(file.read(_MAX_BYTES).decode("utf-8"))
        return Record(
            tuple(KeptFile(**one) for one in found["files"]),
            tuple(KeptLink(**one) for one in found["links"]),
            tuple(str(one) for one in found["services"]),
            tuple(str(one) for one in found["programs"]),
        )
    except FileNotFoundError:
        return Record()
    except (ValueError, KeyError, TypeError):
        where = work.places.as_the_robot_sees(path)
        raise Refused(
            BACKUP_DAMAGED,
            "{}: damaged: put the vendor's files back by hand from beside it, then remove it".format(where),
        ) from None


def write(work: Work, record: Record) -> None:
    found = {
        "files": [one._asdict() for one in record.files],
        "links": [one._asdict() for one in record.links],
        "services": list(record.services),
        "programs": list(record.programs),
    }
    work.disk.write(
        folder(work) / "record", (json.dumps(found, indent=1, sort_keys=True) + "\n").encode("utf-8"), 0o600
    )


def begin(work: Work) -> None:
    work.disk.make_folder(folder(work), 0o700)
    if not is_unfinished(work):
        work.disk.write(folder(work) / "unfinished", b"", 0o600)


def end(work: Work) -> None:
    """Takes no room on a disk."""
    work.disk.remove(folder(work) / "unfinished")


def keep(work: Work, path: str, before: Content, after: bytes) -> KeptFile:
    """A copy of a vendor's file, under a name that none has yet."""
    names = [int(name) for name in os.listdir(str(folder(work))) if name.isdecimal()]
    copy = str(max(names, default=0) + 1)
    work.disk.write(folder(work) / copy, before.data, 0o600)
    return KeptFile(
        path,
        copy,
        before.sha256,
        hashlib.sha256(after).hexdigest(),
        before.mode,
        before.uid,
        before.gid,
        before.mtime_ns,
    )


def content(work: Work, kept: KeptFile) -> Content:
    """As it was. Raises Refused when the copy is gone or another one."""
    where = "{}/{}".format(FOLDER, kept.copy)
    found = vendor_file.read(work.places.root, where)
    if found is None or found.sha256 != kept.sha256:
        what = "missing" if found is None else "damaged"
        raise Refused(
            BACKUP_DAMAGED,
            "{}: {}: {} can't be put back as it was: put the word back by hand, then remove {}".format(
                where, what, kept.path, FOLDER
            ),
        )
    return Content(found.data, kept.mode, kept.uid, kept.gid, kept.mtime_ns)


def stands(work: Work, kept: KeptFile) -> str:
    """How the vendor's file is now: BEFORE (as it was), AFTER (as made here), or CHANGED (by others, or gone)."""
    found = vendor_file.read(work.places.root, kept.path)
    if found is None:
        return CHANGED
    return {kept.sha256: BEFORE, kept.after: AFTER}.get(found.sha256, CHANGED)


def is_exactly(found: Optional[Content], kept: KeptFile) -> bool:
    """With mode, owner and time."""
    if found is None or found.sha256 != kept.sha256:
        return False
    return (found.mode, found.uid, found.gid, found.mtime_ns) == (kept.mode, kept.uid, kept.gid, kept.mtime_ns)


def target(work: Work, link: KeptLink) -> Optional[str]:
    """Where what has the link's name leads to now; None: it is gone, or no link."""
    path = work.places.at(link.path)
    return os.readlink(str(path)) if path.is_symlink() else None


def take_away(work: Work) -> None:
    """The record first: a folder without one is nothing."""
    for name in ["record", *_names(work)]:
        work.disk.remove(folder(work) / name)
    work.disk.remove_folder(folder(work))


def _names(work: Work) -> List[str]:
    return sorted(os.listdir(str(folder(work)))) if folder(work).is_dir() else []

"""Files in folders that others own: root reads and replaces just these, whatever was put in their place."""

import contextlib
import os
from pathlib import Path

import pytest

from wachhund_install.disk import Disk
from wachhund_install.outcome import Refused
from wachhund_install.vendor_tunnel import vendor_file

PATH = "/home/pi/list"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "home" / "pi").mkdir(parents=True)
    (tmp_path / "home" / "pi" / "list").write_bytes(b"a b\n")
    (tmp_path / "other").write_bytes(b"somebody else's\n")
    return tmp_path


def test_a_file_is_replaced_with_its_mode_and_put_back_with_its_time(root: Path) -> None:
    """And what else belongs to it: an access list, for one."""
    path = root / "home" / "pi" / "list"
    path.chmod(0o754)
    with contextlib.suppress(OSError):  # not every file system has them
        os.setxattr(path, "user.note", b"kept")
    attributes = os.listxattr(path)
    os.utime(path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    before = vendor_file.read(root, PATH)
    assert before is not None and before.data == b"a b\n" and before.mode == 0o754
    vendor_file.replace(Disk(), root, PATH, before._replace(data=b"a\n"), keep_time=False)
    now = vendor_file.read(root, PATH)
    assert now is not None and now.data == b"a\n" and now.mode == 0o754 and now.mtime_ns != before.mtime_ns
    vendor_file.replace(Disk(), root, PATH, before, keep_time=True)
    assert vendor_file.read(root, PATH) == before
    assert os.listxattr(path) == attributes
    assert [one.name for one in path.parent.iterdir()] == ["list"]


def test_what_is_not_there_is_none(root: Path) -> None:
    """Neither the file nor its folder."""
    assert vendor_file.read(root, "/home/pi/none") is None
    assert vendor_file.read(root, "/home/nobody/list") is None


@pytest.mark.parametrize("kind", ["link", "folder", "second name", "link on the way", "fifo", "large"])
def test_what_is_no_plain_file_is_refused_and_left(root: Path, kind: str) -> None:
    """Whoever owns the folder could lead root's writing to another file."""
    path = root / "home" / "pi" / "list"
    path.unlink()
    if kind == "link":
        path.symlink_to(root / "other")
    elif kind == "folder":
        path.mkdir()
    elif kind == "second name":
        path.hardlink_to(root / "other")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(b"x" * (1 << 20))
    else:
        (root / "home" / "pi").rmdir()
        (root / "elsewhere").mkdir()
        (root / "elsewhere" / "list").write_bytes(b"tunnel\n")
        (root / "home" / "pi").symlink_to(root / "elsewhere")
    with pytest.raises(Refused, match="not as known of this vendor"):
        vendor_file.read(root, PATH)
    assert (root / "other").read_bytes() == b"somebody else's\n"


def test_a_link_that_waits_for_the_new_file_is_not_written_through(root: Path) -> None:
    """It is taken away: the name is ours, and a run that was killed leaves a file there too."""
    (root / "home" / "pi" / "list.wachhund-new").symlink_to(root / "other")
    before = vendor_file.read(root, PATH)
    assert before is not None
    vendor_file.replace(Disk(), root, PATH, before._replace(data=b"a\n"), keep_time=False)
    assert (root / "other").read_bytes() == b"somebody else's\n"
    (root / "home" / "pi" / "list.wachhund-new").write_bytes(b"half")
    vendor_file.clean(Disk(), root, PATH)
    assert sorted(one.name for one in (root / "home" / "pi").iterdir()) == ["list"]
    vendor_file.clean(Disk(), root, "/home/nobody/list")

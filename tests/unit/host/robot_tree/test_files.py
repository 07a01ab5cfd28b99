"""Reading a tree that somebody else made: its links lead nowhere outside, and all is bounded."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from wachhund.robot_tree import files as bounds
from wachhund.robot_tree.archive import Archive
from wachhund.robot_tree.files import CannotLook, Files, TooMuch
from wachhund.robot_tree.folder import Folder
from wachhund_evidence import MisuseError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_text("of the auditor's own machine")
    made = tmp_path / "robot"
    (made / "etc").mkdir(parents=True)
    (made / "etc" / "name").write_text("go1")
    return made


def archive_of(root: Path) -> Archive:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(root, arcname=".")
    data.seek(0)
    return Archive(data)


@pytest.mark.parametrize("held", [Folder, archive_of], ids=["folder", "archive"])
@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("../../../../outside", None), ("/etc/name", b"go1"), ("name", b"go1"), ("../etc/./name", b"go1"),
        ("/../../etc/name", b"go1"), ("nothing", None), ("/proc/self/environ", None),
    ],
)  # fmt: skip
def test_links_are_followed_within_the_robots_own_tree(
    root: Path, held: type[Folder] | type[Archive], target: str, content: bytes | None
) -> None:
    """As the robot itself would follow them; never on the auditor's machine."""
    (root / "etc" / "link").symlink_to(target)
    assert Files(held(root)).read("/etc/link") == content


def test_a_link_to_a_folder_is_followed_and_one_in_circles_is_told(root: Path) -> None:
    """/lib is a link to usr/lib on newer images."""
    (root / "settings").symlink_to("etc")
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    files = Files(Folder(root))
    assert files.names("/settings") == ["name"] and files.read("/settings/name") == b"go1"
    with pytest.raises(CannotLook, match="circles"):
        files.read("/a")


def test_a_link_itself_is_seen_where_its_folder_is_followed(root: Path) -> None:
    """Also one that leads nowhere: what stands at a place is in the way there."""
    (root / "settings").symlink_to("etc")
    (root / "etc" / "link").symlink_to("/dev/null")
    files = Files(Folder(root))
    found = files.itself("/settings/link")
    assert found is not None and found.is_link and files.target("/settings/link") == "/dev/null"
    assert files.itself("/etc/nothing") is None and files.itself("/nothing/link") is None
    with pytest.raises(CannotLook, match="nothing stands there"):
        files.target("/etc/nothing")


def test_what_is_no_file_is_not_read(root: Path) -> None:
    """A pipe would wait for ever, a folder has no content."""
    os.mkfifo(root / "etc" / "pipe")
    files = Files(Folder(root))
    assert files.read("/etc/pipe") is None and files.read("/etc") is None and files.names("/etc/name") == []


def test_what_may_not_be_read_is_told_with_why(root: Path) -> None:
    """It is not missing, and not empty. Root reads everything but a name that no file system takes."""
    path = "/etc/" + "n" * 300
    with pytest.raises(CannotLook, match="File name too long"):
        Files(Folder(root)).read(path)


def test_a_tree_that_is_larger_than_any_robots_ends_the_audit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes, and in places looked at."""
    monkeypatch.setattr(bounds, "MAX_BYTES", 5)
    files = Files(Folder(root))
    files.read("/etc/name")
    with pytest.raises(TooMuch):
        files.read("/etc/name")
    monkeypatch.setattr(bounds, "MAX_LOOKS", 3)
    files = Files(Folder(root))
    files.exists("/etc/name")
    with pytest.raises(TooMuch):
        files.exists("/etc/name")


def test_a_folder_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    """What, where, what to do."""
    with pytest.raises(MisuseError, match="nothing: No such file or directory: give a folder"):
        Folder(tmp_path / "nothing")


@pytest.mark.parametrize("cut", [0, 100, 700, 1500])
def test_an_archive_that_is_cut_off_or_none_is_refused(root: Path, cut: int) -> None:
    """A robot that goes away in the middle."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(root, arcname=".")
    with pytest.raises(CannotLook):
        Archive(io.BytesIO(data.getvalue()[:cut]))


def test_names_that_climb_stay_within_the_tree() -> None:
    """An archive may say anything."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name in ("../../etc/shadow", "/etc/passwd", "a/../../b"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
    data.seek(0)
    files = Files(Archive(data))
    assert [files.read(path) for path in ("/etc/shadow", "/etc/passwd", "/b")] == [b"x", b"x", b"x"]
    assert files.names("/") == ["b", "etc"]

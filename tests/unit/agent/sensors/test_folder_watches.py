"""Watches on folders: real ones; only what a pattern asks for counts, and folders may come, go and be replaced."""

from pathlib import Path
from typing import Iterator

import pytest

from wachhund_agent.sensors import folder_watches
from wachhund_agent.sensors.folder_watches import FolderWatches


@pytest.fixture
def watches() -> Iterator[FolderWatches]:
    made = FolderWatches()
    yield made
    made.close()


def cover(watches: FolderWatches, *patterns: Path) -> None:
    watches.begin()
    for pattern in patterns:
        watches.cover(str(pattern))
    watches.end()
    watches.heard()


def test_only_names_that_a_pattern_asks_for_count(watches: FolderWatches, tmp_path: Path) -> None:
    """A user's home may be /dev, where somebody writes to null all the time."""
    cover(watches, tmp_path / "*.conf", tmp_path / ".profile")
    (tmp_path / "null").write_text("x")
    (tmp_path / ".swap.conf").write_text("x")
    assert not watches.heard()
    (tmp_path / "a.conf").write_text("x")
    assert watches.heard() and not watches.heard()
    (tmp_path / ".profile").write_text("x")
    assert watches.heard()
    (tmp_path / ".profile").chmod(0o700)
    assert watches.heard()


def test_a_file_in_a_folder_that_a_star_stands_for_is_heard_of(watches: FolderWatches, tmp_path: Path) -> None:
    """As /etc/cron.d for /etc/cron.*/*."""
    (tmp_path / "cron.d").mkdir()
    cover(watches, tmp_path / "cron.*" / "*")
    (tmp_path / "cron.d" / "job").write_text("x")
    assert watches.heard()


def test_a_folder_that_comes_later_or_in_the_place_of_another_is_heard_of(
    watches: FolderWatches, tmp_path: Path
) -> None:
    pattern = tmp_path / "system" / "wants" / "*"
    cover(watches, pattern)
    (tmp_path / "system").mkdir()
    assert watches.heard()
    cover(watches, pattern)
    (tmp_path / "system" / "wants").mkdir()
    assert watches.heard()
    cover(watches, pattern)
    (tmp_path / "system").rename(tmp_path / "aside")
    assert watches.heard()
    (tmp_path / "system" / "wants").mkdir(parents=True)
    cover(watches, pattern)
    (tmp_path / "aside" / "wants" / "x").write_text("no way leads there any more")
    assert not watches.heard()
    (tmp_path / "system" / "wants" / "x").write_text("x")
    assert watches.heard()


def test_a_folder_without_a_watch_is_named(
    watches: FolderWatches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cover(watches, tmp_path / "*")
    assert watches.refused is None
    monkeypatch.setattr(folder_watches, "FOLDERS_WATCHED", 1)
    cover(watches, tmp_path / "*")
    assert watches.refused is not None
    monkeypatch.undo()
    cover(watches, tmp_path / "*")
    assert watches.refused is None


def test_a_name_with_the_signs_of_a_pattern_is_taken_as_it_is(watches: FolderWatches, tmp_path: Path) -> None:
    odd = tmp_path / "a[b]*"
    odd.mkdir()
    cover(watches, Path(str(tmp_path) + "/a[[]b[]][*]/x"))
    (odd / "x").write_text("x")
    assert watches.heard()

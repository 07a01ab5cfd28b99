"""Persistence: real files, real watches; what changed while nobody looked is found; bursts are bounded."""

import glob
import hashlib
import json
import os
import time
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import pytest

from wachhund_agent.kernel import procfs
from wachhund_agent.sensors.persistence import TOLD_A_MINUTE, PersistenceSense
from wachhund_agent.sensors.persistence_places import Place
from wachhund_evidence import Observation

Found = List[Observation]


class Watch:
    """A sense over one folder, looked at with the real clock."""

    def __init__(self, folder: Path, state: Path, places: Sequence[Place] = ()) -> None:
        own = [Place(str(folder / "*"), "cron"), Place(str(folder / "later/*"), "udev")]
        self.sense = PersistenceSense(places or own, state)
        self.found = self.sense.start(time.monotonic())

    def until(self, holds: Callable[[Found], bool]) -> Found:
        deadline = time.monotonic() + 10
        while not holds(self.found):
            assert time.monotonic() < deadline, [one.fields for one in self.found]
            self.found += self.sense.look(time.monotonic())
            time.sleep(0.01)
        return self.found

    def change(self, name: str, what: str) -> Dict[str, object]:
        def told(found: Found) -> bool:
            return any(
                one.kind == "persistence.change"
                and str(one.fields["path"]).endswith(name)
                and one.fields["change"] == what
                for one in found
            )

        self.until(told)
        return next(
            dict(one.fields)
            for one in self.found
            if one.kind == "persistence.change"
            and str(one.fields["path"]).endswith(name)
            and one.fields["change"] == what
        )

    def baseline(self) -> None:
        self.until(lambda found: any(one.kind == "config.state" for one in found))


def test_the_first_run_tells_a_baseline_and_then_each_change(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "job").write_text("a")
    watch = Watch(folder, tmp_path / "state.json")
    watch.baseline()
    assert [one.kind for one in watch.found if one.kind == "persistence.change" and one.fields["class"] == "cron"] == []
    (folder / "new").write_text("b")
    assert watch.change("/new", "created")["class"] == "cron"
    (folder / "job").write_text("c")
    changed = watch.change("/job", "modified")
    assert changed["sha256"] != changed["was_sha256"] and "while_down" not in changed
    (folder / "job").chmod(0o755)
    assert watch.change("/job", "permissions")["mode"] == "0755"
    (folder / "fresh").write_text("d")
    (folder / "fresh").replace(folder / "new")
    watch.change("/new", "modified")
    (folder / "job").unlink()
    watch.change("/job", "deleted")
    watch.sense.close()


def test_a_folder_that_comes_later_is_watched_too(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    watch = Watch(folder, tmp_path / "state.json")
    watch.baseline()
    (folder / "later").mkdir()
    (folder / "later" / "rule").write_text("x")
    assert watch.change("/rule", "created")["class"] == "udev"
    watch.sense.close()


def test_writes_nobody_asked_about_start_no_sweep(tmp_path: Path) -> None:
    """A sweep costs some 15 ms; a robot's scripts write to /dev/null all the time, and /dev is a user's home."""
    folder = tmp_path / "d"
    folder.mkdir()
    watch = Watch(folder, tmp_path / "state.json")
    watch.baseline()
    watch.until(lambda found: watch.sense._steps is None)
    (tmp_path / "null").write_text("x")
    for step in range(20):
        watch.sense.look(time.monotonic() + step)
        assert watch.sense._steps is None
    watch.sense.close()


def test_what_changed_while_the_agent_was_down_is_told_at_its_start(tmp_path: Path) -> None:
    folder, state = tmp_path / "d", tmp_path / "state.json"
    folder.mkdir()
    (folder / "job").write_text("a")
    before = Watch(folder, state)
    before.baseline()
    before.sense.close()
    (folder / "job").write_text("b")
    (folder / "new").write_text("c")
    after = Watch(folder, state)
    assert after.change("/job", "modified")["while_down"] is True
    assert after.change("/new", "created")["while_down"] is True
    after.sense.close()


def test_a_damaged_memory_begins_anew_and_says_so_by_its_baseline(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "state.json").write_bytes(b'{"files": {"x": [')
    watch = Watch(tmp_path / "d", tmp_path / "state.json")
    watch.baseline()
    watch.sense.close()
    assert json.loads((tmp_path / "state.json").read_text() or "{}") is not None


def test_a_burst_is_told_up_to_a_bound_and_counted_beyond(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    watch = Watch(folder, tmp_path / "state.json")
    watch.baseline()
    for number in range(TOLD_A_MINUTE + 30):
        (folder / str(number)).write_text("x")
    watch.until(lambda found: sum(one.kind == "persistence.change" for one in found) >= TOLD_A_MINUTE)
    watch.until(lambda found: watch.sense._steps is None)
    many = [one for one in watch.sense.look(time.monotonic() + 61) if one.fields.get("change") == "many"]
    told = sum(one.kind == "persistence.change" and one.fields["class"] == "cron" for one in watch.found)
    assert told + sum(one.fields["count"] for one in many) == TOLD_A_MINUTE + 30
    watch.sense.close()


def test_a_pipe_among_the_files_does_not_hold_us(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    os.mkfifo(str(folder / "pipe"))
    watch = Watch(folder, tmp_path / "state.json")
    watch.baseline()
    watch.sense.close()


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    folder, state = tmp_path / "d", tmp_path / "state.json"
    folder.mkdir()
    (folder / "job").write_text("a")
    watch = Watch(folder, state)
    watch.baseline()
    watch.until(lambda found: state.exists())
    stamp = state.stat().st_mtime_ns
    for step in range(50):
        watch.sense.look(time.monotonic() + step)
    watch.sense.close()
    assert state.stat().st_mtime_ns == stamp


def test_a_kernel_module_that_is_loaded_or_unloaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's list is a file here: no module of this machine is ours to load."""
    monkeypatch.setattr(procfs, "PROC", str(tmp_path))
    (tmp_path / "modules").write_bytes(b"tun 53248 2 - Live 0x0\nveth 32768 0 - Live 0x0\n")
    sense = PersistenceSense([])
    sense.start(0.0)
    (tmp_path / "modules").write_bytes(b"veth 32768 0 - Live 0x0\nhid_evil 1 0 - Live 0x0 (OE)\n")
    told = [one.fields for one in sense.look(60.0) if one.kind == "persistence.change"]
    assert [(one["path"], one["class"], one["change"]) for one in told] == [
        ("hid_evil", "module", "loaded"),
        ("tun", "module", "unloaded"),
    ]
    sense.close()


def test_of_a_secret_file_it_is_told_that_it_changed_and_no_hash(tmp_path: Path) -> None:
    """Neither by its own name nor by another, now or from what an earlier run remembered, sent or kept."""
    folder, state, key = tmp_path / "d", tmp_path / "state.json", tmp_path / "[k] agent.key"
    folder.mkdir()
    contents = ["key {}".format(number) for number in range(4)]
    key.write_text(contents[0])
    (folder / "alias").symlink_to(key)
    places = [Place(str(folder / "*"), "cron"), Place(glob.escape(str(key)), "agent", secret=True)]
    # An earlier run that did not know of the secret.
    open_eyed = Watch(folder, state, [Place(glob.escape(str(key)), "agent")])
    open_eyed.baseline()
    open_eyed.sense.close()
    key.write_text(contents[1])
    watch = Watch(folder, state, places)
    told = [watch.change("agent.key", "modified")]
    assert told[0]["while_down"] is True
    watch.until(lambda found: watch.sense._steps is None)
    watch.found.clear()
    key.write_text(contents[2])
    told.append(watch.change("agent.key", "modified"))
    watch.found.clear()
    status = key.stat()
    key.write_text(contents[3])
    os.utime(str(key), ns=(status.st_atime_ns, status.st_mtime_ns))
    told.append(watch.change("agent.key", "modified"))
    watch.found.clear()
    key.chmod(0o755)
    told.append(watch.change("agent.key", "permissions"))
    key.unlink()
    told.append(watch.change("agent.key", "deleted"))
    assert [(one["class"], one["sha256"], one["was_sha256"]) for one in told] == [("agent", None, None)] * 5
    watch.sense.close()
    hashes = [hashlib.sha256(content.encode()).hexdigest() for content in contents]
    seen = repr(watch.found) + state.read_text()
    assert [one for one in hashes + contents if one in seen] == []


def test_what_cannot_be_hashed_is_told_by_what_stat_says(tmp_path: Path) -> None:
    """Somebody who may not read a file still sees that another one lies there."""
    assert PersistenceSense([])._hash(str(tmp_path / "nothing")) is None
    folder = tmp_path / "d"
    folder.mkdir()
    key = folder / "other"
    key.write_text("a")
    os.link(str(key), str(tmp_path / "name"))
    places = [Place(str(folder / "*"), "cron"), Place(str(tmp_path / "name"), "agent", secret=True)]
    watch = Watch(folder, tmp_path / "state.json", places)
    watch.baseline()
    key.write_text("b")
    assert watch.change("/other", "modified")["sha256"] is None
    watch.sense.close()

"""Who has a camera open, on the real kernel: device nodes as root, plain files as an ordinary user."""

import contextlib
import os
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from wachhund_agent.kernel import capabilities
from wachhund_agent.sensors.capture_device import CaptureDeviceSense
from wachhund_agent.sensors.process_table import ProcessTable
from wachhund_agent.sensors.tcp_owners import Owners
from wachhund_evidence import Observation

ROOT = os.geteuid() == 0
_HOLD = "import os,sys; os.open(sys.argv[1], os.O_RDWR); print('open', flush=True); sys.stdin.read()"


def make_node(path: Path) -> None:
    """A device like /dev/null; for an ordinary user a file, whose opens the kernel tells of just so."""
    if ROOT:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    else:
        path.touch()


class Watch:
    """A sense that is looked at as the loop does it."""

    def __init__(self, folder: Path) -> None:
        self.sense = CaptureDeviceSense(Owners(ProcessTable()).of_pid, folder)
        self.told: list[Observation] = []
        self._started = False
        self.ahead = 0.0  # seconds that the sense's clock is ahead of ours

    def look(self) -> None:
        now = time.monotonic() + self.ahead
        self.told += self.sense.look(now) if self._started else self.sense.start(now)
        self._started = True

    def of(self, kind: str, pid: int | None) -> list[Observation]:
        return [fact for fact in self.told if fact.kind == kind and fact.fields["pid"] == pid]

    def wait(self, kind: str, pid: int | None) -> Observation:
        def is_there() -> object:
            self.look()
            return self.of(kind, pid)

        until(is_there, 5, f"{kind} by {pid}")
        return self.of(kind, pid)[0]

    def states(self) -> list[object]:
        return [fact.fields["value"] for fact in self.told if fact.kind == "config.state"]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    made = Watch(tmp_path)
    yield made
    made.sense.close()


Opener = Callable[[Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def opener() -> Iterator[Opener]:
    children = []

    def start(path: Path) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        children.append(child)
        assert child.stdout is not None and child.stdout.readline() == b"open\n"
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def end(child: "subprocess.Popen[bytes]") -> None:
    child.communicate(timeout=10)


def test_each_of_two_openers_is_told_from_open_to_close(watch: Watch, opener: Opener, tmp_path: Path) -> None:
    make_node(tmp_path / "video0")
    watch.look()
    assert watch.states() == [1]
    first, second = opener(tmp_path / "video0"), opener(tmp_path / "video0")
    told = watch.wait("camera.open", first.pid)
    assert (told.fields["camera"], told.fields["via"]) == (str(tmp_path / "video0"), "v4l2")
    assert told.fields["exe"] == str(Path(sys.executable).resolve()) and told.fields["puid"].startswith(f"{first.pid}-")
    assert told.fields["viewer"] is None and told.fields["existing"] is False
    watch.wait("camera.open", second.pid)
    end(first)
    closed = watch.wait("camera.close", first.pid)
    assert closed.fields["puid"] == told.fields["puid"] and closed.fields["duration_s"] > 0
    assert not watch.of("camera.close", second.pid)
    end(second)
    watch.wait("camera.close", second.pid)
    assert len(watch.told) == 5
    assert watch.sense.coverage().state == "event"
    assert watch.sense.coverage().source == ("fanotify" if ROOT else "inotify")


def test_a_camera_that_was_open_already_is_told_as_such(watch: Watch, opener: Opener, tmp_path: Path) -> None:
    make_node(tmp_path / "video0")
    child = opener(tmp_path / "video0")
    watch.look()
    (told,) = watch.of("camera.open", child.pid)
    assert told.fields["existing"] is True
    end(child)
    assert watch.wait("camera.close", child.pid).fields["duration_s"] is None


def test_nodes_that_come_and_go_are_followed(watch: Watch, opener: Opener, tmp_path: Path) -> None:
    watch.look()
    why = watch.sense.coverage().why
    assert watch.states() == [0] and why is not None
    assert "no camera or microphone" in why and "flows" in why
    (tmp_path / "snd").mkdir()
    watch.look()
    make_node(tmp_path / "snd" / "pcmC1D0c")
    make_node(tmp_path / "snd" / "pcmC1D0p")
    (tmp_path / "video").symlink_to(tmp_path / "snd" / "pcmC1D0c")
    until(lambda: watch.look() or watch.states()[-1] == 1, 5, "the microphone is there")
    child = opener(tmp_path / "snd" / "pcmC1D0c")
    assert watch.wait("camera.open", child.pid).fields["via"] == "alsa"
    (tmp_path / "snd" / "pcmC1D0c").unlink()
    until(lambda: watch.look() or watch.states()[-1] == 0, 5, "the microphone has no name any more")
    assert not watch.of("camera.close", child.pid), "who deletes the name does not stop to listen"
    end(child)
    watch.ahead = 11.0
    watch.wait("camera.close", child.pid)


@pytest.mark.needs_root("kernel events that name the process")
def test_a_very_short_use_is_told_with_its_process(watch: Watch, tmp_path: Path) -> None:
    make_node(tmp_path / "video0")
    watch.look()
    with subprocess.Popen(["/bin/cat", str(tmp_path / "video0")], stdout=subprocess.DEVNULL) as child:
        child.wait(10)
    told = watch.wait("camera.open", child.pid)
    watch.wait("camera.close", child.pid)
    assert told.fields["puid"] is None and "ended" in told.fields["why"]


@pytest.mark.needs_root("a device node")
def test_another_user_of_the_same_driver_is_no_user_of_the_camera(watch: Watch, opener: Opener, tmp_path: Path) -> None:
    make_node(tmp_path / "video0")
    child = opener(Path("/dev/null"))
    watch.look()
    assert [fact.kind for fact in watch.told] == ["config.state"]
    end(child)


def test_a_lost_close_and_a_missed_open_are_found(watch: Watch, opener: Opener, tmp_path: Path) -> None:
    """What the events do not say, the open files do: here nobody reads the events at all."""
    make_node(tmp_path / "video0")
    watch.look()
    lost = opener(tmp_path / "video0")
    watch.wait("camera.open", lost.pid)
    missed = opener(tmp_path / "video0")
    end(lost)
    watch.sense._events.read()
    watch.ahead = 11.0
    watch.look()
    assert watch.of("camera.close", lost.pid) and watch.of("camera.open", missed.pid)
    end(missed)


def test_more_nodes_than_are_watched_are_counted(watch: Watch, tmp_path: Path) -> None:
    for number in range(70):
        make_node(tmp_path / f"video{number}")
    watch.look()
    coverage = watch.sense.coverage()
    assert watch.states() == [64] and coverage.dropped == 6 and coverage.why is not None and "6 devices" in coverage.why


def test_an_idle_look_costs_next_to_nothing(watch: Watch, tmp_path: Path) -> None:
    make_node(tmp_path / "video0")
    watch.look()
    best = 1.0
    for _ in range(50):
        began = time.perf_counter()
        watch.look()
        best = min(best, time.perf_counter() - began)
    assert best < 0.001


@contextlib.contextmanager
def no_descriptors() -> Iterator[None]:
    """Nothing can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_any_event_source_it_looks_at_open_files(watch: Watch, opener: Opener, tmp_path: Path) -> None:
    make_node(tmp_path / "video0")
    with no_descriptors():
        watch.look()
    child = opener(tmp_path / "video0")
    watch.ahead = 2.0
    watch.look()
    assert watch.of("camera.open", child.pid)
    coverage = watch.sense.coverage()
    assert (coverage.source, coverage.state, coverage.interval_s) == ("procfs", "poll", 2.0)
    assert coverage.why is not None and "between two looks" in coverage.why and watch.sense.interval_s == 2.0
    end(child)
    watch.ahead = 4.1
    watch.look()
    assert watch.of("camera.close", child.pid)


def test_where_the_kernel_does_not_name_the_process_a_short_use_has_none(
    monkeypatch: pytest.MonkeyPatch, watch: Watch, opener: Opener, tmp_path: Path
) -> None:
    """As an ordinary user, and on kernels whose device nodes fanotify can't mark."""
    make_node(tmp_path / "video0")
    with monkeypatch.context() as patch:
        patch.setattr(capabilities, "allows", lambda capability: False)
        watch.look()
    assert watch.sense.coverage().source == "inotify"
    child = opener(tmp_path / "video0")
    watch.wait("camera.open", child.pid)
    subprocess.run(["/bin/cat", str(tmp_path / "video0")], check=True)
    told = watch.wait("camera.open", None)
    assert told.fields["puid"] is None and told.fields["why"]
    closed = watch.wait("camera.close", None)
    assert closed.fields["duration_s"] is None
    end(child)
    watch.wait("camera.close", child.pid)

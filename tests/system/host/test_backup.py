"""Backup while the host serves, and what robots make of a host that was put back: real host, real agent."""

import contextlib
import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.inner_agent import InnerAgent
from tests.robots.living import Living
from tests.robots.older_ledger import before_keeping
from tests.robots.scripted import ScriptedRobot, random_text
from tests.waiting import until
from wachhund.cli import main
from wachhund.ledger import Ledger
from wachhund_agent.config import Limits


def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wachhund", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def here(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """The same in this process: a tenth of the time."""
    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        status = main([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, status, said.getvalue(), told.getvalue())


def tokens(living: Living) -> int:
    with closing(living.ledger()) as ledger:
        newest = ledger.newest(living.robot)
        return 0 if newest is None else newest.tokens


@pytest.mark.thorough
@pytest.mark.parametrize("agent", ["runs on", "is started anew"])
def test_a_restored_host_gets_back_what_its_robots_still_hold(tmp_path: Path, agent: str) -> None:
    folder = tmp_path / "backup"
    with Living(tmp_path) as living:
        living.start_agent()
        until(lambda: tokens(living) >= 3, 30, "evidence comes")
        made = command("backup", folder, "--data", living.data)
        assert made.returncode == 0, made.stderr
        assert folder.stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
        then = tokens(living)
        until(lambda: tokens(living) >= then + 3, 30, "more evidence comes")
        if agent == "is started anew":
            assert living.agent is not None
            living.agent.terminate()
            assert living.agent.wait(20) == 0
        living.stop_host()
        lost = living.data.rename(tmp_path / "lost")
        restored = command("restore", folder, "--data", living.data)
        assert restored.returncode == 0 and "the evidence of 1 proven" in restored.stdout, restored.stderr
        before = tokens(living)
        living.start_host()
        if agent == "is started anew":
            living.start_agent()
        with closing(living.ledger()) as ledger:
            (line,) = ledger.chain_line(living.robot)
        until(lambda: tokens(living) > before + 4, 30, "what came after the backup comes again, and more")
        with closing(living.ledger()) as ledger:
            # A hole stands open until the first receipt has told the robot how far back this host is.
            until(lambda: ledger.gaps(living.robot) == [], 30, "no number is missing")
            # The robot shows this host its own receipt from the time after the backup: that it forgot stays known.
            assert {fault.what for fault in ledger.faults(living.robot)} == {"lost-by-host"}
            assert [one.chain for one in ledger.chain_line(living.robot)] == [line.chain], "no new chain"
        assert "host.key" in {path.name for path in lost.iterdir()}


@pytest.mark.thorough
def test_what_a_restored_host_lost_and_its_robot_no_longer_holds_is_stated(tmp_path: Path) -> None:
    """The robot's journal is small here: what went out of it is gone, and both say so instead of waiting for it."""
    folder = tmp_path / "backup"
    limits = Limits(segment_bytes=20_000, journal_bytes=300_000, heartbeat_s=0.5, calm_every_s=0.1)
    with Living(tmp_path) as living, InnerAgent.of(living, limits) as agent:
        until(lambda: agent.journal.receipted > 3, 30, "evidence comes")
        assert command("backup", folder, "--data", living.data).returncode == 0
        then = agent.journal.receipted

        def gone() -> bool:
            if agent.journal.receipted == agent.journal.next_seq - 1:  # or what has not left yet is what has to go
                agent.observe("process.exit", text="x" * 3000)
            kept = agent.journal.read(1, agent.journal.next_seq, 1, 1)
            return bool(kept) and kept[0].seq > then + 20 and agent.journal.receipted > kept[0].seq

        until(gone, 60, "what was receipted after the backup made room in the journal")
        living.stop_host()
        living.data.rename(tmp_path / "lost")
        assert command("restore", folder, "--data", living.data).returncode == 0
        living.start_host()
        with closing(living.ledger()) as ledger:

            def stated() -> bool:
                found = ledger.gaps(living.robot)
                return bool(found) and all(gap.stated for gap in found)

            until(stated, 60, "each missing number is stated")
            # What the journal has to make room for while it sends all it holds again, it states in a gap of its own.
            (gap,) = [one for one in ledger.gaps(living.robot) if one.reason != "journal full"]
            assert gap.from_seq <= then + 10 and gap.to_seq > then and "not in the journal" in str(gap.reason)
            assert [fault.what for fault in ledger.faults(living.robot)] == ["lost-by-host"]
            until(lambda: ledger.chain_line(living.robot)[0].contiguous_seq > gap.to_seq, 20, "and the chain goes on")


def test_nothing_is_overwritten_and_what_fails_leaves_nothing(tmp_path: Path) -> None:
    host, folder = tmp_path / "host", tmp_path / "backup"
    assert command("backup", folder, "--data", host).returncode == 2
    command("robots", "list", "--data", host)
    keygen = subprocess.run(
        [sys.executable, "-m", "wachhund_agent", "keygen", str(tmp_path / "k")], check=True, capture_output=True
    )
    assert keygen.returncode == 0
    added = command("robots", "add", "rex", "--key", tmp_path / "k.pub", "--data", host, "--out", tmp_path / "c")
    assert added.returncode == 0, added.stderr
    assert command("backup", folder, "--data", host).returncode == 0
    again = command("backup", folder, "--data", host)
    assert again.returncode == 2 and "not overwritten" in again.stderr
    over = command("restore", folder, "--data", host)
    assert over.returncode == 2 and "not overwritten" in over.stderr
    (folder / "ledger.sqlite").write_bytes(b"rubbish" * 999)
    bad = command("restore", folder, "--data", tmp_path / "new")
    assert bad.returncode == 2 and not (tmp_path / "new").exists()
    assert not list(tmp_path.glob("*.unfinished"))
    assert all("Traceback" not in done.stderr for done in (again, over, bad))


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A data folder with a ledger of some 30 MB: what takes a moment to copy."""
    bench = HostBench(tmp_path / "host")
    robot = ScriptedRobot()
    row = bench.add("rex", robot)
    for turn in range(8):  # a minute apart: a robot may send so much, and not all at once
        texts = [robot.token(robot.saw("x", text=random_text(60_000))) for _ in range(16)]
        bench.take(row, *texts, t=1_000_000.0 + 60 * turn)
    bench.close()
    return bench.data.path


def killed_in_the_middle(arguments: Sequence[str | Path], begun: Path, done: Path) -> None:
    """Run a command and kill it (SIGKILL) once `begun` exists. It must not have come to `done` yet."""
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-m", "wachhund", *map(str, arguments)], stderr=subprocess.DEVNULL)
        until(lambda: begun.exists() or process.poll() is not None, 30, f"{begun} is there")  # noqa: B023
        process.kill()
        process.wait()
        if not done.exists():
            return
        shutil.rmtree(done)
    raise AssertionError("it was too quick to be killed in the middle")


def test_a_backup_that_was_killed_counts_for_nothing_and_the_next_one_works(stored: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    unfinished = tmp_path / "backup.unfinished"
    killed_in_the_middle(("backup", folder, "--data", stored), unfinished / "ledger.sqlite", folder)
    assert unfinished.exists(), "as a power cut leaves it"
    half = command("restore", unfinished, "--data", tmp_path / "new")
    assert half.returncode == 2 and "holds no backup.json" in half.stderr and not (tmp_path / "new").exists()
    assert command("backup", folder, "--data", stored).returncode == 0
    assert not unfinished.exists()


def test_a_restore_that_was_killed_leaves_no_host_and_the_next_one_works(stored: Path, tmp_path: Path) -> None:
    """Keys without a ledger, or half a ledger, would be taken for a host."""
    folder, data = tmp_path / "backup", tmp_path / "new"
    assert command("backup", folder, "--data", stored).returncode == 0
    killed_in_the_middle(("restore", folder, "--data", data), tmp_path / "new.unfinished" / "ledger.sqlite", data)
    data.mkdir()
    done = command("restore", folder, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "what was erased after that is back" in done.stdout
    assert (data / "host.key").read_bytes() == (stored / "host.key").read_bytes()
    assert not (tmp_path / "new.unfinished").exists()


@pytest.mark.parametrize("part", ["host.key", "ledger.sqlite", "backup.json"])
def test_a_backup_that_lacks_a_part_or_has_another_is_refused(stored: Path, tmp_path: Path, part: str) -> None:
    """Without the host's key robots would not know their host again, and nobody would see it before they are silent."""
    folder = tmp_path / "backup"
    assert here("backup", folder, "--data", stored).returncode == 0
    whole = (folder / part).read_bytes()
    for content in (None, whole[:-1] + b"x", b""):
        (folder / part).unlink()
        if content is not None:
            (folder / part).write_bytes(content)
        done = here("restore", folder, "--data", tmp_path / "new")
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert not (tmp_path / "new").exists() and not (tmp_path / "new.unfinished").exists()
        (folder / part).write_bytes(whole)
    assert here("restore", folder, "--data", tmp_path / "new").returncode == 0


@pytest.mark.needs_root("mounts a small file system")
def test_a_full_disk_is_one_line_and_leaves_nothing(stored: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(small)], check=True)
    try:
        full = command("backup", small / "backup", "--data", stored)
        assert full.returncode == 2 and full.stderr.count("\n") == 1 and "full" in full.stderr, full.stderr
        assert list(small.iterdir()) == []
        assert command("backup", tmp_path / "backup", "--data", stored).returncode == 0
        again = command("restore", tmp_path / "backup", "--data", small / "data")
        assert again.returncode == 2 and again.stderr.count("\n") == 1 and "space" in again.stderr, again.stderr
        assert list(small.iterdir()) == []
        export = command("export", "--robot", "rex", "--out", small / "a.zip", "--data", stored)
        assert export.returncode == 2 and export.stderr.count("\n") == 1 and "space" in export.stderr, export.stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_place_that_may_not_be_written_or_read_is_one_line(stored: Path, tmp_path: Path) -> None:
    """Also for root, whom only a file in the way of a folder stops."""
    (tmp_path / "file").write_text("")
    for arguments in (
        ("backup", tmp_path / "file" / "backup", "--data", stored),
        ("restore", tmp_path / "nowhere", "--data", tmp_path / "new"),
        ("restore", tmp_path / "file", "--data", tmp_path / "new"),
        ("backup", tmp_path / "b", "--data", tmp_path / "file"),
    ):
        done = here(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr


def test_a_backup_ends_beside_a_host_that_writes_all_the_time(stored: Path, tmp_path: Path) -> None:
    """Copying page by page began again with each write; a busy host would never have had a backup."""
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(stored / "ledger.sqlite", timeout=20, isolation_level=None)) as raw:
            while not stop.is_set():
                raw.execute("UPDATE judgements SET cursor = cursor + 1")
                raw.execute("INSERT OR REPLACE INTO judgements (id, cursor) VALUES (1, 1)")
                time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = command("backup", tmp_path / "backup", "--data", stored)
    finally:
        stop.set()
        writer.join()
    assert done.returncode == 0, done.stderr
    assert command("verify", tmp_path / "backup").returncode in (0, 1)


def test_a_backup_of_an_older_wachhund_is_brought_up_to_date(stored: Path, tmp_path: Path) -> None:
    """The backup that was made before an upgrade is the one that is needed after it."""
    folder = tmp_path / "backup"
    assert here("backup", folder, "--data", stored).returncode == 0
    with closing(sqlite3.connect(folder / "ledger.sqlite", isolation_level=None)) as raw:
        before_keeping(raw)
    ledger = folder / "ledger.sqlite"
    listed = json.loads((folder / "backup.json").read_text())
    listed["parts"]["ledger.sqlite"] = [ledger.stat().st_size, hashlib.sha256(ledger.read_bytes()).hexdigest()]
    (folder / "backup.json").write_text(json.dumps(listed))
    done = here("restore", folder, "--data", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    with closing(Ledger.open(tmp_path / "new" / "ledger.sqlite")) as opened:
        assert opened.keeping.weights()[0][1] > 5_000_000

"""Backup while the host serves, and what robots make of a host that was put back: real host, real agent."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.inner_agent import InnerAgent
from tests.robots.living import Living, until
from wachhund_agent.config import Limits


def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wachhund", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def tokens(living: Living) -> int:
    with closing(living.ledger()) as ledger:
        newest = ledger.newest(living.robot)
        return 0 if newest is None else newest.tokens


@pytest.mark.thorough
def test_a_restored_host_gets_back_what_its_robots_still_hold(tmp_path: Path) -> None:
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
        living.stop_host()
        lost = living.data.rename(tmp_path / "lost")
        restored = command("restore", folder, "--data", living.data)
        assert restored.returncode == 0 and "the evidence of 1 proven" in restored.stdout, restored.stderr
        before = tokens(living)
        living.start_host()
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
            (gap,) = ledger.gaps(living.robot)
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
    assert bad.returncode == 2 and list((tmp_path / "new").iterdir()) == []
    assert not list(tmp_path.glob("*.unfinished"))
    assert all("Traceback" not in done.stderr for done in (again, over, bad))

"""Backup while the host serves, and what robots make of a host that was put back: real host, real agent."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.living import Living, until


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
            assert ledger.faults(living.robot) == []
            assert [one.chain for one in ledger.chain_line(living.robot)] == [line.chain], "no new chain"
        assert "host.key" in {path.name for path in lost.iterdir()}


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

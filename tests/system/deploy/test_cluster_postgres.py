"""PostgreSQL as deploy/cluster sets it up, on real servers: what is receipted is on two disks, one of which may go."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.host_bench import HostBench
from tests.robots.replicated_postgres import Replicated
from tests.robots.scripted import ScriptedRobot
from tests.robots.throw_away_postgres import PROGRAMS
from tests.waiting import until
from wachhund.ledger import Ledger, Standing

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def servers() -> Iterator[Replicated]:
    if not (PROGRAMS / "postgres").exists():
        pytest.skip("no PostgreSQL 15 here")
    folder = Path(tempfile.mkdtemp(prefix="wachhund-ha-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    made = None
    try:
        made = Replicated(folder)
        yield made
    finally:
        if made is not None:
            made.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def data(servers: Replicated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose ledger.url names all three, by the address of docs/cluster.md."""
    folder = tmp_path_factory.mktemp("data")
    servers.write_passwords(folder / "pgpass")
    written = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    (address,) = re.findall(r"^postgresql://.*$", written, re.MULTILINE)
    for name, port in servers.ports.items():
        assert f"host={name}.example.org" in address
        address = address.replace(f"host={name}.example.org", f"host=127.0.0.1:{port}")
    address = address.replace("/etc/ssl/db-ca.pem", str(servers.authority))
    (folder / "ledger.url").write_text(f"{address}&passfile={folder / 'pgpass'}\n")
    return folder


def new_steps(data: Path) -> tuple[int, str]:
    """Exit status and words of deploy/cluster/new-steps.py."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "deploy/cluster/new-steps.py"), "--data", str(data)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def in_sync(servers: Replicated, primary: str) -> set[object]:
    """The standbys of whom one is waited for."""
    found = servers.ask(primary, "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'quorum'")
    return {row[0] for row in found}


def test_a_ledger_survives_its_primary(servers: Replicated, data: Path) -> None:
    """One story: settings are read, a commit waits for a standby, and what was committed is on the next primary."""
    for name in servers.ports:
        assert servers.ask(name, "SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL") == [], name
        assert servers.ask(name, "SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL") == [], name

    code, said = new_steps(data)
    assert code == 2 and "migrations" in said, "an empty database has no list of steps"
    ledger = Ledger.open(data / "ledger.sqlite")
    assert new_steps(data) == (0, "")
    servers.ask("db1", "UPDATE migrations SET name = 'to_come' WHERE name = 'reports'", "wachhund")
    assert new_steps(data) == (3, "new: reports\nof a newer Wachhund than this: to_come\n")
    servers.ask("db1", "UPDATE migrations SET name = 'reports' WHERE name = 'to_come'", "wachhund")
    servers.ask("db1", "ALTER SYSTEM RESET synchronous_standby_names")
    servers.ask("db1", "SELECT pg_reload_conf()")
    until(lambda: in_sync(servers, "db1") == {"db2", "db3"}, 30, "both standbys count")

    bench, robot = HostBench(data), ScriptedRobot()
    token = robot.token(robot.saw("process.start"))
    row = bench.add("rex", robot)
    bench.take(row, token)
    servers.stop("db3")
    ledger.note_act("rex", "comment", "ann", "one standby is enough")
    servers.stop("db2")
    committed, again = threading.Event(), list[Standing]()
    came_again = threading.Thread(target=lambda: again.extend(bench.take(row, token)))
    came_again.start()
    came_again.join(2)
    assert again == [], "what is there already is receipted as little: it may be on this disk only"

    def commit() -> None:
        ledger.note_act("rex", "comment", "ann", "said with a standby")
        committed.set()

    waiting = threading.Thread(target=commit)
    waiting.start()
    assert not committed.wait(2), "without a standby nothing is committed, so nothing is receipted"
    servers.start("db2")
    assert committed.wait(30)
    waiting.join()
    came_again.join()
    assert [one.became for one in again] == ["duplicate"]
    bench.ledger.close()

    servers.stop("db1")
    servers.promote("db2")
    ledger.close()
    servers.follow("db3", "db2")
    servers.start("db3")
    until(lambda: in_sync(servers, "db2") == {"db3"}, 30, "the other standby follows the new primary")
    after = Ledger.open(data / "ledger.sqlite")
    assert [act.detail for act in after.robot_acts("rex")] == ["one standby is enough", "said with a standby"]
    after.note_act("rex", "comment", "ann", "and it goes on")
    after.close()


def test_nobody_comes_in_without_tls_or_from_elsewhere(servers: Replicated) -> None:
    """The last line of pg_hba.conf."""
    asked = "SELECT type, database, user_name, auth_method FROM pg_hba_file_rules ORDER BY line_number"
    rules = servers.ask("db2", asked)
    assert rules[-1] == ("host", ["all"], ["all"], "reject")
    assert {row[3] for row in rules if row[0] != "local"} == {"scram-sha-256", "reject"}

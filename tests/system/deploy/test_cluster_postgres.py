"""PostgreSQL as deploy/cluster sets it up, on real servers: what a receipt says is on two disks, and stays when one goes."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.replicated_postgres import Replicated
from tests.robots.throw_away_postgres import PROGRAMS
from tests.waiting import until
from wachhund.ledger import Ledger

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
    """A data folder whose ledger.url names all three, as docs/cluster.md writes it."""
    folder = tmp_path_factory.mktemp("data")
    servers.write_passwords(folder / "pgpass")
    hosts = "&".join(f"host=127.0.0.1:{port}" for port in servers.ports.values())
    (folder / "ledger.url").write_text(
        f"postgresql://wachhund@/wachhund?{hosts}&target_session_attrs=primary&sslmode=verify-full"
        f"&sslrootcert={servers.authority}&passfile={folder / 'pgpass'}\n"
    )
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
    """Steps of one story: settings are read, a commit waits for a standby, and what was committed is on the next primary."""
    for name in servers.ports:
        assert servers.ask(name, "SELECT name, error FROM pg_file_settings WHERE error IS NOT NULL") == [], name
        assert servers.ask(name, "SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL") == [], name

    code, said = new_steps(data)
    assert code == 2 and "migrations" in said, "an empty database has no list of steps"
    ledger = Ledger.open(data / "ledger.sqlite")
    assert new_steps(data) == (0, "")
    servers.ask("db1", "ALTER SYSTEM RESET synchronous_standby_names")
    servers.ask("db1", "SELECT pg_reload_conf()")
    until(lambda: in_sync(servers, "db1") == {"db2", "db3"}, 30, "both standbys count")

    servers.stop("db3")
    ledger.note_act("rex", "comment", "ann", "one standby is enough")
    servers.stop("db2")
    committed = threading.Event()

    def commit() -> None:
        ledger.note_act("rex", "comment", "ann", "said with a standby")
        committed.set()

    waiting = threading.Thread(target=commit)
    waiting.start()
    assert not committed.wait(2), "without a standby nothing is committed, so nothing is receipted"
    servers.start("db2")
    assert committed.wait(30)
    waiting.join()

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
    rules = servers.ask(
        "db2", "SELECT type, database, user_name, auth_method FROM pg_hba_file_rules ORDER BY line_number"
    )
    assert rules[-1] == ("host", ["all"], ["all"], "reject")
    assert {row[3] for row in rules if row[0] != "local"} == {"scram-sha-256", "reject"}

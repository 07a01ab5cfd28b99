"""Logins: who came in, by which service, from where, and which connection and process carries it.

Three sources, because logs can be deleted and a robot may have none: auth.log (without it systemd's journal) and wtmp,
followed by name, and the sessions of sshd themselves, which it names in its processes' titles. The same login is told
once.
"""

from pathlib import Path
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from wachhund_agent.kernel import procfs
from wachhund_agent.kernel.clock import wall
from wachhund_agent.kernel.journal_follow import JournalFollower
from wachhund_agent.kernel.log_follow import LogFollower
from wachhund_agent.kernel.utmp import DEAD_PROCESS, USER_PROCESS, UtmpRecord, native_size, parse_records
from wachhund_agent.sensors import auth_log
from wachhund_agent.sensors.auth_log import AuthEvent, parse_line, plain_address
from wachhund_agent.sensors.flow import Flow, Owner
from wachhund_agent.sensors.login_failures import LoginFailures
from wachhund_agent.sensors.sense import Sense
from wachhund_agent.sensors.sshd_sessions import is_sshd, session_titles
from wachhund_evidence import Coverage, Observation, clip, text

LOGINS_KEPT = 256
JOIN_S = 2.0  # the log line and the connection are heard of by different ways
UTMP_BYTES = 256 * 1024


class LoginFiles(NamedTuple):
    """Where the machine writes who came."""

    auth_log: Path = Path("/var/log/auth.log")
    wtmp: Path = Path("/var/log/wtmp")
    btmp: Path = Path("/var/log/btmp")
    utmp: Path = Path("/var/run/utmp")


class _Login:
    """One login that is open. `flow`: of the connection that carries it. `pid`: of the process that does."""

    __slots__ = ("flow", "line", "owner", "pid", "service", "since", "user")

    def __init__(self, service: str, user: Optional[str], pid: Optional[int], since: float) -> None:
        self.service, self.user, self.pid, self.since = service, user, pid, since
        self.flow: Optional[str] = None
        self.line: Optional[str] = None
        self.owner: Optional[Owner] = None


class _Waiting(NamedTuple):
    """A line of the log whose connection is still looked for."""

    event: AuthEvent
    heard: float


class LoginSense(Sense):
    """Kinds: `login.start`, `login.end`, `login.failed`, `config.state` (login-records)."""

    name = "login"
    interval_s = 0.5

    def __init__(
        self,
        who: Callable[[int], Optional[Owner]],
        flows: Callable[[], Mapping[str, Flow]],
        files: Optional[LoginFiles] = None,
    ) -> None:
        self._who, self._flows, self._files = who, flows, files or LoginFiles()
        self._auth = LogFollower(self._files.auth_log)
        self._wtmp = LogFollower(self._files.wtmp, native_size())
        self._btmp = LogFollower(self._files.btmp, native_size())
        self._journal = JournalFollower()
        self._open: List[_Login] = []
        self._waiting: List[_Waiting] = []
        self._unlogged: Dict[str, float] = {}  # ssh connections that no line has told of yet, since when
        self._failures = LoginFailures()
        self._dropped = 0

    def start(self, mono: float) -> List[Observation]:
        for follower in (self._auth, self._wtmp, self._btmp):
            follower.start()
        found = self._sessions(mono, existing=True)
        try:
            with self._files.utmp.open("rb") as file:
                records = parse_records(file.read(UTMP_BYTES), native_size())
        except OSError:
            records = []
        for record in records:
            found += self._record(record, mono, existing=True)
        return found

    def look(self, mono: float) -> List[Observation]:
        found: List[Observation] = []
        heard = self._auth.look()
        found += self._changed(heard.change, self._files.auth_log, mono)
        for line in (heard.data + self._in_journal(mono)).split(b"\n"):
            event = parse_line(line) if line else None
            if event is not None:
                found += self._event(event, mono)
        heard = self._wtmp.look()
        found += self._changed(heard.change, self._files.wtmp, mono)
        for record in parse_records(heard.data, native_size()):
            found += self._record(record, mono, existing=False)
        heard = self._btmp.look()
        found += self._changed(heard.change, self._files.btmp, mono)
        if self._auth.why is not None:  # the same tries stand in both
            for record in parse_records(heard.data, native_size()):
                origin = record.address or plain_address(text(record.host))
                self._failures.add("utmp", None if origin is None else (origin, None), 1, False, mono)
        # What failed comes before the login that did not.
        return found + self._failures.due(mono) + self._joined(mono) + self._sessions(mono) + self._ended(mono)

    def ending(self, mono: float) -> List[Observation]:
        return self.look(mono) + self._failures.due(mono, everything=True)

    def coverage(self) -> Coverage:
        reasons = []
        in_journal = self._auth.why is not None and self._journal.why is None
        if self._auth.why is not None and not in_journal:
            reasons.append("{} {}".format(self._auth.path, self._auth.why))
            reasons.append("ssh sessions are still seen by their processes, failed tries and methods are not")
        if self._wtmp.why is not None:
            reasons.append("{} {}".format(self._wtmp.path, self._wtmp.why))
        dropped = self._dropped + self._failures.dropped + self._auth.dropped + self._journal.dropped
        source = "journal" if in_journal else "logs"
        return Coverage(source, "poll", self.interval_s, dropped, "; ".join(reasons) or None)

    def close(self) -> None:
        for follower in (self._auth, self._wtmp, self._btmp):
            follower.close()
        self._journal.close()

    def _in_journal(self, mono: float) -> bytes:
        """What the journal says of logins, while no file does."""
        if self._auth.why is None:
            self._journal.close()
            return b""
        return self._journal.look(mono)

    def _event(self, event: AuthEvent, mono: float) -> List[Observation]:
        if event.what == auth_log.ACCEPTED:
            self._failures.hurry(event.origin)
            if len(self._waiting) >= LOGINS_KEPT:
                self._dropped += 1
            else:
                self._waiting.append(_Waiting(event, mono))
            return []
        if event.what in (auth_log.FAILED, auth_log.INVALID):
            self._failures.add(event.service, event.origin, event.times, event.what == auth_log.INVALID, mono)
            return []
        for login in self._open:
            if event.pid is not None and (login.service, login.pid) == (event.service, event.pid):
                self._open.remove(login)
                return [self._end(login, mono)]
        return []

    def _joined(self, mono: float) -> List[Observation]:
        """Lines whose connection has been found, or waited for long enough."""
        found, waiting = [], self._waiting
        self._waiting = []
        flows = self._flows() if waiting else {}
        for entry in waiting:
            origin = entry.event.origin
            flow = next((flow for flow in flows.values() if origin is not None and flow.remote == origin), None)
            if flow is None and origin is not None and mono - entry.heard < JOIN_S:
                self._waiting.append(entry)
                continue
            if flow is not None and any(login.flow == flow.flow for login in self._open):
                continue  # told by its process already
            login = _Login(entry.event.service, entry.event.user, entry.event.pid, entry.heard)
            found += self._begin(login, entry.event.method, origin, flow, mono, "auth.log", existing=False)
        return found

    def _sessions(self, mono: float, existing: bool = False) -> List[Observation]:
        """Sessions of sshd that no log told of: by the titles of its processes, joined by who holds the connection."""
        flows = self._flows()
        told = {login.flow for login in self._open}
        open_ssh = {
            flow.flow: flow
            for flow in flows.values()
            if flow.direction == "in" and flow.owner is not None and flow.flow not in told
            and is_sshd(flow.owner.exe)
        }  # fmt: skip
        self._unlogged = {flow: self._unlogged.get(flow, mono) for flow in open_ssh}
        due = [flow for name, flow in open_ssh.items() if existing or mono - self._unlogged[name] >= JOIN_S]
        titles = session_titles() if due else {}
        found = []
        for flow in due:
            holder = flow.owner.pid if flow.owner is not None else 0
            for pid, (ppid, user, line) in titles.items():
                if holder in (pid, ppid):
                    login = _Login("sshd", user, pid, mono)
                    login.line = line
                    found += self._begin(login, "unknown", flow.remote, flow, mono, "proc", existing)
                    break
        return found

    def _record(self, record: UtmpRecord, mono: float, existing: bool) -> List[Observation]:
        line = clip(text(record.line), 64)[0]
        if record.kind == DEAD_PROCESS:
            ended = [login for login in self._open if login.service == "utmp" and login.line == line]
            for login in ended:
                self._open.remove(login)
            return [self._end(login, mono) for login in ended]
        owner = self._who(record.pid) if record.kind == USER_PROCESS else None
        if owner is None or is_sshd(owner.exe):
            return []  # no login, or one of sshd's, which is told with its connection
        if any(login.pid == record.pid for login in self._open):
            return []
        login = _Login("utmp", clip(text(record.user), 128)[0], record.pid, mono)
        login.line = line
        origin = record.address or plain_address(text(record.host))
        return self._begin(login, "unknown", None if origin is None else (origin, None), None, mono, "wtmp", existing)

    def _begin(
        self, login: _Login, method: Optional[str], origin: Optional[Tuple[str, Optional[int]]], flow: Optional[Flow],
        mono: float, source: str, existing: bool,
    ) -> List[Observation]:  # fmt: skip
        if len(self._open) >= LOGINS_KEPT:
            self._dropped += 1
            self._open.pop(0)
        self._open.append(login)
        login.owner = flow.owner if flow is not None else None if login.pid is None else self._who(login.pid)
        login.flow = None if flow is None else flow.flow
        peer = None if flow is None else flow.peer
        fields: Dict[str, object] = {
            "user": login.user,
            "method": method,
            "service": login.service,
            "from": None if origin is None else list(origin),
            "tty": login.line,
            "flow": login.flow,
            "peer": None if peer is None else {"puid": peer.puid, "exe": peer.exe, "pid": peer.pid},
        }
        fields.update(self._carrier(login))
        if existing:
            fields["existing"] = True
        return [Observation("login.start", wall(login.since), login.since, "login/" + source, fields)]

    def _ended(self, mono: float) -> List[Observation]:
        """Logins whose connection or process has gone."""
        flows = self._flows() if any(login.flow for login in self._open) else {}
        found = []
        for login in list(self._open):
            if login.flow is not None:
                gone = login.flow not in flows
            else:
                gone = login.pid is not None and procfs.stat(login.pid) is None
            if gone:
                self._open.remove(login)
                found.append(self._end(login, mono))
        return found

    def _end(self, login: _Login, mono: float) -> Observation:
        fields: Dict[str, object] = {"user": login.user, "service": login.service, "flow": login.flow}
        fields.update(self._carrier(login), duration_s=round(mono - login.since, 3))
        return Observation("login.end", wall(mono), mono, "login/proc", fields)

    @staticmethod
    def _carrier(login: _Login) -> Dict[str, object]:
        owner = login.owner
        return {
            "puid": None if owner is None else owner.puid,
            "pid": login.pid if owner is None else owner.pid,
            "exe": None if owner is None else owner.exe,
        }

    @staticmethod
    def _changed(change: Optional[str], path: Path, mono: float) -> List[Observation]:
        if change is None:
            return []
        fields = {"name": "login-records", "what": text(bytes(path)), "value": change}
        return [Observation("config.state", wall(mono), mono, "login/logs", fields)]

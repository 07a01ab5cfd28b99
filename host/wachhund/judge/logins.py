"""Who sits in an ssh session: read from the programs that start under its process, and from what sshd itself tells."""

import itertools
from collections.abc import Iterable

from wachhund.judge.door import Door
from wachhund.judge.fact import Fact
from wachhund.judge.flows import Flow
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.reading_logins import LoginFact
from wachhund.judge.reading_processes import ProcessFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import is_ssh_server, program_name
from wachhund.judge.wording import command_line, shown

CLAIM_S = 3.0  # sshd starts its process for a connection within this time
# What sshd runs as root for the message of the day, before any shell: not the visitor.
_BEFORE_LOGIN = ("update-motd.d", "run-parts", "pam_", "xauth")


def own(state: RobotState, session: Session, flow: Flow) -> None:
    """Take the process behind a session's connection, unless it is the one that serves everybody.

    Which one that is, is only known where its listener is: else everybody's programs would be this visitor's.
    """
    fact = flow.fact
    if fact.puid is None or fact.pid is None or session.service.surface != "ssh":
        return
    serving_all = {listener.puid for listener in _listeners(state, session)}
    if not serving_all or serving_all & {fact.puid, None}:
        return
    if session.owner is None or session.owner.puid != fact.puid:
        claim(state, session, Door(fact.puid, fact.pid, fact.exe, fact.user))


def claim(state: RobotState, session: Session, owner: Door) -> None:
    """The process is this session's: programs under it are the visitor's."""
    if owner.pid is None or owner.puid is None:
        return
    session.owner = owner
    state.visitors.claim(owner.pid, owner.puid, session.id)
    incident = state.incidents.by_id.get(session.incident or "")
    if incident is not None:
        state.incidents.leads_to(incident, (owner.puid,))
    _look_back(state, session, owner.pid, 4)


def _look_back(state: RobotState, session: Session, pid: int, depth: int) -> None:
    """The programs may have been told before the connection was (a start of the agent, facts out of order)."""
    for puid in list(state.memory.processes.children.get(pid, ())):
        process = state.memory.processes.by_puid.get(puid)
        if process is not None and process.pid != pid:
            _take_user(session, process)
            if depth > 1:
                _look_back(state, session, process.pid, depth - 1)


def program_started(state: RobotState, fact: Fact, process: ProcessFact) -> tuple[Session | None, bool]:
    """The ssh session that a program starts in, and whether it told us who the visitor is."""
    session = state.visit_of(process.puid, process.pid)
    if session is None:
        _connection_taken(state, fact, process)
        return None, False
    if is_ssh_server(process.exe) and _is_server(session, _parent_exe(process)):
        return None, False  # sshd goes on in another process of its own
    learned = _take_user(session, process)
    if learned:
        state.sessions.changed[session.id] = session
    return session, learned


def _listeners(state: RobotState, session: Session) -> Iterable[ListenFact]:
    return state.memory.listeners.by_port.get(session.port, {}).values()


def _connection_taken(state: RobotState, fact: Fact, process: ProcessFact) -> None:
    """The process that listens for ssh made another of its program, or sshd's next: it serves a new connection."""
    is_servers = is_ssh_server(process.exe) or (process.exe is not None and process.exe == _parent_exe(process))
    if process.existing or not is_servers or state.served_by(process.pid) is not None:
        return
    latest = itertools.takewhile(lambda one: one.first_t >= fact.t - CLAIM_S, reversed(state.sessions.by_id.values()))
    orphans = [
        session
        for session in latest
        if session.service.surface == "ssh"
        and session.owner is None
        and session.first_t <= fact.t + CLAIM_S
        and any(listener.pid == process.ppid for listener in _listeners(state, session))
    ]
    if len(orphans) == 1:
        claim(state, orphans[0], Door(process.puid, process.pid, process.exe, process.user))


def _parent_exe(process: ProcessFact) -> str | None:
    return process.parent_exe or (process.ancestry[0][1] if process.ancestry else None)


def _is_server(session: Session, exe: str | None) -> bool:
    """Whether a program is the ssh server that serves a session: by its path, or because it does."""
    return is_ssh_server(exe) or (exe is not None and session.owner is not None and exe == session.owner.exe)


def _take_user(session: Session, process: ProcessFact) -> bool:
    parent = _parent_exe(process)
    if process.user is None or session.user_sure or not _is_server(session, parent) or _is_server(session, process.exe):
        return False
    # A root login's shell is started by the same process that runs root's preparations; another account's never is.
    root = process.user in ("root", "0")
    if root and (session.user is not None or any(word in command_line(process.argv) for word in _BEFORE_LOGIN)):
        return False
    if process.user == "sshd":
        return False
    session.user, session.user_sure = process.user, not root
    return True


def login_told(state: RobotState, login: LoginFact) -> Session | None:
    """The ssh session that a login names an account for, when nothing else has yet.

    A session without a program of its own (a forward, a shell that was there before the agent) has no other teller.
    """
    session = state.sessions.of_flow(login.flow) if login.flow is not None else None
    if session is None or session.service.surface != "ssh" or login.user is None or session.user_sure:
        return None
    session.user, session.user_sure = login.user, True
    state.sessions.changed[session.id] = session
    return session


def forked_child(state: RobotState, user: str | None, port: int) -> Session | None:
    """The open session whose sshd forked a process that never started a program, if only one can be meant.

    `port`: where it listens; on a session's own port it is the server itself. After a login sshd goes on in a child of
    the account's own; it makes no `process.start`, only what it does is seen.
    """
    able = [
        session
        for session in state.sessions.by_id.values()
        if session.service.surface == "ssh"
        and session.last_t is None
        and session.user in (None, user)
        and session.port != port
    ]
    if len(able) != 1:
        return None
    session = able[0]
    if session.user is None and user not in (None, "root", "0", "sshd"):
        session.user, session.user_sure = user, True
        state.sessions.changed[session.id] = session
    return session


def told_program(process: ProcessFact) -> str:
    """A started program in a sentence."""
    what = shown(command_line(process.argv)) or shown(process.exe or "a program that was gone too soon to be named")
    who = f"as {shown(process.user)}" if process.user else "as an unknown user"
    return f"{shown(program_name(process.exe or '?'))} was started {who} (pid {process.pid}): {what}"

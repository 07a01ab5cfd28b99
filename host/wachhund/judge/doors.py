"""New ways in behind a known one: listeners opened by a relay, or by somebody who came through it."""

from wachhund.judge import logins
from wachhund.judge.fact import Fact
from wachhund.judge.reading_listeners import ListenFact
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import is_ssh_server, program_name
from wachhund.judge.wording import endpoint, shown

_LOOPBACK = ("127.", "::1")
MAX_UNCLAIMED = 64  # listeners of sshd without a visitor, a robot


def listener_opened(state: RobotState, fact: Fact, listener: ListenFact) -> None:
    """Take a `listen.open`."""
    known = state.memory.listeners.at(listener.local)
    state.memory.listeners.opened(listener)
    if known is None or (known.puid, known.local) != (listener.puid, listener.local):
        _look_behind(state, fact, listener)


def visitor_came(state: RobotState) -> None:
    """An ssh session began: a listener of sshd that was told before it may be its visitor's."""
    for local, (fact, listener) in list(state.unclaimed.items()):
        del state.unclaimed[local]
        _look_behind(state, fact, listener)


def _look_behind(state: RobotState, fact: Fact, listener: ListenFact) -> None:
    """Find whose listener it is, and add it to that incident."""
    process = state.memory.processes.by_puid.get(listener.puid or "")
    visit = state.visit_of(listener.puid, listener.pid)
    if visit is None:
        visit = state.served_by(listener.pid)
    exe = listener.exe or (process.exe if process else None)
    if visit is None and process is None and is_ssh_server(exe):
        visit = logins.forked_child(state, listener.user, listener.local[1])
        if visit is None and len(state.unclaimed) < MAX_UNCLAIMED:
            state.unclaimed[listener.local] = (fact, listener)
    incident = state.incident_of(listener.puid, listener.pid)
    if incident is None and visit is not None:
        incident = state.incidents.by_id.get(visit.incident or "")
    where = endpoint(*listener.local)
    forwarded = visit is not None and is_ssh_server(exe)
    how = "sshd opened it for the visitor (ssh -R)" if forwarded else f"{shown(program_name(exe or '?'))} opened it"
    if incident is None and forwarded and visit is not None:
        # From the local network: a colleague's port forward, most likely, but a way in that outlives no one's notice.
        key = ("forward", *map(str, listener.local))
        incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "tunnel", "low")
        incident.name(0, f"A visitor's ssh session opened port {listener.local[1]}{state.on()}")
        incident.advise(0, ("Ask the person of the session below whether they forwarded this port.",))
        state.attach(incident, visit)
    if incident is None:
        return
    outside = not listener.local[0].startswith(_LOOPBACK)
    if not listener.existing and outside and incident.kind in ("relay", "remote-control", "tunnel") and not _lan(visit):
        incident.rise(incident.kind, "high")
    incident.story.tell_once(fact.t, f"listens {where}", f"A new listener on {where}: {how}.")
    if outside or visit is not None:
        incident.rules["behaviour: new listener behind the same door"] = None
    else:
        incident.rules["behaviour: local listener of the same program"] = None
    incident.attack["T1090"] = None
    if listener.puid is not None and not is_ssh_server(exe):
        state.incidents.leads_to(incident, (listener.puid,))
    state.mark(incident, fact)


def _lan(visit: object) -> bool:
    return getattr(visit, "carrier", None) == "lan"

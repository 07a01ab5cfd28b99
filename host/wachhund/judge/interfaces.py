"""Interfaces that are tunnels: one that comes up, who comes in by it, and a robot that begins to pass on packets.

A tun or tap interface is held by the program behind it. Of other kinds, and where the holder is of no story yet, the
tunnel that an incident of the last minute is about is taken for it: one that is allowed only where it is known to make
interfaces, and has none yet. The kernel's word of an interface may come before that of its holder's start, by which
alone it is known whose tunnel it is, and before that of its address, by which it is known whether it is allowed: it
waits a moment for both.
"""

from dataclasses import replace

from wachhund.judge import standing
from wachhund.judge.ends import process_hop
from wachhund.judge.fact import Fact
from wachhund.judge.incident import Incident
from wachhund.judge.reading_links import LinkFact
from wachhund.judge.sessions import Session
from wachhund.judge.state import RobotState
from wachhund.judge.surfaces import program_name
from wachhund.judge.wording import shown
from wachhund_evidence import Observation

SAME_STORY_S = 60.0  # a tunnel program makes its interface within this time of its start
SETTLE_S = 5.0  # within which a holder's start and an address are told, if ever; a busy robot took 1.5 s
MAX_COMING_UP = 64  # interfaces that wait for them, a robot
_ADVICE = (
    "Look what it is: ip -d addr; sudo wg show; ps -ef --forest",
    "Ask whoever looks after this robot whether they set it up.",
    "If nobody knows it: keep the evidence below, then take it down: sudo ip link delete dev <its name>",
)
_ROUTER_ADVICE = (
    "Look what passes: sudo iptables-save; cat /proc/sys/net/ipv4/ip_forward; ip route",
    "If nobody switched it on on purpose: sudo sysctl -w net.ipv4.ip_forward=0",
)


def told(state: RobotState, fact: Fact, link: LinkFact) -> None:
    """Take a `link.change`."""
    before = state.memory.links.told(link)
    if link.name in state.coming_up:
        due, first, _ = state.coming_up[link.name]
        if link.up and not link.gone:
            state.coming_up[link.name] = (due, first, link)
            if _is_complete(state, link):
                _decide(state, link.name)
            return
        _decide(state, link.name)
    if not link.is_tunnel or link.gone or link.existing or not link.up or (before is not None and before.up):
        if before is not None and link.is_tunnel:
            _changed(state, fact, link)
        return
    if not _is_complete(state, link):
        if len(state.coming_up) >= MAX_COMING_UP:
            _decide(state, next(iter(state.coming_up)))
        state.coming_up[link.name] = (fact.t + SETTLE_S, fact, link)
        return
    _came_up(state, fact, link)


def program_told(state: RobotState) -> None:
    """A program's start was told: it may be what an interface waits for."""
    for name, (_, _, link) in list(state.coming_up.items()):
        if _is_complete(state, link):
            _decide(state, name)


def settle(state: RobotState, now: float) -> None:
    """Judge the interfaces of which not all was told in time. `now`: host time."""
    for name, (due, _, _) in list(state.coming_up.items()):
        if due <= now:
            _decide(state, name)


def _is_complete(state: RobotState, link: LinkFact) -> bool:
    """Whether it has a network, and a holder's start was told, or that of a program that it goes on as."""
    known = state.memory.processes.by_puid
    is_known = any(holder.puid in known for holder in link.holders) or _of_holder(state, link) is not None
    return link.inner is not None and (is_known or not link.holders)


def _decide(state: RobotState, name: str) -> None:
    _, fact, link = state.coming_up.pop(name)
    _came_up(state, fact, link)


def _came_up(state: RobotState, fact: Fact, link: LinkFact) -> None:
    incident = _of_link(state, fact, link.name) or _of_holder(state, link) or lately(state, fact)
    key = ("link", link.name)
    incident = incident or state.incidents.begin(key, fact, "tunnel", "medium")
    state.incidents.leads_to(incident, story=key)
    incident.rise("tunnel", "medium")
    incident.link = link.name
    if incident.label is None:
        incident.label = link.name  # by which an authorisation may name it
    incident.name(0, f"A tunnel interface came up: {_named(link)}{state.on()}")
    incident.rules["behaviour: a tunnel interface came up"] = None
    incident.attack["T1572"] = None
    incident.advise(0, _ADVICE)
    _hold(state, incident, link)
    _tell(state, fact, incident, link)


def _changed(state: RobotState, fact: Fact, link: LinkFact) -> None:
    incident = _of_link(state, fact, link.name)
    if incident is not None:
        _hold(state, incident, link)
        _tell(state, fact, incident, link)


def _of_holder(state: RobotState, link: LinkFact) -> Incident | None:
    found = (state.incident_of(holder.puid, holder.pid) for holder in link.holders)
    return next((incident for incident in found if incident is not None), None)


def _hold(state: RobotState, incident: Incident, link: LinkFact) -> None:
    """Whoever comes by the interface comes through the program that holds it."""
    if link.holders:
        state.incidents.leads_to(incident, [holder.puid for holder in link.holders])
        incident.door = incident.door or link.holders[0]


def _of_link(state: RobotState, fact: Fact, name: str) -> Incident | None:
    return state.incidents.of_story(("link", name), fact.t)


def lately(state: RobotState, fact: Fact) -> Incident | None:
    """The newest incident of a tunnel that began a moment ago."""
    near = [
        incident
        for incident in state.incidents.by_id.values()
        if incident.kind in ("tunnel", "relay", "remote-control")
        and 0 <= fact.t - incident.first_t <= SAME_STORY_S
        and (incident.told is not False or (incident.brings_links and incident.link is None))
    ]
    return max(near, key=lambda incident: incident.first_t, default=None)


def _tell(state: RobotState, fact: Fact, incident: Incident, link: LinkFact) -> None:
    if link.gone or not link.up:
        incident.story.tell(fact.t, f"link {link.name} down", f"The interface {_named(link)} went down.")
    else:
        where = f" with {', '.join(shown(one, 60) for one in link.addresses)}" if link.addresses else ""
        ends = f" to {', '.join(shown(one, 60) for one in link.endpoints)}" if link.endpoints else ""
        text = f"The interface {_named(link)} is up{where}{ends}."
        incident.story.tell_once(fact.t, f"link {link.name} {link.addresses} {link.endpoints}", text)
        for holder in link.holders:
            program = shown(program_name(holder.exe)) if holder.exe else "A program that was not seen"
            text = f"{program} (pid {holder.pid}) holds {shown(link.name, 32)}."
            incident.story.tell_once(fact.t, f"holds {link.name} {holder.puid}", text)
    if link.default_route and link.up and not link.gone:
        incident.rise("tunnel", "high")
        incident.story.tell_once(
            fact.t, f"link {link.name} all", f"All that leaves the robot now goes through {shown(link.name, 32)}."
        )
    state.mark(incident, fact)


def _named(link: LinkFact) -> str:
    return f"{shown(link.name, 32)} ({shown(link.kind or '?', 32)})"


def visitor(state: RobotState, fact: Fact, session: Session) -> None:
    """A session on a control surface from an address in a tunnel interface's network."""
    hop = next((hop for hop in session.trace.hops if hop["hop"] == "link"), None)
    name = str(hop["name"]) if hop is not None else "?"
    if name in state.coming_up:
        _decide(state, name)
    key = ("link", name)
    incident = state.incidents.by_id.get(session.incident or "") or state.incidents.of_story(key, fact.t)
    incident = incident or lately(state, fact) or state.incidents.begin(key, fact, "tunnel", "medium")
    state.incidents.leads_to(incident, story=key)
    if incident.link is None:
        incident.link = name
    if name in state.memory.links.by_name:
        _hold(state, incident, state.memory.links.by_name[name])
    _trace_further(state, incident, session)
    state.attach(incident, session)
    standing.tell_session(state, fact, incident, session)
    gravest = incident.gravest() or session
    kind, word = standing.use_of(gravest.service)
    incident.rise(kind, "high")
    user = f" as {shown(gravest.user)}" if gravest.user else ""
    service = shown(gravest.service.name, 60)
    label = incident.label if incident.label not in (None, name) else None
    by = label or (state.told_name(incident.door) if incident.door is not None else None)
    known = f" of {shown(by, 40)}" if by else ""
    way = f"through the tunnel interface {shown(name, 32)}{known}"
    incident.name(4, f"{word} not allowed: {service}{user} {way}{state.on()}")
    incident.rules["behaviour: session through a tunnel interface"] = None
    incident.attack.update(dict.fromkeys(("T1572", "T1133")))
    incident.advise(1, _ADVICE)
    state.mark(incident, fact)


def _trace_further(state: RobotState, incident: Incident, session: Session) -> None:
    """Where the program behind the interface is known, its other end is the way in, and the visitor's address inner."""
    hops, trace = session.trace.hops, session.trace
    if incident.door is None or hops[0]["hop"] != "address" or len(hops) != 2:
        return
    outer = state.door_origin(incident)[0]
    if outer["hop"] == "address":
        link = {**hops[1], "address": hops[0]["address"]}
        further = replace(trace, hops=(outer, process_hop(incident.door, "tunnel"), link), door=incident.door)
        state.sessions.become(session, session.service, session.port, further, session.address)


def is_routing(observation: Observation) -> bool:
    """Whether an observation says that the robot began to pass on other machines' packets."""
    fields = observation.fields
    return (
        observation.kind == "config.state"
        and fields.get("name") in ("ip-forwarding", "nat")
        and fields.get("value") is True
        and fields.get("existing") is not True
    )


def routes(state: RobotState, fact: Fact) -> None:
    """The robot became a way to the machines behind it."""
    key = ("router",)
    incident = state.incidents.of_story(key, fact.t) or state.incidents.begin(key, fact, "tunnel", "medium")
    incident.name(0, f"The robot began to pass on other machines' packets{state.on()}")
    what = {"nat": "It rewrites their addresses (NAT)", "ip-forwarding": "Forwarding was switched on"}
    incident.story.tell(fact.t, str(fact.observation.fields["name"]), f"{what[str(fact.observation.fields['name'])]}.")
    incident.rules["behaviour: forwarding switched on"] = None
    incident.attack["T1090.001"] = None
    incident.advise(0, _ROUTER_ADVICE)
    state.mark(incident, fact)

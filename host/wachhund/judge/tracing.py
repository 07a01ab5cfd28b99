"""Where a connection really comes from, hop by hop (detection.md, tracing rule). Pure look-ups in a robot's memory.

Take the peer. Outside the robot: that is the origin. On the robot: find the process at the other end. A known proxy:
join its inner and outer side. Any other process with an outer connection is a relay, suspected until its bytes show it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wachhund.judge.door import Door
from wachhund.judge.ends import (
    INSIDE,
    OUTSIDE,
    Hop,
    address_hop,
    apart,
    carrier_of,
    client_of,
    holder_hops,
    leads_out,
    process_hop,
    unknown_hop,
)
from wachhund.judge.flows import Flow
from wachhund.judge.memory import Memory
from wachhund.judge.reading_links import LinkFact
from wachhund.judge.surfaces import is_proxy, is_ssh_server, program_name
from wachhund.judge.wording import shown

MAX_DEPTH = 4  # proxies behind proxies; a loop ends there
# Hops of an origin, beside the last steps of a session: the outer half tells who it is, the inner half by which way he
# came here. Who logs in to the robot from the robot again and again is told by number.
MAX_HOPS = 16
JOIN_S = 2.0  # a proxy asks its inner service within this time of being asked, when several clients could have been it


@dataclass(frozen=True, slots=True)
class Trace:
    """An origin. `hops`: from the outside inwards, up to but without the service. `carrier`: what brought it.

    `door`: the relay, if one is on the way; `outer`: its or the proxy's outer flow. `within`: the origin of the session
    that started the client; that one's own is told by its hops alone. `settled`: False when facts that are commonly a
    moment late could still tell more.
    """

    hops: tuple[Hop, ...]
    carrier: str
    door: Door | None = None
    outer: Flow | None = None
    within: "Trace | None" = None
    proxied: bool = False
    settled: bool = True


def shortened(hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """At most MAX_HOPS of an origin: the middle of a longer one is counted (`left_out`), also once more."""
    if len(hops) <= MAX_HOPS:
        return hops
    half = MAX_HOPS // 2
    outer, middle, inner = hops[:half], hops[half : 1 - half], hops[1 - half :]
    number = sum(int(hop.get("left_out", 1)) for hop in middle)
    return (*outer, {**unknown_hop(f"{number} more steps within the robot are left out"), "left_out": number}, *inner)


def trace(
    memory: Memory,
    flow: Flow,
    relays: Mapping[str, str],
    within: Callable[[str | None, int | None], Trace | None],
    depth: int = 0,
) -> Trace:
    """The origin of an accepted flow.

    `relays`: inner flow -> outer flow, as relay facts named them. `within(puid, pid)`: the origin of the session that a
    process descends from, if any.
    """
    scope = flow.fact.scope
    if scope in OUTSIDE:
        link = memory.links.tunnel_of(flow)
        if link is not None:
            return Trace(_through_link(_far_hop(flow), link), "tunnel", outer=flow)
        own = apart(memory, flow)
        if own is None:
            return Trace((address_hop(flow),), str(scope), outer=flow)
        door, outer = own  # by whatever link joins the namespaces, nothing between them leaves the robot
        hops = (address_hop(outer), process_hop(door, "suspected relay"), {"hop": "loopback"})
        return Trace(hops, "relay", door=door, outer=outer)
    if scope not in INSIDE:
        return Trace((unknown_hop("the connection belongs to another network namespace of the robot"),), "unknown")
    client = client_of(memory, flow)
    if client is None:
        why = "which process holds the other end of this connection within the robot was not seen"
        return Trace((unknown_hop(why), {"hop": "loopback"}), "unknown", settled=False)
    inner = memory.flows.mate(flow)
    if is_proxy(client.exe):
        return _through_proxy(memory, flow, inner, client, relays, within, depth)
    found, why = outer_flow(memory, client, inner, relays)
    if found is not None:
        way = (address_hop(found), *holder_hops(found, client), process_hop(client, "suspected relay"))
        return Trace((*way, {"hop": "loopback"}), "relay", door=client, outer=found)
    nested = _through_another(memory, client, inner, relays)
    if nested is not None:
        return nested
    session = within(client.puid, client.pid)
    if session is not None:
        further = (*session.hops, process_hop(client, "program"), {"hop": "loopback"})
        return Trace(further, session.carrier, door=session.door, outer=session.outer, within=session)
    unknown = (unknown_hop(why), process_hop(client, "program"), {"hop": "loopback"})
    return Trace(unknown, "unknown", door=client, settled=False)


def _far_hop(flow: Flow) -> Hop:
    """Who asks: of a connection that only crosses the robot, where it comes from."""
    source = flow.fact.source if flow.fact.direction == "through" else None
    return address_hop(flow) if source is None else {"hop": "address", "address": source[0], "port": source[1]}


def _through_link(far: Hop, link: LinkFact) -> tuple[Hop, ...]:
    hop: Hop = {"hop": "link", "name": link.name, "kind": link.kind}
    if len(link.endpoints) != 1:
        return (far, hop)
    return ({"hop": "address", "address": link.endpoints[0], "port": None}, {**hop, "address": far.get("address")})


def outer_flow(memory: Memory, client: Door, inner: Flow | None, relays: Mapping[str, str]) -> tuple[Flow | None, str]:
    """The outside connection behind a client's inner one; or None and the reason."""
    name = shown(program_name(client.exe)) if client.exe else "the program"
    told = memory.flows.by_id.get(relays.get(inner.fact.flow, "")) if inner is not None else None
    if told is not None:
        return told, ""
    began = inner.first_t if inner is not None else None
    for puids in ((client.puid,), memory.processes.family(client.puid)[1:]):
        found = [
            flow
            for puid in puids
            if puid
            for flow in memory.flows.outer_of(puid)
            if leads_out(flow) and (puid == client.puid or _not_a_shell_server(flow))
            if began is None or (flow.closed_t is None or flow.closed_t >= began)
        ]
        addresses = {flow.fact.remote for flow in found}
        if len(addresses) == 1:
            return found[-1], ""
        if addresses:
            before = [flow for flow in found if began is None or flow.first_t <= began]
            # Of several, the one that was opened last before the inner one; a relay fact corrects it. Echoes that come
            # from elsewhere than they went to are answers.
            return max(before or found, key=lambda flow: (not _is_answer(flow), flow.first_t)), ""
    return None, f"{name} holds no connection to the outside that was seen"


def _is_answer(flow: Flow) -> bool:
    return flow.fact.proto == "icmp" and flow.fact.direction == "in"


def _through_another(
    memory: Memory, client: Door, inner: Flow | None, relays: Mapping[str, str]
) -> Trace | None:  # fmt: skip
    """The origin of what a client passes on that itself goes through another program of the robot to the outside."""
    for puid in memory.processes.family(client.puid):
        for flow in memory.flows.of(puid):
            carrier = carrier_of(memory, flow) if flow is not inner else None
            if carrier is None or carrier.puid == client.puid:
                continue
            if inner is not None and not _was_there(flow, inner.first_t):
                continue
            outer, _ = outer_flow(memory, carrier, None, relays)
            if outer is not None:
                ways = (process_hop(carrier, "suspected relay"), process_hop(client, "suspected relay"))
                hops = (address_hop(outer), ways[0], {"hop": "loopback"}, ways[1], {"hop": "loopback"})
                return Trace(hops, "relay", door=carrier, outer=outer)
    return None


def _was_there(flow: Flow, t: float) -> bool:
    return flow.first_t <= t and (flow.closed_t is None or flow.closed_t >= t)


def _not_a_shell_server(flow: Flow) -> bool:
    """sshd is the parent of what its visitors start; that is descent (`within`), not a relay's family."""
    return not is_proxy(flow.fact.exe)


def _through_proxy(
    memory: Memory,
    flow: Flow,
    inner: Flow | None,
    proxy: Door,
    relays: Mapping[str, str],
    within: Callable[[str | None, int | None], Trace | None],
    depth: int,
) -> Trace:
    hop = process_hop(proxy, "proxy")
    began = (inner or flow).first_t
    clients = [
        candidate
        for puid in memory.processes.family(proxy.puid)
        for candidate in memory.flows.of(puid)
        if candidate.fact.direction == "in"
        and candidate is not flow
        and candidate.first_t <= began + JOIN_S
        and (candidate.closed_t is None or candidate.closed_t >= began - JOIN_S)
    ]
    if not clients and is_ssh_server(proxy.exe) and proxy.puid not in memory.processes.by_puid:
        # sshd serves a visitor from a forked child that makes no `process.start`: any visitor's connection may be its.
        clients = [
            candidate
            for candidate in memory.flows.by_id.values()
            if candidate.fact.direction == "in"
            and candidate is not flow
            and candidate.closed_t is None
            and is_ssh_server(candidate.fact.exe)
        ]
    near = [candidate for candidate in clients if candidate.first_t >= began - JOIN_S]
    chosen = _one_address(clients) or _one_address(near)
    name = shown(program_name(proxy.exe or "the proxy"))
    if chosen is None or depth >= MAX_DEPTH:
        why = (
            f"{name} had {len(clients)} clients then; which of them this was is not known"
            if clients
            else f"no client of {name} was seen that this could belong to"
        )
        return Trace((unknown_hop(why), hop, {"hop": "loopback"}), "unknown", settled=bool(clients))
    behind = trace(memory, chosen, relays, within, depth + 1)
    hops = (*behind.hops, hop, {"hop": "loopback"})
    return Trace(hops, behind.carrier, behind.door, chosen, behind.within, True, behind.settled)


def _one_address(candidates: list[Flow]) -> Flow | None:
    """The newest of the candidates when all of them come from one address."""
    addresses = {flow.fact.remote[0] for flow in candidates if flow.fact.remote}
    return max(candidates, key=lambda flow: flow.first_t) if len(addresses) == 1 else None

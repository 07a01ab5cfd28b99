"""The ends of a connection: where it leads, and which program of the robot holds its other end. Pure look-ups."""

import ipaddress
from functools import lru_cache
from typing import Any

from wachhund.judge import outer_flows
from wachhund.judge.door import Door
from wachhund.judge.flows import Flow
from wachhund.judge.memory import Memory
from wachhund.judge.surfaces import is_known_port, is_proxy, service_at

Hop = dict[str, Any]

OUTSIDE = outer_flows.OUTSIDE
INSIDE = ("loopback", "robot")


@lru_cache(maxsize=1024)
def _is_group(address: str) -> bool:
    """Whether an address is a whole group's, or everybody's (RFC 5771, RFC 4291, RFC 919)."""
    try:
        one = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return one.is_multicast or address == "255.255.255.255"


def leads_out(flow: Flow) -> bool:
    """Whether a connection has its other end outside, in one place: what goes to a group of addresses asks nobody in.
    The agent's own does not count.
    """
    remote = flow.fact.remote
    return flow.fact.scope in OUTSIDE and not flow.fact.own and (remote is None or not _is_group(remote[0]))


def address_hop(flow: Flow) -> Hop:
    """The outer end of a flow; of one that crosses the robot, where it leads."""
    address, port = flow.fact.remote or flow.fact.target or (None, None)
    if address is None:
        return unknown_hop("the connection's other end was not told")
    return {"hop": "address", "address": address, "port": port}


def process_hop(door: Door, role: str) -> Hop:
    """A process on the way; `role`: relay, suspected relay, proxy or program."""
    return {"hop": "process", "role": role, "exe": door.exe, "pid": door.pid, "user": door.user}


def holder_hops(outer: Flow | None, client: Door) -> tuple[Hop, ...]:
    """The program that holds a relay's outer connection, where it is another than the one that asks the service."""
    told = outer.fact if outer is not None else None
    if told is None or told.exe is None or told.exe == client.exe or told.puid in (None, client.puid):
        return ()
    return (process_hop(Door(told.puid, told.pid, told.exe, told.user), "suspected relay"),)


def unknown_hop(why: str) -> Hop:
    """A part of the way that cannot be known."""
    return {"hop": "unknown", "why": why}


def apart(memory: Memory, flow: Flow) -> tuple[Door, Flow] | None:
    """The process of this robot that holds the other end of a flow from outside, and its connection to the outside.

    It has a network namespace of its own, as in a container: its address looks like another machine's, and what it
    holds outside only crosses the robot. Where nothing of that address does, it is taken for the neighbour it looks.
    """
    fact = flow.fact
    peer, local, here = fact.peer, fact.local, fact.remote[0] if fact.remote is not None else None
    if fact.scope not in OUTSIDE or fact.direction != "in" or peer is None or peer.puid is None or local is None:
        return None
    crossing = [
        other
        for other in memory.flows.by_id.values()
        if other.fact.direction == "through"
        and other.fact.scope == "internet"
        and other.fact.source is not None
        and other.fact.source[0] == here
        and other.fact.target is not None
        and (other.closed_t is None or other.closed_t >= flow.first_t)
    ]
    client = client_of(memory, flow) if crossing else None
    return None if client is None else (client, max(crossing, key=lambda other: other.first_t))


def client_of(memory: Memory, flow: Flow) -> Door | None:
    """The process at the other end of a flow within the robot; None when nobody told."""
    mate = memory.flows.mate(flow)
    peer = flow.fact.peer
    if mate is not None and (mate.fact.puid or mate.fact.exe):
        return Door(mate.fact.puid, mate.fact.pid, mate.fact.exe, mate.fact.user)
    if peer is not None and (peer.puid or peer.exe):
        known = memory.processes.by_puid.get(peer.puid or "")
        pid = peer.pid if peer.pid is not None else (known.pid if known else None)
        return Door(peer.puid, pid, peer.exe or (known.exe if known else None), known.user if known else None)
    return None


def carrier_of(memory: Memory, flow: Flow) -> Door | None:
    """The program of the robot that a connection within it is handed to, where that is none of its known services."""
    fact = flow.fact
    if fact.direction != "out" or fact.scope not in INSIDE or fact.own or fact.remote is None:
        return None
    if is_known_port(fact.remote[1]):
        return None  # said first: a program may hold thousands to a service
    carrier = client_of(memory, flow)
    if carrier is None or is_proxy(carrier.exe) or not service_at(fact.remote[1], carrier.exe).guessed:
        return None
    return carrier

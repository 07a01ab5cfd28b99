"""Datagrams that a program of the robot sends to a service of the robot: as the service sees them, and for whom."""

from dataclasses import replace

from wachhund.judge.flows import Flow
from wachhund.judge.reading_flows import Peer

MIN_BYTES = 2_048  # both ways together; fewer may be alike by chance
TOLERANCE = 0.1  # of the larger count: the two are not counted in the same moment


def from_service(flow: Flow) -> Flow:
    """A flow within the robot from its other end: a socket that is open to all tells no connections of its own."""
    told = flow.fact
    seen = replace(
        told, direction="in", local=told.remote, remote=told.local, peer=Peer(told.puid, told.pid, told.exe),
        puid=None, pid=None, exe=None, user=None, bytes_in=told.bytes_out, bytes_out=told.bytes_in,
    )  # fmt: skip
    return replace(flow, fact=seen)


def is_passed_on(outer: Flow, inner: Flow) -> bool:
    """Whether a program sends inwards what comes from outside, and outwards what comes from inside, byte for byte.

    `inner` is seen from the program's side, as `outer` is.
    """
    pairs = (outer.fact.bytes_in or 0, inner.fact.bytes_out or 0), (outer.fact.bytes_out or 0, inner.fact.bytes_in or 0)
    alike = all(min(pair) > 0 and max(pair) - min(pair) <= TOLERANCE * max(pair) for pair in pairs)
    return alike and sum(max(pair) for pair in pairs) >= MIN_BYTES

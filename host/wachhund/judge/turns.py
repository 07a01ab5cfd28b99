"""A program that carries one short visit after another: each time it dials, asks the same local service, and ends both.

Of so short connections the relay sensor can weigh none, and often tells of none; that they come and go in pairs, again
and again, is what is left. It proves no relay: an uploader that reads a page and sends it on does the same.
"""

from wachhund.judge.door import Door
from wachhund.judge.ends import INSIDE, leads_out
from wachhund.judge.flows import Flow
from wachhund.judge.memory import Memory

ENOUGH = 4  # visits
TOGETHER_S = 1.0  # within which both connections of a visit end


def were_taken(memory: Memory, door: Door | None, outer: Flow | None, port: int) -> bool:
    """Whether a program may have carried several visits from one address outside to a port of the robot."""
    if door is None or door.puid is None or outer is None or outer.fact.remote is None:
        return False
    flows = list(memory.flows.of(door.puid))
    outers = [one for one in flows if leads_out(one) and one.fact.remote and one.fact.remote[0] == outer.fact.remote[0]]
    inners = [one for one in flows if one.fact.scope in INSIDE and one.fact.remote and one.fact.remote[1] == port]
    return sum(any(_carries(one, inner) for one in outers) for inner in inners) >= ENOUGH


def _carries(outer: Flow, inner: Flow) -> bool:
    """Whether one connection can have carried what the other did, and began before it and ended with it."""
    if inner.closed_t is None or outer.closed_t is None or not outer.first_t <= inner.first_t <= outer.closed_t:
        return False
    asked, answered = inner.fact.bytes_out or 0, inner.fact.bytes_in or 0
    enough = asked > 0 and answered > 0
    enough = enough and (outer.fact.bytes_in or 0) >= asked and (outer.fact.bytes_out or 0) >= answered
    return enough and abs(outer.closed_t - inner.closed_t) <= TOGETHER_S
